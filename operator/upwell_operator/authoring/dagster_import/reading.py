"""A module of Dagster's, imported, and all that it defines, resolved as Dagster itself resolves it.

Limits: Dagster's own errors become one sentence; what its definitions mean is read elsewhere.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Any

from upwell.errors import UpwellError as WrongDefinition
from upwell.pod.dagster_run import repository_of
from upwell_operator.authoring.loading import Source, import_target
from upwell_operator.authoring.refused import Uncompilable

_KINDS = frozenset({"Definitions", "LazyDefinitions", "RepositoryDefinition", "PendingRepositoryDefinition"})


@dataclass(frozen=True, slots=True)
class Dagsters:
    """What a module defines in Dagster."""

    source: Source
    function: str
    """How a run names the definitions: `module:variable`."""
    repository: Any
    """Everything, resolved."""
    definitions: Any
    """What the variable holds, or gave when it was called: a Definitions or a repository."""


def need_dagster() -> None:
    """Say what is missing, before any module is imported that needs it. Raises Uncompilable."""
    if importlib.util.find_spec("dagster") is None:
        raise Uncompilable(
            "Dagster is not installed here, and only Dagster can read its definitions: pip install"
            " 'upwell-operator[dagster]', beside what the module imports"
        )


def read(target: str) -> Dagsters:
    """Import what is named, and resolve it. Raises Uncompilable with what is wrong, where, and what to do."""
    source = import_target(target)
    name = _variable(source)
    found = getattr(source.module, name)
    function = f"{source.module.__name__}:{name}"
    loaded = _resolved(function, lambda: found() if type(found).__name__ == "LazyDefinitions" else found)
    repository = _resolved(function, lambda: repository_of(function, loaded))
    _resolved(function, repository.load_all_definitions)
    return Dagsters(source, function, repository, loaded)


def _resolved(function: str, resolve: Any) -> Any:
    try:
        return resolve()
    except WrongDefinition as error:
        raise Uncompilable(str(error)) from error
    except Exception as error:
        words = " ".join(str(error).split())
        raise Uncompilable(f"Dagster cannot load {function}: {type(error).__name__}: {words}") from error


def _variable(source: Source) -> str:
    """Give the name of the variable that holds the definitions. Raises Uncompilable."""
    module = source.module
    if source.attribute:
        if not hasattr(module, source.attribute):
            raise Uncompilable(f"{module.__name__} has no {source.attribute!r}; name the variable of its Definitions")
        return source.attribute
    found = {id(one): name for name, one in vars(module).items() if _holds_definitions(one)}
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        names = sorted(found.values())
        raise Uncompilable(
            f"{module.__name__} has several Definitions: {', '.join(names)}; name one, as {module.__name__}:{names[0]}"
        )
    raise Uncompilable(
        f"{module.__name__} holds no Definitions of Dagster; name the module that does, or add"
        " defs = dagster.Definitions(assets=[…])"
    )


def _holds_definitions(found: Any) -> bool:
    return type(found).__name__ in _KINDS and of_dagster(type(found))


def of_dagster(thing: Any) -> bool:
    """Say whether a class or a function is Dagster's own, and not its user's."""
    return str(getattr(thing, "__module__", "")).partition(".")[0] == "dagster"
