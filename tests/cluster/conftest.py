"""Upwell on a real cluster, for the tests here: installed once, a namespace for each test, state on failure."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from cluster import tenant
from cluster.deploying import SYSTEM, deploy
from cluster.kubectl import Kubectl, KubectlError, port_forward
from cluster.state import state_of

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever is in this folder needs a cluster, and time; what is about the bare API server comes before Upwell."""
    items.sort(key=lambda item: "upwell" in getattr(item, "fixturenames", ()))
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.cluster)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(300))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a failed test what the cluster looked like."""
    report = yield
    used = getattr(item, "funcargs", {})
    if report.when != "teardown" and report.failed and "kubectl" in used:
        report.sections.append(("cluster", state_of(used["kubectl"].namespace, SYSTEM)))
    return report


@pytest.fixture(scope="session")
def cluster() -> Kubectl:
    """Give kubectl on a cluster that tests may use; without one, skip on a laptop and fail in CI."""
    if not os.environ.get("UPWELL_TEST_CLUSTER"):
        (pytest.fail if os.environ.get("CI") else pytest.skip)(
            "needs a real cluster: run it inside `tests/cluster/cluster.py test -- …`"
        )
    return Kubectl()


@pytest.fixture(scope="session")
def upwell(cluster: Kubectl) -> Kubectl:
    """Install CRDs, rights, Redis, server and operator; gives kubectl where they live once all are ready."""
    try:
        return deploy(cluster)
    except KubectlError as error:
        raise KubectlError(f"{error}\n{state_of(SYSTEM)}") from error


@pytest.fixture
def kubectl(cluster: Kubectl) -> Iterator[Kubectl]:
    """Give kubectl in a namespace of the test's own, under PodSecurity `restricted`."""
    with tenant.namespace(cluster) as own:
        yield own


@pytest.fixture
def server(upwell: Kubectl) -> Iterator[str]:
    """Give the address of Upwell's server, through a port-forward: works on any cluster, and ends with the pod."""
    with port_forward(upwell, "service/upwell-server", 8080) as address:
        yield address


@pytest.fixture
def token_file(kubectl: Kubectl, tmp_path: Path) -> Path:
    """Give a file with a token of somebody who may do everything in the test's namespace, and nothing elsewhere."""
    return tenant.token(kubectl, tmp_path / "token")


@pytest.fixture
def claim(kubectl: Kubectl) -> Iterator[Callable[[str], Path]]:
    """Give a function that makes the volume of a claim, and gives the folder behind it."""
    with tenant.claims(kubectl) as make:
        yield make
