"""The chart renders what Kubernetes takes, for every value; what it must not take it refuses with a sentence."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import kubernetes_validate.utils
import promql_parser
import pytest
import yaml

from chart.conftest import CHART, ROOT, VALUES, Helm, Json, Rendered, objects, of_kind
from upwell_operator.cli import chart
from upwell_operator.resources import crds
from upwell_operator.settings import Settings

SUPPORTED = [one for one in kubernetes_validate.utils.all_versions() if one >= "1.31"]
"""Every version of Kubernetes whose schemas are at hand and that the chart says it runs on."""
OF_OTHERS = {"ServiceMonitor", "PrometheusRule", "HTTPRoute"}
"""Kinds whose schemas belong to others."""
DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text())
NOT_RENDERED_TWICE_ALIKE = re.compile(r"\b(rand\w+|gen(CA|Signed|Self|Priv)\w*|uuidv4|now|lookup|htpasswd|bcrypt)\b")


def leaves(values: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Give the path of every value; a map that is empty by default is one value."""
    if isinstance(values, dict) and values and not path.endswith((".resources", "podSecurityContext")):
        for name, value in values.items():
            yield from leaves(value, f"{path}.{name}" if path else name)
    else:
        yield path, values


def at(values: Any, path: str) -> Any:
    for name in path.split("."):
        values = values.get(name) if isinstance(values, dict) else None
    return values


def test_lint_finds_nothing(helm: Helm) -> None:
    for file in VALUES.values():
        done = helm("lint", "--strict", CHART, *(["-f", file] if file else []))
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", [path for path, _ in leaves(DEFAULTS)])
def test_every_value_is_tried_with_something_else_than_its_default(path: str) -> None:
    tried = [at(yaml.safe_load(file.read_text()), path) for file in VALUES.values() if file]
    assert any(value is not None and value != at(DEFAULTS, path) for value in tried)


@pytest.mark.parametrize("version", SUPPORTED)
def test_every_object_is_what_kubernetes_takes(
    version: str, rendered: dict[str, Rendered], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubernetes_validate.utils, "schema_contents", read_once)
    distinct = {yaml.safe_dump(one): one for each in rendered.values() for one in each}
    for one in distinct.values():
        if one["kind"] not in OF_OTHERS:
            kubernetes_validate.validate(one, version, strict=True)


read_once = functools.lru_cache(maxsize=64)(kubernetes_validate.utils.schema_contents)


@pytest.mark.parametrize("values", VALUES)
def test_names_and_namespaces_are_whole_and_no_object_is_made_twice(
    values: str, rendered: dict[str, Rendered]
) -> None:
    known = [(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]) for one in rendered[values]]
    assert len(set(known)) == len(known)
    cluster_wide = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"}
    assert {kind for kind, namespace, _ in known if namespace is None} <= cluster_wide


@pytest.mark.parametrize("values", VALUES)
def test_selectors_find_the_pods_they_are_meant_for(values: str, rendered: dict[str, Rendered]) -> None:
    pods = [one["spec"]["template"]["metadata"]["labels"] for one in workloads(rendered[values])]
    pods += [one["metadata"]["labels"] for one in of_kind(rendered[values], "Pod")]
    wanted = [one["spec"]["selector"] for one in of_kind(rendered[values], "Service")]
    wanted += [
        one["spec"]["selector"]["matchLabels"]
        for one in of_kind(rendered[values], "PodDisruptionBudget", "Deployment", "StatefulSet")
    ]
    wanted += [one["spec"]["podSelector"]["matchLabels"] for one in of_kind(rendered[values], "NetworkPolicy")]
    for selector in wanted:
        assert len([labels for labels in pods if selector.items() <= labels.items()]) == 1, selector


@pytest.mark.parametrize("values", VALUES)
def test_every_pod_passes_podsecurity_restricted(values: str, rendered: dict[str, Rendered]) -> None:
    found = [one["spec"]["template"]["spec"] for one in workloads(rendered[values])]
    for pod in [*found, *(one["spec"] for one in of_kind(rendered[values], "Pod"))]:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]


def test_by_default_nobody_runs_as_a_user_that_exists(rendered: dict[str, Rendered]) -> None:
    for one in workloads(rendered["default"]):
        assert one["spec"]["template"]["spec"]["securityContext"]["runAsUser"] == 65532


def test_only_who_speaks_to_the_api_server_has_a_token(rendered: dict[str, Rendered]) -> None:
    for one in workloads(rendered["default"]):
        pod = one["spec"]["template"]["spec"]
        assert ("serviceAccountName" in pod) is (pod.get("automountServiceAccountToken") is None)


def test_every_environment_variable_is_a_setting(rendered: dict[str, Rendered]) -> None:
    known = {f"UPWELL_{name.upper()}" for name in Settings.model_fields}
    for each in rendered.values():
        for one in of_kind(each, "Deployment"):
            (container,) = one["spec"]["template"]["spec"]["containers"]
            given = {env["name"]: env.get("value") for env in container["env"] if env["name"].startswith("UPWELL_")}
            assert set(given) <= known
            Settings.from_env({name: value for name, value in given.items() if value is not None})


def test_what_is_rendered_twice_is_the_same(template: Callable[..., str]) -> None:
    assert template() == template()
    for file in CHART.rglob("templates/**/*"):
        if file.is_file() and "crds" not in file.parts:
            for action in re.findall(r"\{\{.*?\}\}", file.read_text()):
                assert not NOT_RENDERED_TWICE_ALIKE.search(re.sub(r'"[^"]*"|/\*.*\*/', "", action)), (file, action)


def test_the_kinds_are_those_of_the_code_and_are_kept(template: Callable[..., str]) -> None:
    ours = {crd["metadata"]["name"]: crd for crd in map(crds.crd, crds.MODELS)}
    found = of_kind(objects(template()), "CustomResourceDefinition")
    assert [one["metadata"].pop("annotations") for one in found] == [{"helm.sh/resource-policy": "keep"}] * 3
    assert {one["metadata"]["name"]: one for one in found} == yaml.safe_load(yaml.safe_dump(ours, sort_keys=False))


def test_kinds_may_go_with_the_release_or_be_somebody_elses(rendered: dict[str, Rendered]) -> None:
    kinds = {name: of_kind(each, "CustomResourceDefinition") for name, each in rendered.items()}
    assert not kinds["smallest"]
    assert len(kinds["trial"]) == 3
    assert not any("annotations" in one["metadata"] for one in kinds["trial"])


REFUSED = {
    "a misspelt value": (["operator.replcas=3"], "additional properties 'replcas' not allowed"),
    "a number below the least": (["server.replicas=-1"], "minimum: got -1, want 0"),
    "a word for a number": (["settings.concurrency=many"], "got string, want integer"),
    "a Lease that is too short": (["settings.leaseSeconds=1"], "minimum: got 1, want 3"),
    "a word that nobody knows": (["valkey.appendfsync=never"], "value must be one of 'always', 'everysec'"),
    "a namespace that cannot be": (["watchNamespaces={Orders}"], "'Orders' does not match pattern"),
    "no Redis": (["valkey.enabled=false"], "there is no Redis: set redis.url or"),
    "two Redis": (["redis.url=redis://r:6379"], "an external Redis is given and valkey.enabled is true"),
    "two URLs": (["redis.url=redis://r", "redis.existingSecret.name=r"], "a Redis has one URL; give one of them"),
    "a password for all to see": (
        ["valkey.enabled=false", "redis.url=redis://:hush@r:6379"],
        "redis.url has a password in it",
    ),
    "TLS for the chart's own": (["redis.tls.caSecret=ca"], "Valkey is one pod without TLS"),
    "a most below the least": (
        ["server.autoscaling.enabled=true", "server.autoscaling.maxReplicas=1"],
        "maxReplicas is 1 and minReplicas 2",
    ),
    "an Ingress to nowhere": (["server.ingress.enabled=true"], "server.ingress.host is empty: name the host"),
    "a route from nowhere": (["server.httpRoute.enabled=true"], "parentRefs is empty: name the Gateway"),
}


@pytest.mark.parametrize(("values", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_value_is_refused_with_a_sentence(values: list[str], sentence: str, helm: Helm) -> None:
    given = [word for value in values for word in ("--set", value)]
    done = helm("template", "upwell", CHART, "--kube-version", "1.34.0", *given)
    assert done.returncode != 0
    assert sentence in done.stderr


def schema_leaves(schema: Json, known: Json, path: str = "") -> Iterator[tuple[str, bool]]:
    """Give the path of every value that the schema knows, and whether its map is closed."""
    node = known[schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema
    if "properties" not in node or path.endswith(".resources"):
        yield path, True
        return
    for name, child in node["properties"].items():
        yield from schema_leaves(child, known, f"{path}.{name}" if path else name)
    yield f"{path}.", node.get("additionalProperties") is False


def test_the_schema_knows_the_values_and_no_others() -> None:
    schema = yaml.safe_load((CHART / "values.schema.json").read_text())
    found = dict(schema_leaves(schema, schema["definitions"]))
    assert all(found.values())
    assert {path for path in found if not path.endswith(".")} - {"global"} == {path for path, _ in leaves(DEFAULTS)}


def test_every_value_is_described_in_the_readme() -> None:
    described = dict(chart.described((CHART / "values.yaml").read_text()))
    assert list(described) == [path for path, _ in leaves(DEFAULTS)]
    text = (CHART / "README.md").read_text()
    assert chart.readme(text, (CHART / "values.yaml").read_text()) == text, "run `make generate`"


def test_the_chart_has_the_version_of_the_program() -> None:
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert about["appVersion"] == Settings().image.split(":")[1]


def workloads(rendered: Rendered) -> Rendered:
    return of_kind(rendered, "Deployment", "StatefulSet")


def alerts(rendered: Rendered) -> dict[str, Json]:
    (rule,) = of_kind(rendered, "PrometheusRule")
    return {one["alert"]: one for group in rule["spec"]["groups"] for one in group["rules"]}


def test_the_alerts_about_data_are_those_of_the_page(rendered: dict[str, Rendered]) -> None:
    page = (ROOT / "docs/how-to/alert-on-stale-data.md").read_text()
    (shown,) = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(groups:.*?)```", page, re.DOTALL))
    ours = alerts(rendered["own-valkey"])
    for rule in shown["groups"][0]["rules"]:
        found = dict(ours[rule["alert"]], annotations={"summary": ours[rule["alert"]]["annotations"]["summary"]})
        assert found == rule


def test_every_alert_leads_to_a_section_that_says_what_to_do(rendered: dict[str, Rendered]) -> None:
    for name, rule in alerts(rendered["own-valkey"]).items():
        page, section = rule["annotations"]["runbook_url"].removeprefix("https://docs.example/upwell/").split("#")
        assert section == name.lower()
        assert f"\n### {name}\n" in (ROOT / "docs" / page).read_text(), name
    assert "$OPERATOR" not in str(rendered["own-valkey"])


def test_every_alert_asks_what_prometheus_can_read(rendered: dict[str, Rendered]) -> None:
    for rule in alerts(rendered["own-valkey"]).values():
        promql_parser.parse(rule["expr"])


def test_every_metric_of_an_alert_is_one_that_upwell_gives(rendered: dict[str, Rendered]) -> None:
    code = "".join(file.read_text() for file in Path(ROOT, "operator").rglob("*.py"))
    for rule in alerts(rendered["own-valkey"]).values():
        for metric in re.findall(r"\b(?:upwell_|leader_election_)\w+", rule["expr"]):
            assert f'"{metric.removesuffix("_total")}"' in code, metric
