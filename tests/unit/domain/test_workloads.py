"""From a run to its Job, and from the Job back to the run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from builders import a_ref, an_asset, an_input
from upwell.protocol import EXIT_PERMANENT, RunKind
from upwell_operator.domain.actions import StartRun
from upwell_operator.domain.merge import strategic_merge
from upwell_operator.domain.runs import read_run
from upwell_operator.domain.snapshot import Outcome, RunDefaults, RunPhase, Trigger, TriggerType
from upwell_operator.domain.workloads import job, label_value
from upwell_operator.resources.pod import RunTemplate
from upwell_operator.settings import Settings

SETTINGS = Settings(server_url="http://server:8080/", image="upwell:test")
CLEAN = an_asset("clean", deps=["raw"], key="marts/clean", code_version="3")
START = StartRun(
    a_ref("clean-1"), CLEAN, RunKind.MATERIALIZE, 4, Trigger(TriggerType.EAGER, "CodeChanged"), (an_input("raw", "v2"),)
)
PYTHON = {"python": {"function": "shop.marts:clean"}}
CONTAINER = {"container": {"image": "any:1", "command": ["sh", "-c"], "args": ["exit 0"]}}


def a_job(template: dict[str, Any] = PYTHON, start: StartRun = START) -> dict[str, Any]:
    return job(start, RunTemplate.model_validate(template), SETTINGS)


def pod(template: dict[str, Any] = PYTHON) -> dict[str, Any]:
    spec: dict[str, Any] = a_job(template)["spec"]["template"]["spec"]
    return spec


def main(template: dict[str, Any] = PYTHON) -> dict[str, Any]:
    (container,) = (one for one in pod(template)["containers"] if one["name"] == "run")
    found: dict[str, Any] = container
    return found


def env(template: dict[str, Any] = PYTHON) -> dict[str, str | None]:
    return {one["name"]: one.get("value") for one in main(template)["env"]}


def test_the_job_is_named_by_its_identity_and_owned_by_its_asset() -> None:
    meta = a_job()["metadata"]
    (owner,) = meta["ownerReferences"]
    assert (meta["name"], meta["namespace"]) == ("clean-1", "shop")
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("Asset", CLEAN.uid, True)


def test_a_permanent_error_ends_the_job_and_a_disruption_does_not_count() -> None:
    permanent, disrupted = a_job()["spec"]["podFailurePolicy"]["rules"]
    assert (permanent["action"], permanent["onExitCodes"]["values"]) == ("FailJob", [EXIT_PERMANENT])
    assert (disrupted["action"], disrupted["onPodConditions"][0]["type"]) == ("Ignore", "DisruptionTarget")


def test_limits_of_the_template_are_the_jobs() -> None:
    spec = a_job({**PYTHON, "retries": 5, "timeoutSeconds": 60})["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"]) == (5, 60)


LIMITS = {
    "nobody says": ({}, RunDefaults(), (2, 3600)),
    "the ObservationJob says": ({}, RunDefaults(retries=0, timeout_seconds=60), (0, 60)),
    "both say, and the asset's own counts": (
        {"retries": 0, "timeoutSeconds": 9},
        RunDefaults(retries=5, timeout_seconds=60),
        (0, 9),
    ),
}


@pytest.mark.parametrize(("own", "defaults", "limits"), LIMITS.values(), ids=LIMITS.keys())
def test_how_long_and_how_often_is_the_assets_word_before_the_jobs(
    own: dict[str, int], defaults: RunDefaults, limits: tuple[int, int]
) -> None:
    spec = a_job({**PYTHON, **own}, replace(START, defaults=defaults))["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"]) == limits


def test_python_mode_brings_the_sdk_into_any_image() -> None:
    (init,) = pod({**PYTHON, "image": "shop:1"})["initContainers"]
    assert (init["image"], main({**PYTHON, "image": "shop:1"})["image"]) == ("upwell:test", "shop:1")
    assert env()["PYTHONPATH"] == "/upwell/sdk:/upwell/code"
    assert env()["UPWELL_FUNCTION"] == "shop.marts:clean"


def test_the_users_pythonpath_is_kept_behind_ours() -> None:
    theirs = {**PYTHON, "env": [{"name": "PYTHONPATH", "value": "/mine"}]}
    assert env(theirs)["PYTHONPATH"] == "/upwell/sdk:/upwell/code:/mine"


def test_container_mode_needs_nothing_of_ours_in_the_image() -> None:
    assert "initContainers" not in pod(CONTAINER)
    assert (main(CONTAINER)["command"], main(CONTAINER)["args"]) == (["sh", "-c"], ["exit 0"])
    assert "UPWELL_FUNCTION" not in env(CONTAINER)
    assert env(CONTAINER)["UPWELL_RESULT"] == main(CONTAINER)["terminationMessagePath"]


def test_our_variables_win_over_the_users() -> None:
    hostile = {**PYTHON, "env": [{"name": "UPWELL_RUN", "value": "another"}, {"name": "MINE", "value": "kept"}]}
    assert (env(hostile)["UPWELL_RUN"], env(hostile)["MINE"]) == ("clean-1", "kept")
    assert [one["name"] for one in main(hostile)["env"]].count("UPWELL_RUN") == 1


def test_a_run_of_a_partition_is_told_which_and_the_job_remembers_it() -> None:
    job = a_job(start=replace(START, partition="2026-01-31"))
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert {"name": "UPWELL_PARTITION", "value": "2026-01-31"} in container["env"]
    run = read_run({**job, "metadata": {**job["metadata"], "uid": "u"}})
    assert run is not None
    assert run.partition == "2026-01-31"
    assert "UPWELL_PARTITION" not in env()


def test_a_code_version_is_told_if_there_is_one() -> None:
    bare = replace(START, asset=an_asset("clean", deps=["raw"]))
    (container,) = a_job(start=bare)["spec"]["template"]["spec"]["containers"]
    assert env()["UPWELL_CODE_VERSION"] == "3"
    assert "UPWELL_CODE_VERSION" not in {one["name"] for one in container["env"]}


def test_code_from_a_config_map_is_mounted() -> None:
    mounts = {one["name"]: one["mountPath"] for one in main({**PYTHON, "code": {"configMap": "files"}})["volumeMounts"]}
    assert mounts["upwell-code"] == "/upwell/code"


def test_the_everyday_fields_reach_the_container() -> None:
    template = {
        **PYTHON,
        "volumes": [{"name": "data", "emptyDir": {}}],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        "resources": {"limits": {"memory": "1Gi"}},
        "envFrom": [{"secretRef": {"name": "s"}}],
        "serviceAccountName": "worker",
    }
    assert {"name": "data", "emptyDir": {}} in pod(template)["volumes"]
    assert {"name": "data", "mountPath": "/data"} in main(template)["volumeMounts"]
    assert main(template)["resources"]["limits"] == {"memory": "1Gi"}
    assert main(template)["envFrom"] == [{"secretRef": {"name": "s"}}]
    assert pod(template)["serviceAccountName"] == "worker"


def test_the_pod_is_restricted_and_holds_one_token() -> None:
    spec = pod()
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert main()["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    (token,) = (one for one in spec["volumes"] if one["name"] == "upwell-token")
    assert token["projected"]["sources"][0]["serviceAccountToken"]["audience"] == "upwell"


def test_a_pod_template_is_merged_as_kubectl_patch_would() -> None:
    template = {
        **PYTHON,
        "podTemplate": {
            "metadata": {"labels": {"queue": "q", "upwell.dev/run": "forged"}},
            "spec": {
                "nodeSelector": {"disk": "ssd"},
                "containers": [{"name": "run", "env": [{"name": "A", "value": "1"}]}, {"name": "side", "image": "s:1"}],
            },
        },
    }
    built = a_job(template)["spec"]["template"]
    assert built["metadata"]["labels"]["queue"] == "q"
    assert built["metadata"]["labels"]["upwell.dev/run"] == "clean-1"
    assert built["spec"]["nodeSelector"] == {"disk": "ssd"}
    assert [one["name"] for one in built["spec"]["containers"]] == ["run", "side"]
    assert env(template)["A"] == "1"
    assert env(template)["UPWELL_RUN"] == "clean-1"


MERGES = {
    "maps are merged": ({"a": {"x": 1}}, {"a": {"y": 2}}, {"a": {"x": 1, "y": 2}}),
    "null removes": ({"a": 1, "b": 2}, {"a": None, "c": None}, {"b": 2}),
    "lists with a key are merged by it": (
        {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
        {"env": [{"name": "A", "value": "3"}, {"name": "C", "value": "4"}]},
        {"env": [{"name": "A", "value": "3"}, {"name": "B", "value": "2"}, {"name": "C", "value": "4"}]},
    ),
    "other lists are replaced": ({"args": ["a"]}, {"args": ["b"]}, {"args": ["b"]}),
    "another type replaces": ({"a": {"x": 1}}, {"a": 3}, {"a": 3}),
}


@pytest.mark.parametrize(("base", "overlay", "expected"), MERGES.values(), ids=MERGES.keys())
def test_a_strategic_merge(base: dict[str, Any], overlay: dict[str, Any], expected: dict[str, Any]) -> None:
    assert strategic_merge(base, overlay) == expected


def test_long_names_fit_a_label() -> None:
    assert label_value("a" * 63) == "a" * 63
    assert len(label_value("a" * 200)) <= 63
    assert label_value("a" * 200) != label_value("a" * 201)


class TestReading:
    """A Job says everything about its run."""

    def of(self, start: StartRun = START, **status: Any) -> dict[str, Any]:
        made = a_job(start=start)
        made["metadata"] |= {"uid": "u1", "creationTimestamp": "2026-11-22T12:00:00Z"}
        return {**made, "status": status}

    def test_what_was_started_is_what_is_read(self) -> None:
        run = read_run(self.of(replace(START, request="t", observation_job="j", job_run="r")))
        assert run is not None
        assert (run.ref, run.asset, run.asset_key, run.kind) == (START.ref, CLEAN.ref, "marts/clean", START.kind)
        assert (run.fence, run.trigger, run.inputs) == (START.fence, START.trigger, START.inputs)
        assert (run.code_version, run.request, run.observation_job, run.job_run) == ("3", "t", "j", "r")
        assert (run.phase, run.outcome, run.uid) == (RunPhase.ACTIVE, None, "u1")

    def test_the_jobs_own_conditions_say_how_it_ended(self) -> None:
        failed = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "too long"}
        run = read_run(self.of(conditions=[{**failed, "lastTransitionTime": "2026-11-22T12:01:00Z"}]))
        assert run is not None
        assert (run.phase, run.message) == (RunPhase.FAILED, "DeadlineExceeded: too long")
        assert run.ended_at is not None

    def test_a_condition_that_is_not_true_is_no_end(self) -> None:
        run = read_run(self.of(conditions=[{"type": "Complete", "status": "False"}]))
        assert run is not None
        assert run.phase is RunPhase.ACTIVE

    def test_a_recorded_run_says_its_outcome(self) -> None:
        made = self.of()
        made["metadata"]["annotations"]["upwell.dev/outcome"] = "Materialized"
        run = read_run(made)
        assert run is not None
        assert run.outcome is Outcome.MATERIALIZED

    def test_a_job_of_somebody_else_is_no_run(self) -> None:
        assert read_run({"metadata": {"name": "x", "namespace": "shop"}}) is None

    @pytest.mark.parametrize("damage", ["upwell.dev/trigger", "upwell.dev/fence", "upwell.dev/asset"])
    def test_a_damaged_job_is_no_run(self, damage: str) -> None:
        made = self.of()
        made["metadata"]["annotations"].pop(damage)
        assert read_run(made) is None
