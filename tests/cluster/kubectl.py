"""kubectl as the tests use it: the same program that users have, so that what they see is what is tested.

Limits: synchronous, and as the administrator of a cluster that is there for tests alone.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

Json = dict[str, Any]


class KubectlError(AssertionError):
    """kubectl refused; the text is its own."""


class Kubectl:
    """kubectl in one namespace."""

    def __init__(self, namespace: str = "default") -> None:
        self.namespace = namespace

    def run(self, *argv: str | Path, given: str | None = None, timeout: float = 120) -> str:
        """Run kubectl and give its output. Raises KubectlError with what it wrote to standard error."""
        command = ["kubectl", "--namespace", self.namespace, *map(str, argv)]
        done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=timeout, check=False)
        if done.returncode:
            raise KubectlError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout

    def apply(self, *objects: Json) -> None:
        """Apply objects, server side, so that an unknown field is an error."""
        text = yaml.safe_dump_all(objects)
        self.run("apply", "--server-side", "--force-conflicts", "--validate=strict", "-f", "-", given=text)

    def apply_files(self, *files: Path) -> None:
        """Apply files or folders as a user does: kustomize where there is a kustomization, else every manifest."""
        for file in files:
            kustomized = (file / "kustomization.yaml").exists()
            self.run("apply", "--server-side", "--force-conflicts", "-k" if kustomized else "-f", file)

    def get(self, resource: str, name: str) -> Json:
        """Give one object. Raises KubectlError when it does not exist."""
        found: Json = json.loads(self.run("get", resource, name, "-o", "json"))
        return found

    def list(self, resource: str, selector: str = "") -> list[Json]:
        """Give the objects of the namespace that a selector matches."""
        items: list[Json] = json.loads(self.run("get", resource, "-l", selector, "-o", "json"))["items"]
        return items

    def annotate(self, resource: str, name: str, **annotations: str) -> None:
        """Set annotations of `upwell.dev`: `requested_at="1"`."""
        words = [f"upwell.dev/{key.replace('_', '-')}={value}" for key, value in annotations.items()]
        self.run("annotate", "--overwrite", resource, name, *words)

    def wait(self, resource: str, name: str, condition: str, seconds: float = 60) -> None:
        """Wait until a condition holds (`Ready`, `Fresh=False`, `delete`). Raises KubectlError with the status."""
        target = condition if condition == "delete" else f"condition={condition}"
        try:
            self.run("wait", f"--for={target}", f"--timeout={seconds}s", f"{resource}/{name}", timeout=seconds + 30)
        except KubectlError as error:
            status = yaml.safe_dump(self.get(resource, name).get("status"))
            raise KubectlError(f"{error}\nits status is\n{status}") from error

    def condition(self, resource: str, name: str, kind: str) -> Json:
        """Give a condition of an object; empty when it has none of this type."""
        conditions = self.get(resource, name).get("status", {}).get("conditions", [])
        return next((one for one in conditions if one["type"] == kind), {})

    def rolled_out(self, deployment: str, seconds: float = 120) -> None:
        """Wait until a Deployment has all its replicas, as new as its template."""
        self.run("rollout", "status", f"deployment/{deployment}", f"--timeout={seconds}s", timeout=seconds + 30)


@contextmanager
def port_forward(kubectl: Kubectl, target: str, port: int) -> Iterator[str]:
    """Give an address of this machine that leads to a port of a Service or pod."""
    command = ["kubectl", "--namespace", kubectl.namespace, "port-forward", target, f":{port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            found = re.search(r"127\.0\.0\.1:\d+", process.stdout.readline())
            assert found, f"{' '.join(command)} ended at once"
            yield f"http://{found[0]}"
        finally:
            process.terminate()


def until(what: Callable[[], Any], seconds: float = 60, *, every: float = 0.2) -> Any:
    """Wait until something is true, and give it; fails with the last thing that it was, or with its error."""
    end = time.monotonic() + seconds
    last: Any = None
    while time.monotonic() < end:
        try:
            last = what()
        except (KubectlError, LookupError) as error:
            last = error
        else:
            if last:
                return last
        time.sleep(every)
    raise AssertionError(f"not true after {seconds} s, it was {last!r}")
