"""P6: what the runner adds to a function: its process time, against the same function under `python -c`.

Ours: `python -m upwell.runner` as in a pod, with a server that acknowledges and a token file. Reference, in the same
run, in turn, by the same interpreter: the function imported and called. P6 is the function that observes. The other,
which materializes and imports nothing of Upwell, is printed because it is stricter: its reference does not pay for the
SDK's names. The SDK lies as the image lays it out, copied, with bytecode that is not checked again; and once more
without bytecode, as a user's image with another Python finds it. Process time is user and system time of the child, so
that a busy machine disturbs it little; wall time is printed beside it.

    python tests/bench/bench_runner.py [--rounds 21] [--sdk sdk/src]
"""

from __future__ import annotations

import compileall
import os
import py_compile
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from figures import Figure, finish, options

SDK = Path(__file__).parents[2] / "sdk" / "src"
BAR = 0.100
FUNCTIONS = {
    "observe": """
from hashlib import sha256
from upwell import DataVersion, observable_source_asset

@observable_source_asset
def look():
    return DataVersion(sha256(b"orders").hexdigest())
""",
    "materialize": """
from hashlib import sha256

def look():
    sha256(b"orders").hexdigest()
""",
}
Environment = dict[str, str]


@dataclass(frozen=True)
class Times:
    """What some starts of one command took, in seconds."""

    cpus: list[float] = field(default_factory=list)
    walls: list[float] = field(default_factory=list)

    def start(self, command: Sequence[str], env: Environment) -> None:
        """Run it once more, to its end."""
        before, wall = _children(), time.perf_counter()
        subprocess.run(command, env=env, check=True)
        self.walls.append(time.perf_counter() - wall)
        self.cpus.append(_children() - before)


@dataclass(frozen=True)
class Comparison:
    """A function observed by the runner, and the same function alone."""

    what: str
    ours: Times = field(default_factory=Times)
    reference: Times = field(default_factory=Times)

    @property
    def barred(self) -> bool:
        """Tell P6 from what is printed beside it."""
        return self.what.startswith("P6")

    @property
    def added(self) -> float:
        """Give the figure that counts: the median of what each pair of starts differs by, in process time."""
        return statistics.median(a - b for a, b in zip(self.ours.cpus, self.reference.cpus, strict=True))

    def figures(self) -> list[Figure]:
        """Give what is added, against the bar, and what it is added to."""
        bar, ok = (f"<= {BAR * 1000:.0f} ms", self.added <= BAR) if self.barred else ("", True)
        ours, reference = self.ours, self.reference
        return [
            Figure(f"{self.what}: added", self.added * 1000, "ms", None, bar, ok),
            Figure(f"   {self.what.strip()}: CPU", _ms(ours.cpus), "ms", _ms(reference.cpus)),
            Figure(f"   {self.what.strip()}: wall", _ms(ours.walls), "ms", _ms(reference.walls)),
        ]


def _ms(seconds: list[float]) -> float:
    return statistics.median(seconds) * 1000


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Ingest(BaseHTTPRequestHandler):
    """Acknowledges whatever comes."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(202)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None: ...


@contextmanager
def acknowledging() -> Iterator[str]:
    """Serve; give the URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Ingest)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def laid_out(sdk: Path, folder: Path, *, bytecode: bool) -> Path:
    """Copy the SDK into a folder of its own, compiled as the image's Dockerfile does it, or not."""
    shutil.copytree(sdk, folder, ignore=shutil.ignore_patterns("__pycache__"))
    if bytecode:
        compileall.compile_dir(folder, quiet=1, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    return folder


def environment(sdk: Path, folder: Path, url: str) -> Environment:
    """Give what a pod of a run has; nothing is compiled on the way, since a pod mounts the SDK read-only."""
    token = folder / "token"
    token.write_text("token")
    run = {
        "PROTOCOL": "1",
        "SERVER": url,
        "TOKEN_FILE": str(token),
        "NAMESPACE": "shop",
        "RUN": "orders-0123456789ab",
        "ATTEMPT": "orders-0123456789ab-x",
        "ASSET_KEY": "orders",
        "RESULT": str(folder / "result"),
    }
    paths = {"PYTHONPATH": f"{sdk}:{folder}", "PYTHONDONTWRITEBYTECODE": "1"}
    return {**os.environ, **paths, **{f"UPWELL_{name}": value for name, value in run.items()}}


def compared(rounds: int, function: str, what: str, env: Environment) -> Comparison:
    """Start both in turn, after one start of each that does not count."""
    module = f"{function}_code"
    run = {**env, "UPWELL_KIND": function, "UPWELL_FUNCTION": f"{module}:look"}
    result = Comparison(f"{'P6 ' if function == 'observe' else '   '}{function}, {what}")
    warm = Comparison("")
    for number in range(rounds + 1):
        into = result if number else warm
        into.reference.start([sys.executable, "-c", f"import {module}; {module}.look()"], env)
        into.ours.start([sys.executable, "-m", "upwell.runner"], run)
    if Path(env["UPWELL_RESULT"]).exists():
        sys.exit("the server did not acknowledge: there is a result file")
    return result


def measured(rounds: int, sdk: Path, folder: Path) -> Iterator[Comparison]:
    """Compare every function with every layout of the SDK."""
    for name, source in FUNCTIONS.items():
        (folder / f"{name}_code.py").write_text(source)
    layouts = {
        "bytecode": laid_out(sdk, folder / "compiled", bytecode=True),
        "no bytecode": laid_out(sdk, folder / "sources", bytecode=False),
    }
    with acknowledging() as url:
        for what, place in layouts.items():
            for name in FUNCTIONS:
                yield compared(rounds, name, what, environment(place, folder, url))


def main() -> int:
    """Measure and print; 1 if the bar is missed, with the image's own Python or with another."""
    parser = options(__doc__)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--sdk", type=Path, default=SDK, help="another SDK's sources, to compare two of them")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = [one for each in measured(chosen.rounds, chosen.sdk, Path(folder)) for one in each.figures()]
    return finish(found, chosen)


if __name__ == "__main__":
    sys.exit(main())
