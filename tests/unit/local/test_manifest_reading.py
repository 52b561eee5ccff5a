"""Manifests: what is read, and the sentence for each mistake, with its file and line."""

from __future__ import annotations

import base64
from pathlib import Path
from textwrap import dedent

import pytest

from upwell_operator.local.manifests import Manifests, read_manifests

ASSET = """\
apiVersion: upwell.dev/v1alpha1
kind: Asset
metadata:
  name: raw
spec:
  description: a file
"""
KUSTOMIZATION = """\
resources: [asset.yaml]
namespace: shop
generatorOptions: {disableNameSuffixHash: true}
configMapGenerator:
  - name: code
    files: [sources.py, other.py=lib/helper.py]
"""


def lay(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    return folder


def read(folder: Path, files: dict[str, str]) -> Manifests:
    return read_manifests([lay(folder, files)])


def told(found: Manifests, folder: Path) -> list[str]:
    return [str(problem).replace(f"{folder}/", "") for problem in found.problems]


def titles(found: Manifests) -> list[str]:
    return [manifest.title for manifest in found.objects]


def test_a_folder_is_read_with_the_folders_in_it_and_all_documents(tmp_path: Path) -> None:
    other = ASSET.replace("name: raw", "name: clean\n  namespace: shop")
    found = read(
        tmp_path, {"a.yaml": f"{ASSET}---\n{other}", "sub/c.yml": ASSET.replace("raw", "third"), "b.txt": "no"}
    )
    assert titles(found) == ["Asset default/raw", "Asset shop/clean", "Asset default/third"]
    assert not found.problems


def test_a_list_gives_its_items(tmp_path: Path) -> None:
    text = "kind: List\napiVersion: v1\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n- kind: 3\n"
    found = read(tmp_path, {"a.yaml": text})
    assert titles(found) == ["ConfigMap default/a"]
    assert told(found, tmp_path) == [
        "a.yaml:5: 3: apiVersion: is missing; write apiVersion, such as upwell.dev/v1alpha1"
    ]


def test_what_is_not_a_manifest_is_passed_over_in_a_folder_but_not_when_named(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {"expect.yaml": "steps: []\n", "rbac.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"},
    )
    assert not read_manifests([tmp_path]).problems
    (problem,) = read_manifests([tmp_path / "expect.yaml"]).problems
    assert "is not a manifest; a manifest has apiVersion, kind, metadata and spec" in str(problem)


def test_dates_stay_text_as_in_kubectl(tmp_path: Path) -> None:
    found = read(tmp_path, {"a.yaml": ASSET.replace("a file", "2026-01-01")})
    assert found.objects[0].obj["spec"]["description"] == "2026-01-01"


def test_a_kustomization_gives_resources_config_maps_and_the_namespace(tmp_path: Path) -> None:
    files = {
        "kustomization.yaml": KUSTOMIZATION,
        "asset.yaml": ASSET,
        "sources.py": "x = 1\n",
        "lib/helper.py": "y = 2\n",
    }
    found = read(tmp_path, files | {"left-out.yaml": ASSET.replace("raw", "other")})
    assert titles(found) == ["ConfigMap shop/code", "Asset shop/raw"]
    assert found.objects[0].obj["data"] == {"sources.py": "x = 1\n", "other.py": "y = 2\n"}
    assert not found.problems


def test_a_file_that_is_not_text_becomes_binary_data(tmp_path: Path) -> None:
    lay(tmp_path, {"kustomization.yaml": KUSTOMIZATION, "asset.yaml": ASSET, "lib/helper.py": ""})
    (tmp_path / "sources.py").write_bytes(b"\xff\x00")
    found = read_manifests([tmp_path])
    assert base64.b64decode(found.objects[0].obj["binaryData"]["sources.py"]) == b"\xff\x00"


def test_the_outer_kustomization_names_the_namespace(tmp_path: Path) -> None:
    inner = "resources: [asset.yaml]\nnamespace: inner\n"
    files = {"kustomization.yaml": "resources: [sub]\nnamespace: outer\n", "sub/kustomization.yml": inner}
    assert titles(read(tmp_path, files | {"sub/asset.yaml": ASSET})) == ["Asset outer/raw"]


def test_one_broken_file_does_not_stop_the_others(tmp_path: Path) -> None:
    found = read(tmp_path, {"a.yaml": "a: [", "b.yaml": ASSET})
    assert titles(found) == ["Asset default/raw"]
    assert len(found.problems) == 1


SUPPORTED = "supported: resources, namespace, patches, images, configMapGenerator {name, files}, generatorOptions"
BAD: dict[str, tuple[dict[str, str], str]] = {
    "not YAML": ({"a.yaml": "kind: Asset\n bad: x\n"}, "a.yaml:2: not YAML: mapping values"),
    "an open bracket": ({"a.yaml": "a:\n  - [1,\n"}, "a.yaml:3: not YAML: while parsing a flow node"),
    "a key that stands twice": (
        {"a.yaml": ASSET + "  description: again\n"},
        "a.yaml:7: 'description' stands twice, here and in line 6; keep one of the two",
    ),
    "a tag that lies": ({"a.yaml": "a: !!float x\n"}, "a.yaml:1: not a manifest: could not convert string to float"),
    "an alias to itself": ({"a.yaml": "a: &a [*a]\n"}, "a.yaml:1: not a manifest: maximum recursion depth exceeded"),
    "a tag of Python": (
        {"a.yaml": "a: !!python/name:os.system x\n"},
        "a.yaml:1: not YAML: could not determine a constructor",
    ),
    "no kind": ({"a.yaml": "apiVersion: v1\n"}, "a.yaml:1: kind: is missing; write kind, such as Asset"),
    "no name": (
        {"a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n"},
        "a.yaml:3: ConfigMap: metadata.name: is missing or is not text; give the object a name",
    ),
    "a name that is a number": (
        {"a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: 5\n"},
        "a.yaml:4: ConfigMap 5: metadata.name: is missing or is not text",
    ),
    "a namespace that is a number": (
        {"a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: 5}\n"},
        "a.yaml:3: ConfigMap a: metadata.namespace: is not text; put it in quotes",
    ),
    "an old version": (
        {"a.yaml": ASSET.replace("v1alpha1", "v1")},
        "no matches for kind 'Asset' in version 'upwell.dev/v1'; write apiVersion: upwell.dev/v1alpha1",
    ),
    "a kind that is not served": (
        {"a.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n"},
        "a.yaml:2: Deployment a: kind: no matches for kind 'Deployment' in version 'apps/v1'; the embedded",
    ),
    "the same object twice": (
        {"a.yaml": ASSET, "b.yaml": ASSET.replace("name: raw", "name: raw\n  namespace: default")},
        "b.yaml:1: Asset default/raw: stands twice, first in a.yaml:1; keep one of the two",
    ),
    "a field kustomize has and we do not": (
        {"kustomization.yaml": "replicas: []\n"},
        f"kustomization.yaml:1: replicas: is not supported on a laptop; {SUPPORTED}",
    ),
    "a field of a generator": (
        {
            "kustomization.yaml": KUSTOMIZATION + "    envs: [x]\n",
            "asset.yaml": ASSET,
            "sources.py": "",
            "lib/helper.py": "",
        },
        f"kustomization.yaml:7: configMapGenerator[0].envs: is not supported on a laptop; {SUPPORTED}",
    ),
    "a generated name with a hash": (
        {"kustomization.yaml": "configMapGenerator: [{name: a, files: []}]\n"},
        "kustomization.yaml:1: configMapGenerator: names would get a hash",
    ),
    "a resource that is not there": (
        {"kustomization.yaml": "resources:\n  - a.yaml\n  - https://example.com/x\n"},
        "kustomization.yaml:2: resources[0]: 'a.yaml' does not exist; correct the path",
    ),
    "a resource that is a bare folder": (
        {"kustomization.yaml": "resources: [sub]\n", "sub/asset.yaml": ASSET},
        "kustomization.yaml:1: resources: 'sub' is a folder without a kustomization.yaml; add one, or name its files",
    ),
    "a file that is not there": (
        {"kustomization.yaml": KUSTOMIZATION, "asset.yaml": ASSET, "sources.py": ""},
        "kustomization.yaml:6: configMapGenerator[0].files[1]: 'lib/helper.py' does not exist",
    ),
    "a file outside the folder": (
        {
            "in/kustomization.yaml": KUSTOMIZATION.replace("sources.py", "../out.py"),
            "in/asset.yaml": ASSET,
            "out.py": "",
        },
        "in/kustomization.yaml:6: configMapGenerator[0].files[0]: '../out.py' is outside this folder",
    ),
    "a kustomization in a circle": (
        {"kustomization.yaml": "resources: [sub]\n", "sub/kustomization.yaml": "resources: [..]\n"},
        "kustomization.yaml:1: includes itself, through its resources; take one of the references out",
    ),
    "a kustomization that is a list": ({"kustomization.yaml": "- a\n"}, "a kustomization is one document of fields"),
    "a ConfigMap that is too large": (
        {"kustomization.yaml": KUSTOMIZATION, "asset.yaml": ASSET, "sources.py": "#" * 1048577, "lib/helper.py": ""},
        "configMapGenerator[0]: 'code' would hold 1048577 bytes; a ConfigMap holds 1 MiB; name fewer files",
    ),
}


@pytest.mark.parametrize(("files", "says"), BAD.values(), ids=BAD)
def test_each_mistake_is_a_sentence_with_place_and_remedy(tmp_path: Path, files: dict[str, str], says: str) -> None:
    said = told(read(tmp_path, files), tmp_path)
    assert any(says in one.replace("sub/../", "") for one in said), said


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("gone.yaml", "does not exist; give a manifest"),
        ("sources.py", "is not a manifest; give a file that ends in .yaml"),
    ],
)
def test_a_path_that_is_no_manifest_says_what_to_give(tmp_path: Path, name: str, says: str) -> None:
    lay(tmp_path, {"sources.py": ""})
    (problem,) = read_manifests([tmp_path / name]).problems
    assert says in str(problem)


def test_a_file_that_is_not_utf8_is_a_problem_of_that_file(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\x00bad")
    (problem,) = read_manifests([tmp_path]).problems
    assert "UTF-8" in str(problem)


@pytest.mark.parametrize("definition", ["01-file-hash", "02-weather", "03-any-language"])
def test_our_own_definitions_are_read_without_a_word(definition: str) -> None:
    folder = Path(__file__).parents[3] / "definitions" / definition
    found = read_manifests([folder])
    assert not found.problems
    assert any(manifest.obj["kind"] == "Asset" for manifest in found.objects)
