"""The command line as a whole: which verbs there are, and how every one of them ends.

Nothing but an exit code leaves `run`: errors that Upwell raises on purpose become one sentence on standard error;
click's own exceptions (`Abort` among them) are turned into exits by typer; anything else is a bug and keeps its
traceback.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from upwell_operator import errors
from upwell_operator.cli.exits import Code, CommandError
from upwell_operator.cli.verbs import ask, author, install, look, serve

app = typer.Typer(
    name="upwell",
    help="Watches data that other systems own, and tells everything downstream when it has changed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
for module in (look, ask, author, serve, install):
    module.register(app)

_CODES: tuple[tuple[type[errors.UpwellError], Code], ...] = (
    (errors.NotFound, Code.NOT_FOUND),
    (errors.Forbidden, Code.NOT_ALLOWED),
)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (by default the process's own) and give its exit code."""
    try:
        app(list(arguments) if arguments is not None else None, prog_name="upwell")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        return 130
    except errors.UpwellError as error:
        print(f"upwell: {error}", file=sys.stderr)  # noqa: T201 - a command speaks to its terminal
        return code_of(error)
    return Code.DONE


def code_of(error: errors.UpwellError) -> Code:
    """Give the exit code of an error."""
    if isinstance(error, CommandError):
        return error.code
    return next((code for kind, code in _CODES if isinstance(error, kind)), Code.FAILED)
