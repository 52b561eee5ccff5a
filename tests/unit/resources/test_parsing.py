"""What users write is read, or refused with a sentence that names the field and the remedy."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from manifest_cases import PYTHON, RIGHT, WRONG, Wrong, asset, job, manifest, schedule
from upwell_operator.errors import Stalled
from upwell_operator.resources.meta import Kind, Reason
from upwell_operator.resources.parsing import parse
from upwell_operator.resources.prose import PROSE


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_manifest_is_read(name: str) -> None:
    obj = RIGHT[name]
    assert parse(Kind(obj["kind"]), obj).metadata.name == obj["metadata"]["name"]


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_manifest_is_refused_with_field_and_remedy(case: Wrong) -> None:
    with pytest.raises(Stalled) as refused:
        parse(Kind(case.obj["kind"]), case.obj)
    message = str(refused.value)
    assert refused.value.reason == Reason.INVALID_SPEC
    assert message.startswith(f"{case.field}: ")
    assert case.says in message


@pytest.mark.parametrize("kind", PROSE)
def test_the_example_of_a_page_is_right(kind: Kind) -> None:
    for obj in yaml.safe_load_all(PROSE[kind].example):
        assert parse(kind, obj)


def test_a_dep_on_itself_by_namespace_is_refused_although_the_api_server_cannot_see_it() -> None:
    with pytest.raises(Stalled, match=r"spec\.deps: the asset lists itself"):
        parse(Kind.ASSET, asset(deps=[{"name": "raw-orders", "namespace": "default"}]))


GUARDS = {
    "new.rows <": "it is no expression in CEL: at character 11, mismatched input",
    "rows < 5.0": "it reads rows; there is new, newVersion, old, oldVersion",
    "count(new.rows) > 1": "it calls count; there is contains,",
    "new == old": "it reads no metadata by its name, as new.rows",
    "new.rows.all(x, x > 1.0)": "all goes through a list, which may take for ever",
    "size(new.rows . map(x, new.rows)) > 1": "map goes through a list",
    "new.?rows": "unsupported syntax",
}


@pytest.mark.parametrize(("text", "says"), GUARDS.items())
def test_a_guard_that_cannot_be_evaluated_is_refused_although_the_api_server_cannot_tell(text: str, says: str) -> None:
    with pytest.raises(Stalled) as refused:
        parse(Kind.ASSET, asset(guard={"holdWhen": text}))
    assert refused.value.reason == Reason.INVALID_SPEC
    assert str(refused.value).startswith(f'spec.guard.holdWhen: "{text}" cannot be used: ')
    assert says in str(refused.value)


def test_the_expressions_of_the_page_about_guards_can_be_written() -> None:
    page = Path(__file__).parents[3] / "docs" / "how-to" / "hold-a-suspicious-version.md"
    _, _, text = page.read_text(encoding="utf8").partition("## Write an expression")
    expressions = [found[1].replace("\\|", "|") for found in re.finditer(r"^\| .* \| `(.*)` \|$", text, re.MULTILINE)]
    assert len(expressions) == 6
    for one in expressions:
        assert parse(Kind.ASSET, asset(guard={"holdWhen": one}))


def test_another_kind_or_version_is_refused() -> None:
    with pytest.raises(Stalled, match=r'apiVersion: "upwell\.dev/v2" is not known here; write upwell\.dev/v1alpha1'):
        parse(Kind.ASSET, asset() | {"apiVersion": "upwell.dev/v2"})
    with pytest.raises(Stalled, match=r'kind: "Asset" is not known here; write Schedule'):
        parse(Kind.SCHEDULE, asset())


def test_what_is_missing_altogether_is_said_in_one_go() -> None:
    with pytest.raises(Stalled, match=r"metadata: is missing; add it; spec: is missing; add it"):
        parse(Kind.ASSET, {"apiVersion": "upwell.dev/v1alpha1", "kind": "Asset"})


def test_three_mistakes_are_told_and_the_rest_is_counted() -> None:
    with pytest.raises(Stalled, match=r"; and 2 more$"):
        parse(Kind.ASSET, asset(a=1, b=2, c=3, d=4, e=5))


@pytest.mark.parametrize(
    ("obj", "message"),
    {
        "a list for a map": (asset(observe=[1]), r"spec\.observe: \[1\] is not a map of fields"),
        "a map for a list": (asset(deps={"name": "x"}), r'spec\.deps: \{"name": "x"\} is not a list'),
        "text for a number": (asset(observe=PYTHON | {"retries": "2"}), r'retries: "2" is not a whole number'),
        "a number for a duration": (asset(observe=PYTHON | {"every": 5}), r"every: 5 cannot be used: a duration is"),
        "too many entries": (asset(kinds=["a"] * 17), r"spec\.kinds: has 17 entries; at most 16 are allowed"),
        "a field of another level": (
            asset(function="a:b"),
            r"spec\.function: there is no such field; remove it, or use one of autoMaterialize, codeVersion",
        ),
        "a long value": (asset(tags="x" * 100), r"is not a map of names to values"),
        "no name for the job": (schedule(job={}), r"spec\.job\.name: is missing; add it \(Name of an ObservationJob"),
        "no metadata": (job(assets=["a"]) | {"metadata": []}, r"metadata: \[\] is not a map of fields"),
        "a description that is too long": (asset(description="x" * 5000), r"spec\.description: .*… cannot be used: "),
    }.values(),
)
def test_a_mistake_of_type_is_told_in_words(obj: dict[str, object], message: str) -> None:
    with pytest.raises(Stalled, match=message):
        parse(Kind(str(obj["kind"])), obj)


def test_status_never_makes_a_spec_invalid() -> None:
    assert parse(Kind.ASSET, asset() | {"status": {"written": "by a newer operator"}}).status is None


def test_metadata_with_nothing_behind_a_field_counts_as_left_out() -> None:
    obj = asset()
    obj["metadata"] |= {"annotations": None, "managedFields": [], "creationTimestamp": None}
    assert parse(Kind.ASSET, obj).metadata.annotations == {}


def test_defaults_are_those_of_the_reference() -> None:
    spec = parse(Kind.ASSET, asset(observe=PYTHON)).spec
    assert (spec.group, spec.suspend, spec.deps, spec.auto_materialize) == ("default", False, (), None)
    assert (spec.history.events, spec.history.age) == (1000, timedelta(days=90))
    assert (spec.history.successful_runs, spec.history.failed_runs) == (3, 3)
    assert spec.observe is not None
    assert (spec.observe.retries, spec.observe.timeout_seconds, spec.observe.every) == (None, None, None)


def test_the_key_is_the_name_unless_the_spec_says_otherwise() -> None:
    assert parse(Kind.ASSET, asset()).key == "raw-orders"
    assert parse(Kind.ASSET, asset(key="warehouse/raw_orders")).key == "warehouse/raw_orders"


def test_unknown_fields_of_kubernetes_own_objects_are_kept() -> None:
    volume = {"name": "data", "csi": {"driver": "example"}}
    read = parse(Kind.ASSET, asset(observe=PYTHON | {"volumes": [volume]})).spec.observe
    assert read is not None
    assert read.volumes[0].model_dump(by_alias=True) == volume


def test_models_are_built_from_python_names_as_well() -> None:
    obj = manifest("ObservationJob", "x", assets=["a"], run_on_apply=True)
    assert parse(Kind.OBSERVATION_JOB, obj).spec.run_on_apply
