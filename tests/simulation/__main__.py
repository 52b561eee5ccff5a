"""Run seeds by hand: `PYTHONPATH=tests python -m simulation --seeds 1000 --first 0`.

Prints each broken promise with its seed, and a summary. `--trace` prints the log of the seed, in virtual time; with one
seed that fails it is printed anyway. Exit code 1 if a promise was broken.
"""

from __future__ import annotations

import argparse
import os
import sys
import time


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m simulation", description="Upwell under a seeded adversary")
    parser.add_argument("--seeds", type=int, default=100, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--only", type=int, nargs="*", help="these seeds, instead")
    parser.add_argument("--trace", action="store_true", help="print what happened")
    parser.add_argument("--progress", action="store_true", help="name each seed when it is done")
    options = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":  # else one seed would be another history in another process
        again = [sys.executable, "-m", "simulation", *sys.argv[1:]]
        os.execve(sys.executable, again, {**os.environ, "PYTHONHASHSEED": "0"})  # noqa: S606 - itself
    seeds = options.only or range(options.first, options.first + options.seeds)
    return _run(list(seeds), options.trace, options.progress)


def _run(seeds: list[int], trace: bool, progress: bool) -> int:
    from simulation.bed import simulate  # noqa: PLC0415 - takes a second, and is lost if the process starts anew

    start, failed, jobs = time.process_time(), [], 0
    for seed in seeds:
        outcome = simulate(seed)
        jobs += outcome.jobs
        if progress:
            so_far = f"{time.process_time() - start:.1f} s so far"
            print(f"seed {seed}: {outcome.jobs} Jobs, {so_far}", file=sys.stderr, flush=True)
        if trace or (not outcome.ok and len(seeds) == 1):
            print(outcome.trace.text())
        if not outcome.ok:
            failed.append(seed)
            print(f"seed {seed} [{outcome.weather}]", *outcome.trace.violations, sep="\n    ", flush=True)
    took = time.process_time() - start
    each = f"{took / len(seeds) * 1000:.0f} ms a seed"
    print(f"{len(seeds)} seeds, {jobs} Jobs, {took:.1f} s of CPU ({each}); failed: {failed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
