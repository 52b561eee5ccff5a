"""The main job on real data, told step by step: run by `make demo`; exits 0 only if every step came true.

It uses nothing but what anybody has: the command `upwell`, and a folder with a CSV file in it.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DEFINITION = Path(__file__).parent / "02-weather"
UPWELL = str(Path(sys.executable).with_name("upwell"))
PATIENCE = 60.0
RAW, CLEAN, MONTHLY = "seattle-weather-raw", "weather-clean", "weather-monthly"
COLOURS = {"bold": "1", "green": "32", "red": "31", "dim": "2", "cyan": "36"}


def paint(text: str, colour: str) -> str:
    """Colour a text on a terminal (or where FORCE_COLOR asks for it); NO_COLOR is honoured."""
    wanted = (sys.stdout.isatty() or "FORCE_COLOR" in os.environ) and "NO_COLOR" not in os.environ
    return f"\033[{COLOURS[colour]}m{text}\033[0m" if wanted else text


class Story:
    """Tells what is done, does it, and checks that what should be true is."""

    def __init__(self, server: str, file: Path) -> None:
        self.server, self.file, self.number = server, file, 0

    def tell(self, text: str) -> None:
        """Begin a step."""
        self.number += 1
        print(f"\n{paint(f'{self.number}. {text}', 'bold')}", flush=True)

    def run(self, *arguments: str) -> None:
        """Run a command for the reader to see. Raises AssertionError when it fails."""
        print(paint(f"   $ upwell {' '.join(arguments)}", "cyan"), flush=True)
        command = [UPWELL, *arguments, "--server", self.server]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        print("".join(f"   {line}\n" for line in done.stdout.splitlines()), end="", flush=True)
        assert done.returncode == 0, f"upwell {' '.join(arguments)} ended with {done.returncode}"

    def read(self, path: str) -> Any:
        """Give the JSON that the server has at a path."""
        with urllib.request.urlopen(f"{self.server}/v1/{path}", timeout=30) as answer:
            return json.load(answer)

    def status(self, asset: str) -> dict[str, Any]:
        """Give the status of an asset."""
        return self.read(f"assets/default/{asset}").get("status", {})

    def fresh(self, asset: str) -> dict[str, str]:
        """Give the condition Fresh of an asset."""
        conditions = self.status(asset).get("conditions", [])
        return next((one for one in conditions if one["type"] == "Fresh"), {})

    def expect(self, asset: str, status: str, reason: str) -> None:
        """Wait until an asset's Fresh is what it should be, and show it."""
        found = wait_for(lambda: self._is(asset, status, reason), f"{asset}: Fresh={status} {reason}")
        print(f"   {paint('✔', 'green')} {asset}: Fresh={status} {reason}")
        print(paint(f"     {found['message']}", "dim"), flush=True)

    def _is(self, asset: str, status: str, reason: str) -> dict[str, str] | None:
        found = self.fresh(asset)
        return found if (found.get("status"), found.get("reason")) == (status, reason) else None

    def versions(self, asset: str) -> tuple[str, ...]:
        """Give the distinct data versions an asset's message speaks of: the consumed one, and the current one."""
        return tuple(dict.fromkeys(re.findall(r"\b[0-9a-f]{6,64}\b", self.fresh(asset)["message"])))

    def version(self, asset: str) -> str:
        """Give the current data version of an asset."""
        return str(self.status(asset)["dataVersion"])

    def seen(self, asset: str) -> int:
        """Give how many observations in a row saw the current version."""
        return int(self.status(asset)["lastObservation"]["count"])

    def builds(self) -> list[str]:
        """Give the names of all materializations so far."""
        ended = self.read("runs?limit=500")["items"]
        active = [run for asset in (RAW, CLEAN, MONTHLY) for run in self.status(asset).get("activeRuns", [])]
        return sorted({run["name"] for run in [*ended, *active] if run["kind"] == "materialize"})

    def check(self, holds: bool, text: str) -> None:
        """Show that something holds. Raises AssertionError when it does not."""
        assert holds, text
        print(f"   {paint('✔', 'green')} {text}", flush=True)


def wait_for(question: Callable[[], Any], what: str) -> Any:
    """Ask until there is an answer. Raises AssertionError when none comes."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if answer := question():
            return answer
        time.sleep(0.2)
    raise AssertionError(f"waited {PATIENCE:.0f} s in vain for {what}")


def tell(story: Story) -> None:
    """The whole story."""
    observe_for_the_first_time(story)
    build_for_the_first_time(story)
    correct_a_row(story)
    build_again(story)
    look_at_unchanged_data(story)


def observe_for_the_first_time(story: Story) -> None:
    """Seattle's weather as others publish it; a source of which nothing is known yet."""
    story.tell("Four years of Seattle's weather, published by others: a CSV file with a row a day. Look at it.")
    story.file.parent.mkdir(parents=True, exist_ok=True)
    story.file.write_bytes(published())
    story.run("observe", RAW)
    story.expect(RAW, "True", "UpToDate")
    story.run("events", RAW)


def published() -> bytes:
    """Give the data set that the package vega_datasets ships; it is not imported, since that would need pandas."""
    spec = importlib.util.find_spec("vega_datasets")
    assert spec is not None, "the data comes with a package: pip install --no-deps vega_datasets"
    return Path(str(spec.origin)).with_name("_data").joinpath("seattle-weather.csv").read_bytes()


def build_for_the_first_time(story: Story) -> None:
    """Clean the table; the monthly summary follows by itself."""
    story.tell("Build the cleaned table. The monthly summary is Eager: Upwell builds it without being asked.")
    story.expect(CLEAN, "False", "NeverMaterialized")
    story.run("materialize", CLEAN)
    story.expect(CLEAN, "True", "UpToDate")
    story.expect(MONTHLY, "True", "UpToDate")
    story.run("status")
    story.run("graph")


def correct_a_row(story: Story) -> None:
    """Change one row; what is built from it says so."""
    story.tell("Others correct one row: 4 January 2012 had 23.0 mm of rain, not 20.3. Look again.")
    text = story.file.read_text(encoding="utf8")
    assert "2012/01/04,20.3," in text, "the data set is not the one that this story is about"
    story.file.write_text(text.replace("2012/01/04,20.3,", "2012/01/04,23.0,"), encoding="utf8")
    story.run("observe", RAW)
    story.expect(CLEAN, "False", "UpstreamDataChanged")
    story.check(len(story.versions(CLEAN)) == 2, f"both versions are named: {' → '.join(story.versions(CLEAN))}")  # noqa: PLR2004
    story.expect(MONTHLY, "False", "UpstreamStale")
    story.run("why", MONTHLY)


def build_again(story: Story) -> None:
    """Build what is stale; everything is fresh again."""
    story.tell("Build the cleaned table again; the summary follows.")
    before = story.version(MONTHLY)
    story.run("materialize", CLEAN)
    story.expect(CLEAN, "True", "UpToDate")
    story.expect(MONTHLY, "True", "UpToDate")
    story.check(story.version(MONTHLY) != before, "the summary has a new version")
    story.run("status")


def look_at_unchanged_data(story: Story) -> None:
    """Observe twice more: nothing starts."""
    story.tell("Look at the unchanged file twice more: it costs nothing downstream.")
    before = story.builds()
    story.run("observe", RAW)
    story.run("observe", RAW)
    wait_for(lambda: story.seen(RAW) == 3, "the status of the source to tell of both")  # noqa: PLR2004 - once before
    story.expect(MONTHLY, "True", "UpToDate")
    story.check(story.builds() == before, f"no run was started: {len(before)} builds before, {len(before)} now")


@contextmanager
def control_plane(data: Path, *more: str) -> Iterator[str]:
    """Run `upwell dev` on the definition, and give the URL of its server."""
    command = [UPWELL, "dev", str(DEFINITION), "--data", str(data), *more]
    log = (data / "dev.log").open("w", encoding="utf8")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        yield ready(process, data / "dev.log")
    finally:
        process.terminate()
        process.wait(timeout=30)
        log.close()


def ready(process: subprocess.Popen[str], log: Path) -> str:
    """Read the line that `upwell dev` prints when it is ready, and give the URL in it."""
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://\S+?(?=[\s,;)]|$)", line)
    assert found, f"upwell dev did not become ready, see {log}: {line.strip()}"
    print(paint(f"   {line.strip()}", "dim"))
    return found[0]


def main() -> int:
    """Tell the story; with --keep, leave the control plane running at its end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="keep the control plane running until Ctrl-C")
    parser.add_argument("--port", default="0", help="its port; 0 takes a free one")
    parser.add_argument("--redis", metavar="URL", help="a Redis of yours, which must be empty; else one is started")
    options = parser.parse_args()
    more = ["--port", options.port, *(["--redis", options.redis] if options.redis else [])]
    print(paint("Upwell, on this machine: operator, server and Valkey in one command, no cluster.", "bold"))
    print(paint(f"   $ upwell dev {DEFINITION.parent.name}/{DEFINITION.name}", "cyan"), flush=True)
    with tempfile.TemporaryDirectory(prefix="upwell-demo-") as folder:
        try:
            with control_plane(Path(folder), *more) as server:
                told(server, Path(folder) / "volumes" / "weather-data" / "seattle-weather.csv")
                if options.keep:
                    keep(server)
        except (AssertionError, subprocess.CalledProcessError) as error:
            print(f"\n{paint('✘ the story did not end as it should', 'red')}: {error}")
            print(Path(folder, "dev.log").read_text(encoding="utf8")[-4000:])
            return 1
    return 0


def told(server: str, file: Path) -> None:
    """Tell the story, and how long it took. Raises AssertionError when a step does not come true."""
    began = time.monotonic()
    tell(Story(server, file))
    print(f"\n{paint('✔ Every step came true', 'green')}, in {time.monotonic() - began:.0f} s.")


def keep(server: str) -> None:
    """Wait for Ctrl-C."""
    print(f"Still running at {server}: try `upwell status --server {server}`. Ctrl-C ends it.", flush=True)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
