"""The roles that the chart makes give exactly the rights that the code declares, wherever it is told to watch."""

from __future__ import annotations

import pytest

from chart.conftest import Json, Rendered, of_kind
from upwell_operator.cluster.rbac import PEOPLE, Process, Scope, people, rules
from upwell_operator.server import people as demanding

NAMESPACED = ["orders", "customers"]


def granted(rendered: Rendered, process: str, namespace: str | None) -> list[Json]:
    """Give the rules that a process's ServiceAccount is bound to: in a namespace, or, with None, everywhere."""
    made = {(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]): one for one in rendered}
    found = []
    for binding in of_kind(rendered, "RoleBinding", "ClusterRoleBinding"):
        (subject,) = binding["subjects"]
        if subject["name"].endswith(f"-{process}") and binding["metadata"].get("namespace") == namespace:
            assert ("ServiceAccount", subject["namespace"], subject["name"]) in made
            found += made[binding["roleRef"]["kind"], namespace, binding["roleRef"]["name"]]["rules"]
    return found


def as_set(given: list[Json]) -> set[tuple[str, str, str]]:
    return {
        (group, resource, verb)
        for rule in given
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


@pytest.mark.parametrize("process", Process)
def test_cluster_wide_the_declared_rights_are_granted_and_no_other(
    process: Process, rendered: dict[str, Rendered]
) -> None:
    ours = rendered["default"]
    assert as_set(granted(ours, process, None)) == as_set(rules(process, Scope.WATCHED, Scope.CLUSTER))
    assert as_set(granted(ours, process, "upwell-system")) == as_set(rules(process, Scope.OWN))


@pytest.mark.parametrize("process", Process)
def test_with_named_namespaces_nothing_is_granted_elsewhere(process: Process, rendered: dict[str, Rendered]) -> None:
    ours = rendered["own-valkey"]
    assert as_set(granted(ours, process, None)) == as_set(rules(process, Scope.CLUSTER))
    assert as_set(granted(ours, process, "upwell-system")) == as_set(rules(process, Scope.OWN))
    for namespace in NAMESPACED:
        assert as_set(granted(ours, process, namespace)) == as_set(rules(process, Scope.WATCHED))
    elsewhere = {one["metadata"].get("namespace") for one in of_kind(ours, "Role", "RoleBinding")}
    assert elsewhere == {"upwell-system", *NAMESPACED}


def test_no_rights_are_made_where_somebody_else_makes_them(rendered: dict[str, Rendered]) -> None:
    assert not of_kind(rendered["smallest"], "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")


@pytest.mark.parametrize("role", PEOPLE)
def test_people_have_the_kinds_with_the_clusters_own_roles(role: str, rendered: dict[str, Rendered]) -> None:
    (found,) = (one for one in of_kind(rendered["default"], "ClusterRole") if one["metadata"]["name"].endswith(role))
    assert found["rules"] == people(role)
    for named in ("admin", "edit", *(["view"] if role == "view" else [])):
        assert found["metadata"]["labels"][f"rbac.authorization.k8s.io/aggregate-to-{named}"] == "true"


def test_who_may_view_or_edit_may_do_what_the_server_asks_for() -> None:
    every = as_set([rule for role in PEOPLE for rule in people(role)])
    for subresource in ("assets/events", "assets/log"):
        assert subresource in (demanding.__doc__ or "")
        assert any(resource == subresource for _, resource, _ in every)
