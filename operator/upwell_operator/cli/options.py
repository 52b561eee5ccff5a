"""Options that many verbs share, spelled once.

`user_verb` appends the connection's options to a verb's own, so that `upwell status -n shop --server URL` reads like
kubectl wherever the options stand, and gives the verb one `Connection` instead of seven arguments.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from upwell_operator.cli.exits import Code, CommandError

DEFAULT_SERVER = "http://127.0.0.1:8080"


class Format(StrEnum):
    """How a result is printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a verb of people finds the server, who it is, what it looks at and how it prints."""

    server: str = DEFAULT_SERVER
    token_file: Path | None = None
    namespace: str = "default"
    output: Format = Format.TABLE


Server = Annotated[str, typer.Option(envvar="UPWELL_SERVER", metavar="URL", help="Upwell's HTTP API.")]
TokenFile = Annotated[
    Path | None,
    typer.Option(envvar="UPWELL_TOKEN_FILE", metavar="FILE", help="File with a bearer token for the server."),
]
Namespace = Annotated[str, typer.Option("--namespace", "-n", metavar="NAME", help="Namespace to work in.")]
Output = Annotated[Format, typer.Option("--output", "-o", help="How to print: table, json or yaml.")]
Context = Annotated[str | None, typer.Option(metavar="NAME", help="Not built yet here: says what to do instead.")]
Kubeconfig = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Not built yet here: says what to do instead."),
]
Selection = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help='What to select of the namespace, such as "group:raw and kind:csv".'),
]
Timeout = Annotated[
    float, typer.Option(metavar="SECONDS", min=0, help="Stop waiting after this long: exit code 5; 0: never.")
]

_CONNECTION: dict[str, tuple[Any, Any]] = {
    "server": (Server, DEFAULT_SERVER),
    "token_file": (TokenFile, None),
    "namespace": (Namespace, "default"),
    "output": (Output, Format.TABLE),
    "context": (Context, None),
    "kubeconfig": (Kubeconfig, None),
}


def connection(*, context: str | None, kubeconfig: Path | None, **known: Any) -> Connection:
    """Build a connection. Raises CommandError for a way to the server that is not built yet."""
    if context or kubeconfig:
        raise CommandError(
            "a way to the server through a kubeconfig is not built yet; leave --context and --kubeconfig out, and run "
            "`kubectl port-forward -n upwell-system service/upwell-server 8080` in another terminal, or give --server",
            Code.USAGE,
        )
    return Connection(**known)


def user_verb(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb whose first argument is a `Connection` the options that make one."""

    @functools.wraps(verb)
    def called(**given: Any) -> None:
        verb(connection(**{name: given.pop(name) for name in _CONNECTION}), **given)

    own = inspect.signature(verb, eval_str=True).parameters
    parameters = list(own.values())[1:] + [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in _CONNECTION.items()
    ]
    # typer reads both; functools.wraps would lead it back to the verb's own.
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # CPython reads it
    called.__annotations__ = {p.name: p.annotation for p in parameters}
    del called.__wrapped__
    return called
