"""What every status has: conditions as Kubernetes writes them, and what the resource's own metadata says.

Limits: shapes only. Which condition is written when, and in which words, is `domain.conditions`; what the types and
reasons mean stands in `meta`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import ConfigDict, Field, WithJsonSchema, model_validator

from upwell_operator.resources.meta import ConditionType, Reason
from upwell_operator.resources.model import Int, Model, Name, Unique

_WORD = WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 64})
"""In the schema any word: an operator that is newer than the installed CRDs must still be able to write its status."""


class ConditionStatus(StrEnum):
    """The three values of a condition."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Model):
    """One aspect of the resource's state."""

    type: Annotated[ConditionType, _WORD] = Field(description="Which aspect this is, for example Ready or Fresh.")
    status: ConditionStatus = Field(description="True, False, or Unknown when Upwell cannot tell.")
    reason: Annotated[Reason, _WORD] = Field(
        description="One word for programs that says why, for example UpstreamDataChanged."
    )
    message: str = Field("", max_length=1024, description="The same for people, with names, versions and the remedy.")
    last_transition_time: datetime | None = Field(None, description="When status last changed.")
    observed_generation: Int | None = Field(None, description="The metadata.generation that this was decided for.")


Conditions = Annotated[tuple[Condition, ...], Unique(("type",))]


class Status(Model):
    """What the status of every kind begins with."""

    observed_generation: Int | None = Field(
        None, description="The metadata.generation that the rest of the status speaks of; lower means: not seen yet."
    )
    conditions: Conditions = Field(
        (), max_length=16, description="What is true of the resource now; wait for one with `kubectl wait`."
    )


class ObjectMeta(Model):
    """The part of metadata that Upwell reads."""

    model_config = ConfigDict(extra="ignore")

    name: Name
    namespace: str = "default"
    uid: str = ""
    generation: Int = 1
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        """Take `annotations:` with nothing behind it as left out, as the API server does."""
        return {key: value for key, value in data.items() if value is not None} if isinstance(data, dict) else data


class Resource(Model):
    """The outside of every kind."""

    api_version: str
    kind: str
    metadata: ObjectMeta
