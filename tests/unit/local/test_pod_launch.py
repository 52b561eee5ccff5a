"""From a pod's spec to what is started: paths, environment, arguments; and volumes as folders."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upwell_operator.local.launch import CannotStartError, PathMap, containers_of, environment, expanded, launch
from upwell_operator.local.volumes import Sources, files_of, mount

Json = dict[str, Any]
PLACES = {"/data": Path("/here/d"), "/data/raw": Path("/here/r"), "/dev/termination-log": Path("/here/result")}


def pod(container: Json | None = None, **spec: Any) -> Json:
    meta = {"name": "run-1", "namespace": "shop", "uid": "u-1", "labels": {"tier": "raw"}, "annotations": {}}
    return {"kind": "Pod", "metadata": meta, "spec": {"containers": [container or shell()], **spec}}


def shell(*command: str, **fields: Any) -> Json:
    return {"name": "run", "image": "shell", "command": list(command) or ["true"], **fields}


def nothing(resource: str, name: str) -> None:
    del resource, name


@pytest.mark.parametrize(
    ("text", "expected"),
    {
        "a mount path itself": ("/data", "/here/d"),
        "below it": ("/data/a.csv", "/here/d/a.csv"),
        "the longest wins": ("/data/raw/a.csv", "/here/r/a.csv"),
        "a longer name is another": ("/database/a", "/database/a"),
        "a path that ends in it is another": ("/other/data/a", "/other/data/a"),
        "a word before it": ("x/data", "x/data"),
        "several, as in PYTHONPATH": ("/data:/data/raw:/etc", "/here/d:/here/r:/etc"),
        "inside a script": ("sha256sum '/data/a' > /dev/termination-log;", "sha256sum '/here/d/a' > /here/result;"),
        "a file URL": ("file:///data/a", "file:///here/d/a"),
        "a web address stays": ("https://example.com/data/a", "https://example.com/data/a"),
        "the end of a sentence": ("look in /data.", "look in /here/d."),
        "a name that goes on after a dot": ("/data.csv", "/data.csv"),
    }.values(),
)
def test_mount_paths_are_replaced_where_they_are_whole(text: str, expected: str) -> None:
    assert PathMap(PLACES)(text) == expected


@given(st.text())
def test_without_mounts_every_text_stays(text: str) -> None:
    assert PathMap({})(text) == text
    assert PathMap({"/": Path("/here")})(text) == text


@given(st.lists(st.sampled_from(["/data", "/data/raw", "/x", ":", " ", "a"]), max_size=8))
def test_replacing_is_done_once(parts: list[str]) -> None:
    circle = {"/data": Path("/x"), "/x": Path("/data")}
    text = " ".join(parts)
    assert PathMap(circle)(PathMap(circle)(text)) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [("$(A)/x", "1/x"), ("$$(A)", "$(A)"), ("$(B)", "$(B)"), ("$A ${A}", "$A ${A}"), ("100$", "100$")],
)
def test_variables_expand_as_in_kubernetes(text: str, expected: str) -> None:
    assert expanded(text, {"A": "1"}) == expected


def test_the_environment_has_every_source_a_pod_may_name() -> None:
    objects = {("configmaps", "conf"): {"a": "1", "b": "2"}, ("secrets", "keys"): {"token": "s"}}
    env = [
        {"name": "PLAIN", "value": "x"},
        {"name": "JOINED", "value": "$(PLAIN)-$(P_a)"},
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "TIER", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['tier']"}}},
        {"name": "KEY", "valueFrom": {"configMapKeyRef": {"name": "conf", "key": "b"}}},
        {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "token"}}},
        {"name": "MAYBE", "valueFrom": {"secretKeyRef": {"name": "none", "key": "x", "optional": True}}},
    ]
    container = shell(env=env, envFrom=[{"prefix": "P_", "configMapRef": {"name": "conf"}}])
    found = environment(container, pod(), lambda resource, name: objects.get((resource, name)))
    expected = {"P_a": "1", "P_b": "2", "PLAIN": "x", "JOINED": "x-1", "POD": "run-1", "TIER": "raw", "KEY": "2"}
    assert found == expected | {"TOKEN": "s"}


@pytest.mark.parametrize(
    ("container", "says", "permanent"),
    [
        (shell(envFrom=[{"configMapRef": {"name": "conf"}}]), "envFrom: configmaps 'conf' does not exist", False),
        (
            shell(env=[{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]),
            "env A: secrets 's' does not exist; add it",
            False,
        ),
        (
            shell(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.phase"}}}]),
            "fieldRef 'status.phase' is not known on a laptop",
            True,
        ),
        (
            shell(env=[{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}}]),
            "env A: valueFrom.resourceFieldRef is not known on a laptop; give a value",
            True,
        ),
    ],
)
def test_what_cannot_be_resolved_names_variable_and_object(container: Json, says: str, permanent: bool) -> None:
    with pytest.raises(CannotStartError, match=says) as raised:
        environment(container, pod(), nothing)
    assert raised.value.permanent is permanent


def test_a_launch_has_everything_mapped() -> None:
    container = shell("python3", "-m", "upwell.runner", args=["$(FILE)"], workingDir="/data")
    plan = launch(container, {"FILE": "/data/a"}, PLACES, workdir=Path("/work"))
    assert plan.argv == (sys.executable, "-m", "upwell.runner", "/here/d/a")
    assert (plan.env["FILE"], plan.folder, plan.result) == ("/here/d/a", "/here/d", Path("/here/result"))


def test_without_a_command_nothing_can_be_started() -> None:
    with pytest.raises(CannotStartError, match=r"write it as `container\.command`") as raised:
        launch({"name": "run", "image": "shell"}, {}, PLACES, workdir=Path("/work"))
    assert raised.value.permanent


def test_the_sdk_is_installed_here_and_not_copied() -> None:
    whole = pod(initContainers=[shell(name="upwell-sdk") | {"name": "upwell-sdk"}, shell() | {"name": "prepare"}])
    assert [one["name"] for one in containers_of(whole)] == ["prepare", "run"]


# ---- volumes ------------------------------------------------------------------------------------------------------


def sources(tmp_path: Path, **files: bytes) -> Sources:
    return Sources(
        lambda _, name: files if name == "conf" else None, lambda audience: f"token for {audience}", tmp_path / "claims"
    )


def mounted(tmp_path: Path, volume: Json, **entry: Any) -> Path:
    container = shell(volumeMounts=[{"name": "v", "mountPath": "/v", **entry}])
    whole = pod(container, volumes=[{"name": "v", **volume}])
    return mount(whole, container, tmp_path / "pod", sources(tmp_path, **{"a.py": b"1", "b.py": b"2"}))["/v"]


@pytest.mark.parametrize(
    ("volume", "expected"),
    {
        "all of a ConfigMap": ({"configMap": {"name": "conf"}}, {"a.py": "1", "b.py": "2"}),
        "some of it, renamed": (
            {"secret": {"secretName": "conf", "items": [{"key": "a.py", "path": "x/y"}]}},
            {"x/y": "1"},
        ),
        "an optional one that is not there": ({"configMap": {"name": "none", "optional": True}}, {}),
        "an empty folder": ({"emptyDir": {}}, {}),
        "a token": (
            {"projected": {"sources": [{"serviceAccountToken": {"audience": "upwell", "path": "token"}}]}},
            {"token": "token for upwell"},
        ),
        "several, projected": (
            {"projected": {"sources": [{"configMap": {"name": "conf"}}, {"secret": {"name": "conf"}}]}},
            {"a.py": "1", "b.py": "2"},
        ),
    }.values(),
)
def test_volumes_become_files(tmp_path: Path, volume: Json, expected: dict[str, str]) -> None:
    place = mounted(tmp_path, volume)
    assert {str(path.relative_to(place)): path.read_text() for path in place.rglob("*") if path.is_file()} == expected


def test_files_of_a_volume_are_the_owners_alone(tmp_path: Path) -> None:
    assert (mounted(tmp_path, {"secret": {"secretName": "conf"}}) / "a.py").stat().st_mode & 0o077 == 0


def test_a_claim_stays_and_a_sub_path_of_it_is_made(tmp_path: Path) -> None:
    claim = {"persistentVolumeClaim": {"claimName": "c"}}
    assert mounted(tmp_path, claim) == tmp_path / "claims" / "shop.c"
    assert mounted(tmp_path, claim, subPath="in").is_dir()


def test_a_path_of_the_host_is_itself(tmp_path: Path) -> None:
    assert mounted(tmp_path, {"hostPath": {"path": str(tmp_path)}}) == tmp_path


@pytest.mark.parametrize(
    ("volume", "entry", "says"),
    [
        ({"nfs": {"server": "x"}}, {}, "volume 'v': nfs needs a cluster"),
        ({"configMap": {"name": "none"}}, {}, "volume 'v': configmaps 'none' does not exist"),
        (
            {"configMap": {"name": "conf", "items": [{"key": "z", "path": "z"}]}},
            {},
            "has no key 'z'; it has a.py, b.py",
        ),
        ({"configMap": {"name": "conf", "items": [{"key": "a.py", "path": "../z"}]}}, {}, "'../z' leaves its volume"),
        ({"emptyDir": {}}, {"subPath": "../.."}, "subPath leaves the volume"),
        ({"projected": {"sources": [{"downwardAPI": {}}]}}, {}, "projected downwardAPI is not known"),
    ],
)
def test_a_volume_that_cannot_be_had_says_why(tmp_path: Path, volume: Json, entry: Json, says: str) -> None:
    with pytest.raises(CannotStartError, match=says):
        mounted(tmp_path, volume, **entry)


def test_secrets_are_decoded_and_config_maps_are_not() -> None:
    encoded = base64.b64encode(b"s").decode()
    assert files_of({"kind": "Secret", "data": {"a": encoded}, "stringData": {"b": "t"}}) == {"a": b"s", "b": b"t"}
    assert files_of({"kind": "ConfigMap", "data": {"a": "x"}, "binaryData": {"b": encoded}}) == {"a": b"x", "b": b"s"}
