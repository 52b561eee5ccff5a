"""A real API server accepts the CRDs, explains them, refuses what is wrong in words, and shows the right columns.

The manifests are those that `parse` judges in the unit tests; both must come to the same verdict.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from manifest_cases import CONTAINER, PYTHON, RIGHT, WRONG, Wrong, asset, schedule
from upwell_operator.resources.meta import GROUP, Kind

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.cluster


def kubectl(*args: str, stdin: Any = None, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run kubectl; a manifest given as `stdin` is sent as JSON."""
    text = json.dumps(stdin) if stdin is not None else None
    return subprocess.run(["kubectl", *args], input=text, capture_output=True, text=True, check=check, timeout=30)


def refusal(obj: Any, *args: str) -> str:
    """Give the words with which the API server refuses a manifest."""
    done = kubectl("apply", "--dry-run=server", "-f", "-", *args, stdin=obj, check=False)
    assert done.returncode != 0, f"accepted: {done.stdout}"
    return done.stderr


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    """The CRDs of `crds/`, established. Objects made by a test are named and deleted by it."""
    if not os.environ.get("KUBECONFIG") or shutil.which("kubectl") is None:
        absent = "no KUBECONFIG or no kubectl: this needs a real API server"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(absent)
    kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
    names = [f"crd/{kind.plural}.{GROUP}" for kind in Kind]
    kubectl("wait", "--for=condition=Established", "--timeout=20s", *names)


@pytest.fixture
def created() -> Iterator[Any]:
    """Create objects that are deleted after the test."""
    made: list[dict[str, Any]] = []

    def create(obj: dict[str, Any]) -> dict[str, Any]:
        made.append(obj)
        return dict(json.loads(kubectl("create", "-f", "-", "-o", "json", stdin=obj).stdout))

    yield create
    for obj in made:
        kubectl("delete", "--ignore-not-found", obj["kind"], obj["metadata"]["name"])


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_manifest_is_accepted(name: str) -> None:
    kubectl("apply", "--dry-run=server", "-f", "-", stdin=RIGHT[name])


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_manifest_is_refused_with_field_and_remedy(case: Wrong) -> None:
    said = refusal(case.obj)
    assert (case.server_field or case.field) in said
    assert (case.server_says or case.says) in said


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (asset("moved", key="a/b"), asset("moved", key="a/c")),
        (asset("moved"), asset("moved", key="other")),
        (asset("moved", key="a/b"), asset("moved")),
    ],
    ids=["another key", "a key after the name was taken", "no key any more"],
)
def test_the_key_cannot_be_changed(before: Any, after: Any, created: Any) -> None:
    read = created(before)
    after = after | {"metadata": {**after["metadata"], "resourceVersion": read["metadata"]["resourceVersion"]}}
    done = kubectl("replace", "-f", "-", stdin=after, check=False)
    assert done.returncode != 0
    assert "spec.key" in done.stderr
    assert "set it back, or delete the asset" in done.stderr


def test_the_name_may_be_spelled_out_as_key_afterwards(created: Any) -> None:
    created(asset("moved"))
    kubectl("patch", "asset", "moved", "--type=merge", "-p", json.dumps({"spec": {"key": "moved", "group": "raw"}}))


def test_an_update_of_status_is_accepted_and_unknown_fields_of_it_are_dropped(created: Any) -> None:
    created(asset("seen"))
    status = {"status": {"key": "seen", "kind": "External", "dataVersion": "1", "nonsense": 1}}
    patched = kubectl(
        "patch",
        "asset",
        "seen",
        "--subresource=status",
        "--type=merge",
        "-o",
        "json",
        "-p",
        json.dumps(status),
        check=False,
    )
    assert patched.returncode == 0, patched.stderr
    assert json.loads(patched.stdout)["status"] == {"key": "seen", "kind": "External", "dataVersion": "1"}


def test_defaults_are_written_where_a_reader_expects_them(created: Any) -> None:
    spec = created(asset("plain", observe=PYTHON))["spec"]
    assert spec["group"] == "default"
    assert spec["suspend"] is False
    assert spec["observe"] == PYTHON, "retries and timeoutSeconds may be an ObservationJob's"


def test_kubernetes_own_objects_are_kept_whole(created: Any) -> None:
    overlay = {"spec": {"tolerations": [{"key": "gpu", "operator": "Exists"}], "nodeSelector": {"disk": "ssd"}}}
    volumes = [{"name": "data", "csi": {"driver": "example", "readOnly": True}}]
    wanted = CONTAINER | {"podTemplate": overlay, "volumes": volumes}
    observe = created(asset("whole", observe=wanted))["spec"]["observe"]
    assert observe["podTemplate"] == overlay
    assert observe["volumes"] == volumes


@pytest.mark.parametrize("kind", Kind)
def test_every_field_is_explained(kind: Kind) -> None:
    for part in ("spec", "status"):
        said = kubectl("explain", f"{kind.value.lower()}.{part}").stdout
        assert "<no description>" not in said
        assert "FIELDS:" in said


def test_explain_reads_as_sentences_with_an_example() -> None:
    said = " ".join(kubectl("explain", "asset.spec.observe").stdout.split())
    assert "How to look at data that somebody else makes" in said
    assert "Look again after this long, for example `15m`." in said
    recursive = kubectl("explain", "asset.spec", "--recursive").stdout
    assert all(
        field in recursive for field in ("maximumLag", "autoMaterialize", "configMap", "valueFrom", "timeoutSeconds")
    )


def test_columns_short_names_and_category_are_those_that_people_type(created: Any) -> None:
    created(asset("raw-orders", observe=PYTHON))
    created(schedule())
    header = kubectl("get", "assets").stdout.splitlines()[0].split()
    wide = kubectl("get", "asset", "-o", "wide").stdout.splitlines()[0].split()
    assert header == ["NAME", "KEY", "KIND", "VERSION", "FRESH", "REASON", "OBSERVED", "MATERIALIZED", "AGE"]
    assert wide == [*header, "READY", "GROUP", "MESSAGE"]
    assert "every-morning   @daily     UTC         raw-sources   false" in kubectl("get", "sched").stdout
    assert kubectl("get", "obsjob").returncode == 0
    assert {"asset.upwell.dev/raw-orders", "schedule.upwell.dev/every-morning"} <= set(
        kubectl("get", "upwell", "-o", "name").stdout.split()
    )


def test_a_status_is_shown_in_its_columns(created: Any) -> None:
    created(asset("raw-orders", observe=PYTHON))
    fresh = {
        "type": "Fresh",
        "status": "False",
        "reason": "UpstreamDataChanged",
        "message": "upstream data has changed",
    }
    status = {"key": "raw-orders", "kind": "Source", "shortVersion": "9f86d081884c", "conditions": [fresh]}
    kubectl(
        "patch", "asset", "raw-orders", "--subresource=status", "--type=merge", "-p", json.dumps({"status": status})
    )
    row = kubectl("get", "asset", "raw-orders", "--no-headers").stdout.split()
    assert row[:6] == ["raw-orders", "raw-orders", "Source", "9f86d081884c", "False", "UpstreamDataChanged"]
