"""Overlays: patches and images do to objects what kustomize does, and what is not supported is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from upwell_operator.local.kustomize import shipped_configuration
from upwell_operator.local.manifests import Manifests, read_manifests
from upwell_operator.local.overlays import Image, merged

BASE = """\
apiVersion: upwell.dev/v1alpha1
kind: Asset
metadata: {name: raw, labels: {tier: raw}}
spec:
  observe:
    python: {function: "shop:raw"}
    image: registry.example/shop:1
    env: [{name: A, value: "1"}, {name: B, value: "2"}]
---
apiVersion: upwell.dev/v1alpha1
kind: Asset
metadata: {name: daily}
spec:
  materialize: {container: {image: "registry.example/shop:1"}}
---
apiVersion: upwell.dev/v1alpha1
kind: Schedule
metadata: {name: nightly}
spec: {schedule: "@daily", job: {name: look}}
"""
KNOWING = "resources: [all.yaml]\nconfigurations: [kustomizeconfig.yaml]\n"


def laid(folder: Path, overlay: dict[str, Any], base: str = KNOWING, **files: str) -> Manifests:
    everything = {
        "base/all.yaml": BASE,
        "base/kustomization.yaml": base,
        "base/kustomizeconfig.yaml": shipped_configuration(),
        "overlay/kustomization.yaml": json.dumps({"resources": ["../base"], **overlay}),
        **{f"overlay/{name}.yaml": text for name, text in files.items()},
    }
    for name, text in everything.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return read_manifests([folder / "overlay"])


def spec(found: Manifests, name: str) -> dict[str, Any]:
    assert not found.problems, [str(problem) for problem in found.problems]
    return next(one.obj["spec"] for one in found.objects if one.obj["metadata"]["name"] == name)


def test_a_patch_with_a_target_changes_that_object_and_keeps_its_name(tmp_path: Path) -> None:
    body = (
        "kind: Asset\nmetadata: {name: other, labels: {team: shop}}\nspec: {observe: {env: [{name: C}], image: null}}"
    )
    found = laid(tmp_path, {"patches": [{"target": {"kind": "Asset", "name": "raw"}, "patch": body}]})
    assert spec(found, "raw")["observe"] == {"python": {"function": "shop:raw"}, "env": [{"name": "C"}]}
    assert "image" in spec(found, "daily")["materialize"]["container"]
    assert found.objects[0].obj["metadata"]["labels"] == {"tier": "raw", "team": "shop"}


def test_a_patch_for_a_kind_changes_all_of_it(tmp_path: Path) -> None:
    body = "{kind: Asset, metadata: {name: all}, spec: {suspend: true}}"
    found = laid(tmp_path, {"patches": [{"target": {"kind": "Asset"}, "patch": body}]})
    assert [one.obj["spec"].get("suspend") for one in found.objects] == [True, True, None]


def test_a_patch_without_a_target_names_its_object_and_may_stand_in_a_file(tmp_path: Path) -> None:
    text = "apiVersion: upwell.dev/v1alpha1\nkind: Schedule\nmetadata: {name: nightly}\nspec: {suspend: true}\n"
    found = laid(tmp_path, {"patches": [{"path": "quiet.yaml"}]}, quiet=text)
    assert spec(found, "nightly")["suspend"] is True
    assert tmp_path / "overlay" / "quiet.yaml" in found.files


def test_images_get_another_tag_wherever_an_asset_has_them(tmp_path: Path) -> None:
    found = laid(tmp_path, {"images": [{"name": "registry.example/shop", "newTag": "2"}]})
    assert spec(found, "raw")["observe"]["image"] == "registry.example/shop:2"
    assert spec(found, "daily")["materialize"]["container"]["image"] == "registry.example/shop:2"


IMAGES = {
    "a tag": (Image("shop", new_tag="2"), "shop:1", "shop:2"),
    "a tag on none": (Image("shop", new_tag="2"), "shop", "shop:2"),
    "a name": (Image("shop", new_name="there/shop"), "shop:1", "there/shop:1"),
    "a digest instead of a tag": (Image("shop", digest="sha256:ab"), "shop:1", "shop@sha256:ab"),
    "a tag instead of a digest": (Image("shop", new_tag="2"), "shop@sha256:ab", "shop:2"),
    "both": (Image("shop", new_tag="2", digest="sha256:ab"), "shop:1", "shop:2@sha256:ab"),
    "a registry with a port": (Image("here:5000/shop", new_tag="2"), "here:5000/shop:1", "here:5000/shop:2"),
    "another image": (Image("shop", new_tag="2"), "shopping:1", "shopping:1"),
    "no text": (Image("shop", new_tag="2"), 3, 3),
}


@pytest.mark.parametrize(("image", "before", "after"), IMAGES.values(), ids=IMAGES)
def test_an_image_is_changed_as_kustomize_changes_it(image: Image, before: Any, after: Any) -> None:
    asset = {"apiVersion": "upwell.dev/v1alpha1", "kind": "Asset", "spec": {"observe": {"image": before}, "deps": None}}
    assert image.on(asset)["spec"]["observe"]["image"] == after


@pytest.mark.parametrize("spec", [None, {"observe": None}, {"observe": {"container": "none"}}])
def test_an_asset_that_is_wrong_stays_as_it_is(spec: Any) -> None:
    asset = {"apiVersion": "upwell.dev/v1alpha1", "kind": "Asset", "spec": spec}
    assert Image("shop", new_tag="2").on(asset) == asset


def test_merging_is_that_of_rfc_7386() -> None:
    assert merged({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": None, "e": 3}, "d": [2], "f": {"g": None}}) == {
        "a": {"c": 2, "e": 3},
        "d": [2],
        "f": {},
    }


def test_a_generated_name_is_followed_where_kustomize_knows_our_kinds(tmp_path: Path) -> None:
    base = f"{KNOWING}configMapGenerator: [{{name: code, files: [all.yaml]}}]\n"
    assert {one.obj["metadata"]["name"] for one in laid(tmp_path, {}, base).objects} >= {"code", "raw"}


NOT_SUPPORTED: dict[str, tuple[dict[str, Any], str]] = {
    "a JSON patch": (
        {"patches": [{"target": {"kind": "Asset"}, "patch": "[{op: remove, path: /spec}]"}]},
        "patches[0]: is not one document of fields; JSON patches are not supported; write the fields that change",
    ),
    "a patch that is not YAML": ({"patches": [{"patch": "a: ["}]}, "patches[0]: not YAML"),
    "a patch that is text": ({"patches": ["a.yaml"]}, "patches[0]: is not an object of fields"),
    "a patch without a name": (
        {"patches": [{"target": {"kind": "Asset"}, "patch": "kind: Asset"}]},
        "patches[0]: has no kind and metadata.name, which kustomize wants beside a target too; add them",
    ),
    "a target without a kind": (
        {"patches": [{"target": {"name": "raw"}, "patch": "{kind: Asset, metadata: {name: a}}"}]},
        "patches[0]: has a target without a kind; write target",
    ),
    "a patch that finds nobody": (
        {"patches": [{"patch": "kind: Asset\nmetadata: {name: gone}"}]},
        "patches: no Asset 'gone' is taken in here; mend the patch's name",
    ),
    "a patch in a file that is not there": (
        {"patches": [{"path": "gone.yaml"}]},
        "its path 'gone.yaml' does not exist",
    ),
    "a target by label": (
        {
            "patches": [
                {"target": {"kind": "Asset", "labelSelector": "a=b"}, "patch": "{kind: Asset, metadata: {name: a}}"}
            ]
        },
        "patches[0].target.labelSelector: is not supported on a laptop",
    ),
    "an image without a name": ({"images": [{"newTag": "2"}]}, "images[0]: is not a name with texts beside it"),
    "a tag that is a number": ({"images": [{"name": "shop", "newTag": 2}]}, "images[0]: is not a name with texts"),
    "a configuration that is not there": ({"configurations": ["gone.yaml"]}, "'gone.yaml' does not exist"),
    "a configuration of others": (
        {"configurations": ["kustomization.yaml"]},
        "configurations[0]: is not Upwell's own, and others are not supported on a laptop",
    ),
}


@pytest.mark.parametrize(("overlay", "says"), NOT_SUPPORTED.values(), ids=NOT_SUPPORTED)
def test_what_is_not_supported_is_said(tmp_path: Path, overlay: dict[str, Any], says: str) -> None:
    told = [str(problem) for problem in laid(tmp_path, overlay).problems]
    assert any(says in one for one in told), told


def test_images_that_kustomize_would_not_find_are_a_problem(tmp_path: Path) -> None:
    found = laid(tmp_path, {"images": [{"name": "shop", "newTag": "2"}]}, "resources: [all.yaml]\n")
    assert [problem.field == "images" for problem in found.problems] == [True]
