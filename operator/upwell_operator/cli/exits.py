"""What the process says when it ends, and the one error that carries it."""

from __future__ import annotations

from enum import IntEnum

from upwell_operator.errors import UpwellError


class Code(IntEnum):
    """Exit codes; scripts depend on them."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    NOT_ALLOWED = 4
    TIMED_OUT = 5


class CommandError(UpwellError):
    """The command ends with `code`; the text is what the person reads."""

    def __init__(self, message: str, code: Code = Code.FAILED) -> None:
        super().__init__(message)
        self.code = code
