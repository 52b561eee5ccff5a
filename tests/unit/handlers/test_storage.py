"""kopf keeps nothing of the objects that it hears of: nothing is written to them, and nothing is copied."""

from __future__ import annotations

import kopf
import pytest

from upwell_operator.handlers.ears import quiet_settings

BODY = kopf.Body({"metadata": {"name": "raw"}, "spec": {"key": "raw"}, "status": {"kind": "Source"}})  # type: ignore[typeddict-item]


@pytest.fixture
def settings() -> kopf.OperatorSettings:
    return quiet_settings()


def test_no_object_ever_differs_from_what_it_was(settings: kopf.OperatorSettings) -> None:
    storage, patch = settings.persistence.diffbase_storage, kopf.Patch()
    assert storage.build(body=BODY) == {}
    storage.store(body=BODY, patch=patch, essence={})  # type: ignore[typeddict-item]
    assert (patch, storage.fetch(body=BODY)) == ({}, None)


def test_no_handler_ever_has_progress(settings: kopf.OperatorSettings) -> None:
    storage, patch, essence = settings.persistence.progress_storage, kopf.Patch(), {"spec": {}}
    storage.store(key="assets", record={}, body=BODY, patch=patch)  # type: ignore[typeddict-item, arg-type]
    storage.touch(body=BODY, patch=patch, value="now")
    storage.purge(key="assets", body=BODY, patch=patch)  # type: ignore[arg-type]
    assert (patch, storage.fetch(key="assets", body=BODY)) == ({}, None)  # type: ignore[arg-type]
    assert storage.clear(essence=essence) is essence  # type: ignore[arg-type]
