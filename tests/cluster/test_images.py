"""The images do what the operator asks of them, in pods as strict as the ones it makes."""

from __future__ import annotations

import pytest

from cluster.kubectl import Json, Kubectl, until

NOBODY = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
STRICT = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
SDK = {"name": "sdk", "mountPath": "/upwell/sdk"}


def a_pod(name: str, image: str, command: list[str] | None = None, *, args: list[str] | None = None) -> Json:
    container = {"name": "run", "image": image, "imagePullPolicy": "Never", "securityContext": STRICT}
    container |= {"command": command} if command else {}
    container |= {"args": args} if args else {}
    spec = {"restartPolicy": "Never", "securityContext": NOBODY, "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def output(kubectl: Kubectl, pod: Json, phase: str = "Succeeded") -> str:
    """Run a pod to its end, and give what it printed."""
    name = pod["metadata"]["name"]
    kubectl.apply(pod)
    ended = until(lambda: ended_as(kubectl, name), 60)
    printed = kubectl.run("logs", name, "-c", "run")
    assert ended == phase, printed
    return printed


def ended_as(kubectl: Kubectl, name: str) -> str:
    phase = kubectl.get("pod", name)["status"].get("phase", "")
    return phase if phase in {"Succeeded", "Failed"} else ""


def test_the_image_starts_our_program(kubectl: Kubectl) -> None:
    printed = output(kubectl, a_pod("help", "upwell:dev", args=["--help"]))
    for verb in ("operator", "server", "observe", "crds"):
        assert verb in printed


def test_the_image_has_the_crds(kubectl: Kubectl) -> None:
    assert "assets.upwell.dev" in output(kubectl, a_pod("crds", "upwell:dev", args=["crds"]))


@pytest.mark.parametrize("image", ["python:3.11-slim", "upwell-examples:dev"])
def test_a_users_image_runs_the_sdk_that_ours_copies(kubectl: Kubectl, image: str) -> None:
    where = "import upwell, upwell.runner; print(upwell.__file__)"
    pod = a_pod("sdk", image, ["python3", "-c", where])
    copy = {"name": "upwell-sdk", "image": "upwell:dev", "imagePullPolicy": "Never", "securityContext": STRICT}
    copy |= {"command": ["cp", "-r", "/opt/upwell/sdk/.", "/upwell/sdk/"], "volumeMounts": [SDK]}
    pod["spec"] |= {"initContainers": [copy], "volumes": [{"name": "sdk", "emptyDir": {}}]}
    pod["spec"]["containers"][0] |= {
        "env": [{"name": "PYTHONPATH", "value": "/upwell/sdk"}],
        "volumeMounts": [SDK],
    }
    assert output(kubectl, pod).strip() == "/upwell/sdk/upwell/__init__.py"


def test_the_runner_says_what_is_missing_when_it_is_started_by_hand(kubectl: Kubectl) -> None:
    printed = output(kubectl, a_pod("runner", "upwell:dev", ["python", "-m", "upwell.runner"]), "Failed")
    assert "UPWELL" in printed


def test_the_shell_image_has_a_shell_and_no_python(kubectl: Kubectl) -> None:
    script = "command -v python3 || echo none; printf data | sha256sum | cut -c1-12"
    printed = output(kubectl, a_pod("shell", "localhost/shell:1", ["sh", "-c", script]))
    assert printed.split() == ["none", "3a6eb0790f39"]
