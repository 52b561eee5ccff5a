"""Finding the function that a run names as `module:function`.

What it names may also be the `Definitions` of Dagster; then the function is one that executes the run's asset. Whatever
is missing is permanent, and the error says what was looked for, where, and what there is instead. Limits: an exception
that a module raises while it is imported is the user's own, and passes through; only what no retry can mend, a missing
module or a syntax error, is turned into FunctionNotFound.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from types import ModuleType
from typing import Any, Callable

from upwell.definitions import MARK, AssetDefinition, MultiAssetDefinition
from upwell.errors import FunctionNotFound, WrongType, type_name
from upwell.protocol import RunKind

SHOWN = 20
"""How many names or folders an error lists."""

_DECORATOR = {RunKind.OBSERVE: "@observable_source_asset", RunKind.MATERIALIZE: "@asset"}
_FIELD = {RunKind.OBSERVE: "spec.observe", RunKind.MATERIALIZE: "spec.materialize"}


def load(name: str, kind: RunKind) -> Callable[..., Any]:
    """Give the function. Raises FunctionNotFound, and WrongType if it is none, or one for the other kind of run."""
    module_name, separator, path = name.partition(":")
    if not (module_name and separator and path):
        raise FunctionNotFound(f"function {name!r:.200}: write it as `module:function`, e.g. shop.sources:raw_orders")
    module = _import(module_name)
    function = _find(module, path)
    if _is_dagsters(function):
        from upwell.pod.dagster_run import function_of  # noqa: PLC0415 - its import is felt in the start of every pod

        return function_of(name, function)
    if not callable(function):
        raise WrongType(f"{name} is no function but {type_name(function)}; {_offer(module)}")
    _check_kind(name, function, kind)
    return function  # type: ignore[no-any-return] # callable was just asked


def _import(name: str) -> ModuleType:
    """Import the user's module."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise FunctionNotFound(_missing(name, error)) from error
    except SyntaxError as error:
        raise FunctionNotFound(f"module {name} cannot be read by Python {_python()}: {error}") from error
    except TypeError as error:
        if name.startswith("."):
            raise FunctionNotFound(f"module {name!r}: write its whole name, without a leading dot") from error
        raise


def _missing(name: str, error: ModuleNotFoundError) -> str:
    """Tell a module that is not there from one that lacks another."""
    absent = error.name or ""
    if name == absent or name.startswith(f"{absent}.") or not absent:
        return (
            f"module {name!r} not found ({error}); looked in {_listed(sys.path)};"
            " put the file into the image, or into the ConfigMap named by spec.….code.configMap"
        )
    return f"module {name!r} imports {absent!r}, which is not installed in this image (Python {_python()}); install it"


def _find(module: ModuleType, path: str) -> Any:
    """Give the attribute at a dotted path."""
    found: Any = module
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError as error:
            place = getattr(module, "__file__", None) or "no file"
            raise FunctionNotFound(f"module {module.__name__} ({place}) has no {path!r}; {_offer(module)}") from error
    return found


def _offer(module: ModuleType) -> str:
    """Say which functions a module has of its own."""
    own = [
        name
        for name, value in vars(module).items()
        if inspect.isroutine(value) and getattr(value, "__module__", None) == module.__name__
    ]
    return f"it has the functions {_listed(own)}" if own else "it has no functions"


def _is_dagsters(found: Any) -> bool:
    """Tell whether an object is one of Dagster's, without importing Dagster."""
    return type(found).__module__.partition(".")[0] == "dagster"


def _check_kind(name: str, function: Any, kind: RunKind) -> None:
    """Refuse to materialize with a function that observes, and the reverse."""
    definition = getattr(function, MARK, None)
    if isinstance(definition, (AssetDefinition, MultiAssetDefinition)) and definition.kind is not kind:
        raise WrongType(
            f"{name} is decorated with {_DECORATOR[definition.kind]}, but this run is to {kind.value}; name it under"
            f" {_FIELD[definition.kind]}, or decorate it with {_DECORATOR[kind]}"
        )


def _listed(items: list[str]) -> str:
    """List at most a screenful."""
    more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return ", ".join(item or "''" for item in items[:SHOWN]) + more


def _python() -> str:
    """Give the version of the running Python."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"
