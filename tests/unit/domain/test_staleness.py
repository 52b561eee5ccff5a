"""Staleness: every row of the design's table, every promise about where a copy would go wrong, and bounded words."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from builders import NOW, a_failure, a_graph, a_materialized, a_ref, a_state, an_asset, an_input
from upwell_operator.domain.causes import path
from upwell_operator.domain.graph import Graph
from upwell_operator.domain.snapshot import Asset, AssetId, AssetState, Ref
from upwell_operator.domain.staleness import Staleness, Verdict, assess, causes_for_status, message, propagate

HOUR = timedelta(hours=1)


class Scene:
    """A small world: assets with their states, judged."""

    def __init__(self, *parts: tuple[Asset, AssetState | None]) -> None:
        self.graph, self.verdicts = Graph(), dict[Ref, Verdict]()
        self.states = {asset.id: state for asset, state in parts if state is not None}
        self.now = NOW
        self.changed = self.after({ref for asset, _ in parts for ref in self.graph.put(asset)})

    def after(self, dirty: Iterable[Ref]) -> list[str]:
        self.changed = [ref.name for ref in propagate(self.graph, self.states, self.verdicts, dirty, self.now)]
        return self.changed

    def put(self, asset: Asset) -> list[str]:
        return self.after(self.graph.put(asset))

    def report(self, name: str, state: AssetState) -> list[str]:
        asset = self.graph.get(a_ref(name))
        assert asset is not None
        self.states[asset.id] = state
        return self.after([asset.ref])

    def at(self, now: datetime, *names: str) -> list[str]:
        self.now = now
        return self.after(a_ref(name) for name in names)

    def of(self, name: str) -> tuple[str, str, str]:
        verdict = self.verdicts[a_ref(name)]
        return verdict.staleness.value, verdict.fresh, verdict.reason.value

    def says(self, name: str) -> str:
        return message(self.verdicts[a_ref(name)])


raw = an_asset("raw", key="warehouse/raw_orders")
clean = an_asset("clean", deps=["raw"])
mart = an_asset("mart", deps=["clean"])


def built(version: str = "m1", raw_version: str | None = "v1", **more: object) -> AssetState:
    """Give the state of `clean` materialized from this version of `raw`."""
    return a_materialized(version, [an_input("raw", raw_version, key=raw.key)], **more)  # type: ignore[arg-type]


def a_chain(**states: AssetState) -> Scene:
    given = {"raw": a_state("v1"), "clean": built(), "mart": a_materialized("x1", {"clean": "m1"}), **states}
    return Scene((raw, given["raw"]), (clean, given["clean"]), (mart, given["mart"]))


# The table


@dataclass
class Row:
    state: AssetState | None
    wanted: tuple[str, str, str]
    message: str
    source: AssetState | None = field(default_factory=lambda: a_state("v1"))
    spec: dict[str, object] = field(default_factory=dict)
    upstream: dict[str, object] = field(default_factory=dict)
    now: datetime = NOW


FRESH = ("Fresh", "True", "UpToDate")
TABLE = {
    "1 never materialized": Row(None, ("Missing", "False", "NeverMaterialized"), "it has never been materialized"),
    "1 an observation of a derived asset is no materialization": Row(
        a_state("v1"), ("Missing", "False", "NeverMaterialized"), "it has never been materialized"
    ),
    "2 another set of deps": Row(
        a_materialized("m1", {"old": "v1"}),
        ("Stale", "False", "DependenciesChanged"),
        "dependencies differ from those it was materialized from: new warehouse/raw_orders, no longer old",
    ),
    "2 comes before 3": Row(
        a_materialized("m1", {}, code_version="1"),
        ("Stale", "False", "DependenciesChanged"),
        "dependencies differ from those it was materialized from: new warehouse/raw_orders (and 1 more)",
        spec={"code_version": "2"},
    ),
    "3 another code version": Row(
        built(code_version="1"),
        ("Stale", "False", "CodeChanged"),
        'spec.codeVersion is "2"; it was materialized with "1"',
        spec={"code_version": "2"},
    ),
    "3 a code version where there was none": Row(
        built(),
        ("Stale", "False", "CodeChanged"),
        'spec.codeVersion is "2"; it was materialized with none',
        spec={"code_version": "2"},
    ),
    "3 no code version any more says nothing": Row(built(code_version="1"), FRESH, "up to date at data version m1"),
    "3 comes before 4": Row(
        built(),
        ("Stale", "False", "CodeChanged"),
        'spec.codeVersion is "2"; it was materialized with none (and 1 more)',
        source=a_state("v2"),
        spec={"code_version": "2"},
    ),
    "4 an input has another version": Row(
        built(raw_version="1a2b3c" * 5),
        ("Stale", "False", "UpstreamDataChanged"),
        "upstream data has changed: warehouse/raw_orders 1a2b3c1a2b3c → 9f86d09f86d0",
        source=a_state("9f86d0" * 5),
    ),
    "4 first observed after the materialization": Row(
        built(raw_version=None),
        ("Stale", "False", "UpstreamDataChanged"),
        "upstream data has changed: warehouse/raw_orders v1 was first observed after the materialization",
    ),
    "6 older than maximumLag": Row(
        built(at=NOW - 26 * HOUR),
        ("Stale", "False", "FreshnessExpired"),
        "last materialized at 2026-11-21T10:00:00Z; spec.freshness.maximumLag allows 1d2h",
        spec={"maximum_lag": 26 * HOUR},
    ),
    "6 younger than maximumLag": Row(
        built(at=NOW - 25 * HOUR), FRESH, "up to date at data version m1", spec={"maximum_lag": 26 * HOUR}
    ),
    "6 comes before 7": Row(
        built(raw_version=None, at=NOW - HOUR),
        ("Stale", "False", "FreshnessExpired"),
        "last materialized at 2026-11-22T11:00:00Z; spec.freshness.maximumLag allows 1h (and 1 more)",
        source=None,
        spec={"maximum_lag": HOUR},
    ),
    "7 an input source was never observed": Row(
        built(raw_version=None),
        ("Unknown", "Unknown", "UpstreamUnobserved"),
        "Source warehouse/raw_orders has never been observed",
        source=None,
    ),
    "7 never observed, and failed": Row(
        built(raw_version=None),
        ("Unknown", "Unknown", "UpstreamUnobserved"),
        "Source warehouse/raw_orders has never been observed",
        source=a_state(None, failure=a_failure()),
    ),
    "8 an input source's last observation failed": Row(
        built(),
        ("Unknown", "Unknown", "ObservationFailed"),
        "Source warehouse/raw_orders could not be observed the last time",
        source=a_state("v1", failure=a_failure()),
    ),
    "8 an input source is older than its own freshness": Row(
        built(),
        ("Unknown", "Unknown", "ObservationFailed"),
        "Source warehouse/raw_orders was not observed within its spec.freshness.maximumLag",
        source=a_state("v1", at=NOW - HOUR),
        upstream={"maximum_lag": HOUR},
    ),
    "8 comes after 4": Row(
        built(),
        ("Stale", "False", "UpstreamDataChanged"),
        "upstream data has changed: warehouse/raw_orders v1 → v2 (and 1 more)",
        source=a_state("v2", failure=a_failure()),
    ),
    "9 otherwise": Row(built(), FRESH, "up to date at data version m1"),
}


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
def test_a_derived_asset_is_judged_by_the_table(row: Row):
    scene = Scene((replace(raw, **row.upstream), row.source), (replace(clean, **row.spec), row.state))
    assert scene.of("clean") == row.wanted
    assert scene.says("clean") == row.message


@pytest.mark.parametrize(
    ("states", "wanted", "words"),
    [
        pytest.param(
            {"clean": AssetState()},
            ("Stale", "False", "UpstreamStale"),
            "upstream is missing: clean (NeverMaterialized)",
            id="5 an input is missing",
        ),
        pytest.param(
            {"raw": a_state("v2")},
            ("Stale", "False", "UpstreamStale"),
            "upstream is stale: clean → raw (UpstreamDataChanged)",
            id="5 an input is stale",
        ),
        pytest.param(
            {"raw": AssetState(), "clean": built(raw_version=None)},
            ("Unknown", "Unknown", "UpstreamUnknown"),
            "it is not known whether upstream is fresh: clean → raw (UpstreamUnobserved)",
            id="8 an input's own freshness is unknown",
        ),
        pytest.param(
            {"clean": built("m2")},
            ("Stale", "False", "UpstreamDataChanged"),
            "upstream data has changed: clean m1 → m2",
            id="4 a derived input has another version",
        ),
        pytest.param(
            {"mart": a_materialized("x1", {"clean": None})},
            ("Stale", "False", "UpstreamDataChanged"),
            "upstream data has changed: clean m1 was first materialized after the materialization",
            id="4 a derived input was built later",
        ),
    ],
)
def test_what_is_derived_from_a_derived_asset_is_judged_by_it(
    states: dict[str, AssetState], wanted: tuple[str, str, str], words: str
):
    scene = a_chain(**states)
    assert scene.of("mart") == wanted
    assert scene.says("mart") == words


@pytest.mark.parametrize(
    ("kind", "state", "wanted", "words"),
    [
        pytest.param("Source", a_state("v1"), FRESH, "up to date at data version v1", id="observed"),
        pytest.param(
            "Source",
            None,
            ("Unknown", "Unknown", "NeverObserved"),
            "no observation with a data version has been recorded yet",
            id="never observed",
        ),
        pytest.param(
            "Source",
            a_state("v1", failure=a_failure("OSError: gone")),
            ("Unknown", "Unknown", "ObservationFailed"),
            "the last observation failed: OSError: gone",
            id="failed",
        ),
        pytest.param(
            "Source",
            a_state(None, failure=a_failure("OSError: gone")),
            ("Unknown", "Unknown", "ObservationFailed"),
            "the last observation failed: OSError: gone (and 1 more)",
            id="never observed, and failed",
        ),
        pytest.param(
            "Source",
            a_state("v1", failure=a_failure(kind="materialize")),
            FRESH,
            "up to date at data version v1",
            id="a failed materialization says nothing about a source",
        ),
        pytest.param(
            "Source",
            a_state("v1", at=NOW - 2 * HOUR, failure=a_failure()),
            ("Stale", "False", "FreshnessExpired"),
            "last observed at 2026-11-22T10:00:00Z; spec.freshness.maximumLag allows 2h (and 1 more)",
            id="too old, and failed",
        ),
        pytest.param("External", a_state("v1"), FRESH, "up to date at data version v1", id="external, observed"),
        pytest.param("External", a_materialized("v1"), FRESH, "up to date at data version v1", id="external, built"),
        pytest.param(
            "External",
            a_materialized("v1", at=NOW - 2 * HOUR),
            ("Stale", "False", "FreshnessExpired"),
            "last reported at 2026-11-22T10:00:00Z; spec.freshness.maximumLag allows 2h",
            id="external, too old",
        ),
        pytest.param(
            "External",
            a_state("v1", failure=a_failure("boom", kind="materialize")),
            ("Unknown", "Unknown", "ObservationFailed"),
            "the last materialization failed: boom",
            id="external, failed",
        ),
        pytest.param(
            "External",
            None,
            ("Unknown", "Unknown", "NeverObserved"),
            "no observation with a data version has been recorded yet",
            id="external, nothing reported",
        ),
    ],
)
def test_what_others_own_is_fresh_when_the_last_report_was_good_and_young_enough(
    kind: str, state: AssetState | None, wanted: tuple[str, str, str], words: str
):
    scene = Scene((an_asset("raw", kind=kind, maximum_lag=2 * HOUR), state))
    assert scene.of("raw") == wanted
    assert scene.says("raw") == words


def test_a_source_is_not_judged_by_its_deps():
    scene = Scene((raw, None), (an_asset("seen", kind="Source", deps=["raw"]), a_state("v1")))
    assert scene.of("seen") == FRESH


# Problems of the graph


def test_an_asset_with_a_problem_is_unknown_with_the_problems_own_words():
    scene = Scene((clean, built()), (mart, a_materialized("x1", {"clean": "m1"})))
    assert scene.of("clean") == ("Unknown", "Unknown", "DependencyNotFound")
    assert scene.says("clean").startswith('spec.deps[0].name "raw" is no asset')
    assert scene.says("mart") == "it is not known whether upstream is fresh: clean (DependencyNotFound)"


def test_members_of_a_cycle_are_told_without_being_asked_for():
    scene = a_chain()
    assert scene.put(an_asset("raw", key=raw.key, deps=["mart"])) == ["clean", "mart", "raw"]
    assert {scene.of(name) for name in ("raw", "clean", "mart")} == {("Unknown", "Unknown", "DependencyCycle")}
    assert scene.put(raw) == ["raw", "clean", "mart"]
    assert {scene.of(name) for name in ("raw", "clean", "mart")} == {FRESH}


def test_who_lost_its_key_has_no_data_of_its_own():
    thief = an_asset("thief", key=raw.key, created_at=NOW)
    reader = an_asset("reader", deps=["thief"])
    scene = Scene((raw, a_state("v1")), (thief, None), (reader, a_materialized("r1", {"thief": "v0"})))
    assert scene.of("thief") == ("Unknown", "Unknown", "KeyConflict")
    assert scene.verdicts[thief.ref].version is None
    assert scene.verdicts[raw.ref].version == "v1"


def test_two_deps_that_claim_one_key_are_one_input():
    thief = an_asset("thief", key=raw.key, created_at=NOW)
    both = an_asset("both", deps=["thief", "raw"])
    scene = Scene((raw, a_state("v1")), (thief, None), (both, built()))
    assert scene.of("both") == ("Unknown", "Unknown", "UpstreamUnknown")
    assert [cause["reason"] for cause in causes_for_status(scene.verdicts[both.ref])] == ["UpstreamUnknown"]


# Where a copy would go wrong


def test_changed_and_changed_back_is_fresh_again():
    scene = a_chain()
    assert scene.report("raw", a_state("v2")) == ["raw", "clean", "mart"]
    assert scene.of("clean") == ("Stale", "False", "UpstreamDataChanged")
    assert scene.report("raw", a_state("v1")) == ["raw", "clean", "mart"]
    assert scene.of("clean") == scene.of("mart") == FRESH


def test_a_source_that_changes_while_a_run_is_going_on_leaves_its_result_stale_at_once():
    scene = a_chain()
    scene.report("raw", a_state("v2"))
    scene.report("clean", built("m2", "v1"))
    assert scene.of("clean") == ("Stale", "False", "UpstreamDataChanged")


def test_an_observation_that_sees_the_same_version_changes_nothing():
    scene = a_chain()
    assert scene.report("raw", a_state("v1", at=NOW + HOUR)) == []


def test_a_failed_observation_makes_those_below_unknown_and_the_next_success_fresh_again():
    scene = a_chain()
    assert scene.report("raw", a_state("v1", failure=a_failure())) == ["raw", "clean", "mart"]
    assert scene.of("clean") == ("Unknown", "Unknown", "ObservationFailed")
    assert scene.of("mart") == ("Unknown", "Unknown", "UpstreamUnknown")
    assert scene.report("raw", a_state("v1", failure=a_failure("another error"))) == ["raw"]
    scene.report("raw", a_state("v1"))
    assert scene.of("mart") == FRESH


def test_who_reports_a_version_does_not_matter():
    external = replace(raw, kind=an_asset("x", kind="External").kind)
    for state in (a_state("v1"), a_materialized("v1")):
        scene = Scene((external, state), (clean, built()))
        assert scene.of("clean") == FRESH


def test_lost_knowledge_is_no_change_of_data():
    scene = a_chain(raw=AssetState())
    assert scene.of("clean") == ("Unknown", "Unknown", "UpstreamUnobserved")


def test_a_renamed_resource_is_the_same_data():
    renamed = an_asset("raw-orders", key=raw.key)
    scene = Scene((renamed, a_state("v1")), (an_asset("clean", deps=["raw-orders"]), built()))
    assert scene.of("clean") == FRESH


def test_inputs_of_another_namespace_are_told_apart_by_it():
    theirs = an_asset("sales/raw", export_to=("*",))
    both = an_asset("both", deps=["raw", "sales/raw"])
    scene = Scene(
        (an_asset("raw"), a_state("v1")),
        (theirs, a_state("s2")),
        (both, a_materialized("b1", {"raw": "v1", "sales/raw": "s1"})),
    )
    assert scene.says("both") == "upstream data has changed: sales/raw s1 → s2"
    assert causes_for_status(scene.verdicts[both.ref])[0]["asset"] == "sales/raw"


# Propagation


def test_it_stops_where_the_outcome_is_what_it_was():
    scene = a_chain(raw=a_state("v2"))
    assert scene.report("raw", a_state("v3")) == ["raw", "clean"]
    assert scene.says("clean") == "upstream data has changed: warehouse/raw_orders v1 → v3"
    assert scene.says("mart") == "upstream is stale: clean → raw (UpstreamDataChanged)"


def test_a_rebuild_with_the_same_version_leaves_what_is_below_fresh():
    scene = a_chain(raw=a_state("v2"))
    assert scene.report("clean", built("m1", "v2")) == ["clean", "mart"]
    assert scene.of("clean") == scene.of("mart") == FRESH


def test_a_new_root_cause_far_up_reaches_the_path_far_below():
    other = an_asset("other")
    wide = an_asset("clean", deps=["raw", "other"])
    inputs = [an_input("raw", "v1", key=raw.key), an_input("other", "o1")]
    scene = Scene(
        (raw, a_state("v2")),
        (other, a_state("o1")),
        (wide, a_materialized("m1", inputs)),
        (mart, a_materialized("x1", {"clean": "m1"})),
    )
    assert scene.says("mart").endswith("clean → raw (UpstreamDataChanged)")
    scene.states[other.id], scene.states[raw.id] = a_state("o2"), a_state("v1")
    assert scene.after([other.ref, raw.ref]) == ["other", "raw", "clean", "mart"]
    assert scene.says("mart").endswith("clean → other (UpstreamDataChanged)")


def test_deleted_assets_lose_their_verdict_and_unknown_ones_get_one():
    scene = a_chain()
    scene.after(scene.graph.remove(raw.ref))
    assert raw.ref not in scene.verdicts
    assert scene.of("mart") == ("Unknown", "Unknown", "UpstreamUnknown")
    scene.verdicts.clear()
    assert sorted(scene.after([])) == ["clean", "mart"]
    scene.graph.remove(mart.ref)
    assert scene.after([]) == []
    assert scene.verdicts.keys() == {clean.ref}


def test_assess_judges_one_asset_and_writes_nothing():
    scene = a_chain()
    scene.states[clean.id] = built("m2", "v0")
    before = dict(scene.verdicts)
    assert assess(clean, scene.graph, scene.states, scene.verdicts, NOW).staleness is Staleness.STALE
    assert scene.verdicts == before


# Time


def test_expires_at_is_the_moment_at_which_it_turns():
    scene = Scene((replace(raw, maximum_lag=HOUR), a_state("v1")), (clean, built()))
    expires_at = scene.verdicts[raw.ref].expires_at
    assert expires_at == NOW + HOUR
    assert scene.at(expires_at - timedelta(microseconds=1), "raw") == []
    assert scene.at(expires_at, "raw") == ["raw", "clean"]
    assert scene.of("raw") == ("Stale", "False", "FreshnessExpired")
    assert scene.verdicts[raw.ref].expires_at is None
    assert scene.report("raw", a_state("v1", at=expires_at)) == ["raw", "clean"]
    assert scene.of("clean") == FRESH


def test_a_later_deadline_is_told_and_goes_no_further():
    scene = Scene((replace(raw, maximum_lag=HOUR), a_state("v1")), (clean, built()))
    assert scene.report("raw", a_state("v1", at=NOW + HOUR / 2)) == ["raw"]


def test_what_never_succeeded_has_no_deadline():
    scene = Scene((replace(raw, maximum_lag=HOUR), None), (replace(clean, maximum_lag=HOUR), a_state("x")))
    assert [verdict.expires_at for verdict in scene.verdicts.values()] == [None, None]


# Words and bounds


def test_all_causes_are_listed_nearest_root_first():
    scene = Scene(
        (an_asset("a"), a_state("2")),
        (an_asset("b", deps=["a"]), a_materialized("b1", {"a": "1"})),
        (an_asset("c", deps=["b"]), a_materialized("c1", {"b": "b1"})),
        (an_asset("d", deps=["c", "b", "a"], code_version="2"), a_materialized("d1", {"c": "c1", "b": "b1", "a": "1"})),
    )
    assert causes_for_status(scene.verdicts[a_ref("d")]) == [
        {"reason": "CodeChanged", "asset": "d", "message": 'spec.codeVersion is "2"; it was materialized with none'},
        {"reason": "UpstreamDataChanged", "asset": "a", "message": "upstream data has changed: a 1 → 2", "path": ["a"]},
        {
            "reason": "UpstreamStale",
            "asset": "b",
            "message": "upstream is stale: b → a (UpstreamDataChanged)",
            "path": ["b", "a"],
        },
        {
            "reason": "UpstreamStale",
            "asset": "c",
            "message": "upstream is stale: c → b → a (UpstreamDataChanged)",
            "path": ["c", "b", "a"],
        },
    ]
    assert scene.says("d") == 'spec.codeVersion is "2"; it was materialized with none (and 3 more)'


def a_row(size: int) -> Scene:
    """A chain of this length below one source that has changed."""
    parts: list[tuple[Asset, AssetState | None]] = [(an_asset("a0"), a_state("2"))]
    parts += [
        (an_asset(f"a{at}", deps=[f"a{at - 1}"]), a_materialized("1", {f"a{at - 1}": "1"})) for at in range(1, size)
    ]
    return Scene(*parts)


def test_a_path_of_ten_is_shown_whole_and_a_longer_one_cut_in_the_middle():
    scene = a_row(13)
    assert causes_for_status(scene.verdicts[a_ref("a10")])[0]["path"] == [f"a{at}" for at in range(9, -1, -1)]
    assert causes_for_status(scene.verdicts[a_ref("a12")])[0]["path"] == [
        *(f"a{at}" for at in range(11, 3, -1)),
        "(3 more)",
        "a0",
    ]


def test_a_long_chain_is_judged_compared_and_shown_without_recursion():
    scene, again = a_row(2_000), a_row(2_000)
    last = a_ref("a1999")
    assert scene.verdicts[last].causes[0].depth == 1999
    assert scene.verdicts == again.verdicts
    assert repr(scene.verdicts[last])
    assert path(scene.verdicts[last].causes[0], "shop")[-2:] == ["(1990 more)", "a0"]


def test_whatever_the_names_are_status_stays_small():
    long = [f"{at:03}".rjust(253, "x") for at in range(40)]
    sources = [(an_asset(name, key="k" * 500 + name[-3:]), a_state("2")) for name in long]
    scene = Scene(*sources, (an_asset("b", deps=long), a_materialized("b1", {})))
    verdict = scene.verdicts[a_ref("b")]
    assert len(message(verdict).encode()) <= 1024
    shown = causes_for_status(verdict)
    assert 1 <= len(shown) <= 10
    assert len(json.dumps(shown).encode()) <= 8 * 1024


def test_more_than_ten_causes_are_counted():
    names = [f"a{at:02}" for at in range(40)]
    parts: list[tuple[Asset, AssetState | None]] = [(an_asset(name), a_state("2")) for name in names]
    scene = Scene(*parts, (an_asset("b", deps=names), a_materialized("b1", dict.fromkeys(names, "1"))))
    verdict = scene.verdicts[a_ref("b")]
    assert (len(verdict.causes), verdict.omitted) == (10, 30)
    assert message(verdict) == "upstream data has changed: a00 1 → 2 (and 39 more)"
    assert len(causes_for_status(verdict)) == 10


def test_long_paths_of_long_names_do_not_crowd_status_out():
    name = "{:03}".format
    parts: list[tuple[Asset, AssetState | None]] = [(an_asset("0" * 253), a_state("2"))]
    before = "0" * 253
    for at in range(1, 30):
        here = name(at) * 84
        parts.append((an_asset(here, deps=[before]), a_materialized("1", {before: "1"})))
        before = here
    tops = [f"{'t' * 250}{at:03}" for at in range(20)]
    parts += [(an_asset(top, deps=[before]), a_materialized("1", {before: "1"})) for top in tops]
    parts.append((an_asset("b", deps=tops), a_materialized("1", dict.fromkeys(tops, "1"))))
    shown = causes_for_status(Scene(*parts).verdicts[a_ref("b")])
    assert 1 <= len(shown) < 10
    assert len(json.dumps(shown, ensure_ascii=False).encode()) <= 8 * 1024


def test_a_graph_and_states_of_nobody_give_no_verdicts():
    assert propagate(a_graph(), dict[AssetId, AssetState](), {}, [a_ref("nobody")], NOW) == []
