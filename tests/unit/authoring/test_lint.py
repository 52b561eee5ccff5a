"""`upwell lint`: what a cluster would refuse, with the line, and what only a cluster can tell."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from manifest_cases import RIGHT, WRONG, Wrong
from upwell_operator.authoring.lint import Linted, lint
from upwell_operator.cli.app import run
from upwell_operator.cli.exits import Code

DEFINITIONS = Path(__file__).parents[3] / "definitions"
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
OBSERVE = "observe: {container: {image: look:1}}"
MATERIALIZE = "materialize: {container: {image: make:1}}"


def written(kind: str, name: str, *lines: str) -> str:
    head = f"apiVersion: upwell.dev/v1alpha1\nkind: {kind}\nmetadata:\n  name: {name}\nspec:\n"
    return head + "".join(f"  {line}\n" for line in lines or ("suspend: false",))


def source(name: str, *lines: str) -> str:
    return written("Asset", name, OBSERVE, *lines)


def derived(name: str, *lines: str) -> str:
    return written("Asset", name, MATERIALIZE, *lines)


def linted(folder: Path, *objects: str | dict[str, Any]) -> Linted:
    texts = [one if isinstance(one, str) else json.dumps(one) for one in objects]
    (folder / "all.yaml").write_text("\n---\n".join(text.rstrip("\n") for text in texts) + "\n")
    return lint([folder], "shop", NOW)


def told(found: Linted) -> list[str]:
    return [f"{problem.line} {problem.object} {problem.field} {problem.reason}" for problem in found.problems]


WRONG_TOGETHER: dict[str, tuple[list[str], str]] = {
    "a dependency that is not there": (
        [derived("daily", "deps:", "- name: raw", "- name: rwa"), source("raw")],
        "9 Asset shop/daily spec.deps[1].name DependencyNotFound",
    ),
    "a dependency that is not exported": (
        [
            derived("daily", "deps: [{name: raw, namespace: sales}]"),
            source("raw").replace("name: raw", "name: raw\n  namespace: sales"),
        ],
        "7 Asset shop/daily spec.deps[0].name DependencyNotExported",
    ),
    "a cycle": (
        [derived("a", "deps: [{name: b}]"), derived("b", "deps: [{name: a}]")],
        "7 Asset shop/a spec.deps DependencyCycle",
    ),
    "two assets of one key": (
        [source("a", "key: sales/raw"), source("b", "key: sales/raw")],
        "15 Asset shop/b spec.key KeyConflict",
    ),
    "a guard that does not compile": (
        [source("a", "guard: {holdWhen: new.rows <}")],
        "7 Asset shop/a spec.guard.holdWhen InvalidSpec",
    ),
    "a job with a mix, by names": (
        [source("a"), derived("b"), written("ObservationJob", "look", "assets: [a, b]")],
        "20 ObservationJob shop/look spec.assets MixedSelection",
    ),
    "a job with a mix, by selection": (
        [source("a"), derived("b"), written("ObservationJob", "look", 'selection: "*"')],
        "20 ObservationJob shop/look spec.selection MixedSelection",
    ),
    "a job that selects nothing": (
        [source("a"), written("ObservationJob", "look", "selector: {matchLabels: {tier: raw}}")],
        "13 ObservationJob shop/look spec.selector NothingSelected",
    ),
    "a job that names no asset": (
        [source("a"), written("ObservationJob", "look", "assets: [a, b]")],
        "13 ObservationJob shop/look spec.assets AssetNotFound",
    ),
    "a schedule without its job": (
        [written("Schedule", "daily", 'schedule: "@daily"', "job: {name: look}")],
        "7 Schedule shop/daily spec.job.name JobNotFound",
    ),
    "a suspended schedule without its job": (
        [written("Schedule", "daily", 'schedule: "@daily"', "suspend: true", "job: {name: look}")],
        "8 Schedule shop/daily spec.job.name JobNotFound",
    ),
    "a line that never fires": (
        [written("Schedule", "daily", 'schedule: "0 0 31 2 *"', "job: {name: look}")],
        "6 Schedule shop/daily spec.schedule InvalidSpec",
    ),
    "ticks of an asset that never come": (
        [
            source("raw"),
            derived("daily", "deps: [{name: raw}]", 'autoMaterialize: {policy: Cron, cron: "0 0 31 2 *"}'),
        ],
        "15 Asset shop/daily spec.autoMaterialize.cron InvalidSpec",
    ),
    "a zone that does not exist": (
        [written("Schedule", "daily", 'schedule: "@daily"', "timeZone: Mars/Olympus", "job: {name: look}")],
        "7 Schedule shop/daily spec.timeZone InvalidSpec",
    ),
    "windows of a zone that does not exist": (
        [source("raw", "partitions:", '  timeWindow: {cron: "@daily", start: "2026-01-01", timeZone: Mars/Olympus}')],
        "8 Asset shop/raw spec.partitions.timeWindow.timeZone InvalidSpec",
    ),
    "a name that no object can have": ([source("Raw_Orders")], "4 Asset shop/Raw_Orders metadata.name InvalidSpec"),
    "an old version": ([source("raw").replace("v1alpha1", "v1")], "2 Asset raw kind "),
}


@pytest.mark.parametrize(("objects", "says"), WRONG_TOGETHER.values(), ids=WRONG_TOGETHER)
def test_what_a_cluster_would_refuse_is_told_with_its_line(tmp_path: Path, objects: list[str], says: str) -> None:
    assert says in told(linted(tmp_path, *objects))


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_manifest_that_is_wrong_by_itself_is_told_in_the_words_of_the_operator(tmp_path: Path, wrong: Wrong) -> None:
    (problem,) = linted(tmp_path, wrong.obj).problems
    assert wrong.says in f"{problem.message}; {problem.remedy}"


@pytest.mark.parametrize("right", RIGHT.values(), ids=RIGHT)
def test_a_manifest_that_is_right_by_itself_is_wrong_only_for_what_it_needs(
    tmp_path: Path, right: dict[str, Any]
) -> None:
    reasons = {problem.reason for problem in linted(tmp_path, right).problems}
    assert reasons <= {"DependencyNotFound", "AssetNotFound", "NothingSelected", "JobNotFound"}


def test_what_fits_together_is_right_and_other_kinds_are_counted(tmp_path: Path) -> None:
    found = linted(
        tmp_path,
        derived("daily", "deps: [{name: raw}]"),
        source("raw"),
        written("ObservationJob", "look", 'selection: "+daily and key:raw"'),
        written("Schedule", "daily", 'schedule: "@daily"', "job: {name: look}"),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "code"}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}},
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
        {"apiVersion": "velero.io/v1", "kind": "Schedule", "metadata": {"name": "backup"}},
    )
    assert found == Linted((), (), checked=4, others=4)


def test_what_only_a_cluster_can_tell_is_told_apart_and_hides_nothing(tmp_path: Path) -> None:
    deps = ["deps:", "- {name: orders, namespace: sales}", "- {name: gone}"]
    found = linted(tmp_path, derived("daily", *deps))
    (unknown,) = found.unknown
    assert (unknown.line, unknown.field) == (8, "spec.deps[0]")
    assert unknown.message == "nothing of namespace sales was given, so whether sales/orders is there is not known"
    assert told(found) == ["9 Asset shop/daily spec.deps[1].name DependencyNotFound"]


def test_a_base_that_two_overlays_take_in_is_told_once_for_each_namespace(tmp_path: Path) -> None:
    files = {
        "base/kustomization.yaml": "resources: [all.yaml]\n",
        "base/all.yaml": derived("daily", "deps: [{name: raw}]"),
        "eu/kustomization.yaml": "resources: [../base]\nnamespace: eu\n",
        "us/kustomization.yaml": "resources: [../base]\nnamespace: us\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = lint([tmp_path / "eu", tmp_path / "us"], "shop", NOW)
    assert [problem.object for problem in found.problems] == ["Asset eu/daily", "Asset us/daily"]


# The command


def test_mistakes_are_lines_that_editors_can_jump_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    linted(tmp_path, derived("daily", "deps: [{name: raw}]"))
    assert run(["lint", str(tmp_path), "-n", "shop"]) == Code.FAILED
    said = capsys.readouterr()
    assert said.out == (
        f'{tmp_path}/all.yaml:7: Asset shop/daily: spec.deps[0].name "raw" is no asset in namespace "shop"; set '
        "spec.deps[].namespace if it is in another one, create that asset, or correct the name\n"
    )
    assert said.err == "upwell: 1 problem in 1 object\n"


def test_scripts_get_file_line_object_field_reason_and_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    linted(tmp_path, written("Schedule", "daily", 'schedule: "@daily"', "job: {name: look}"))
    assert run(["lint", str(tmp_path), "-o", "json"]) == Code.FAILED
    assert json.loads(capsys.readouterr().out) == {
        "problems": [
            {
                "file": f"{tmp_path}/all.yaml",
                "line": 7,
                "object": "Schedule default/daily",
                "field": "spec.job.name",
                "reason": "JobNotFound",
                "message": 'no ObservationJob "look" in namespace default',
                "remedy": "apply it, or mend the name",
            }
        ],
        "unknown": [],
        "checked": 1,
        "others": 0,
    }


def test_nothing_wrong_is_said_on_standard_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    linted(tmp_path, source("raw"), {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}})
    assert run(["lint", str(tmp_path)]) == Code.DONE
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "nothing is wrong with 1 object (not looked at: 1 of other kinds)\n")


def test_a_path_that_is_not_there_is_a_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lint", "no/such/folder"]) == Code.USAGE
    assert "no such file or folder: no/such/folder" in capsys.readouterr().err


@pytest.mark.parametrize("folder", sorted(DEFINITIONS.glob("[0-9]*")), ids=lambda folder: folder.name)
def test_our_own_definitions_are_right(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lint", str(folder)]) == Code.DONE
    assert "nothing is wrong" in capsys.readouterr().err
