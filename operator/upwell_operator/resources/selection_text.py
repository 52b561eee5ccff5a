"""A selection as a field: a text in Dagster's syntax, refused where it cannot be read.

Limits: an API server cannot read it, so there it is refused by the condition Ready.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from upwell_operator.resources.selection import LONGEST, SelectionError, read_selection


def _readable(text: str) -> str:
    try:
        read_selection(text)
    except SelectionError as error:
        raise PydanticCustomError("selection", "{says}", {"says": str(error)}) from error
    return text


SelectionText = Annotated[str, Field(strict=True, min_length=1, max_length=LONGEST), AfterValidator(_readable)]
