"""A user's module, imported, and what it defines.

What is named is a file, a folder that is a package, or a module as `python -m` would find it; `:name` after a module
takes one Definitions object of several. A module without one defines what stands in it: decorated functions, jobs and
schedules. Limits: the module runs in this process, as it does in a pod; whatever goes wrong in it becomes one sentence.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from upwell.collection import Definitions
from upwell.definitions import MARK
from upwell.errors import UpwellError as WrongDefinition
from upwell.jobs import AssetJobDefinition, ScheduleDefinition
from upwell_operator.authoring.refused import Uncompilable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Source:
    """A module, and the name in it that was asked for."""

    module: ModuleType
    folder: Path
    """Where Python found its top."""
    attribute: str = ""

    @property
    def file(self) -> Path:
        """Give the module's file."""
        return Path(self.module.__file__ or self.module.__name__)

    def shown(self, file: Path | None = None) -> str:
        """Write a file, or the module's own, as it is called from the top: the same on every machine."""
        path = (file or self.file).resolve()
        return path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else path.name


@dataclass(frozen=True, slots=True)
class Loaded:
    """A module and what it defines."""

    source: Source
    definitions: Definitions


def load(target: str) -> Loaded:
    """Import what is named. Raises Uncompilable with what is wrong, where, and what to do."""
    source = import_target(target)
    return Loaded(source, _definitions(source.module, source.attribute))


def import_target(target: str) -> Source:
    """Import the module of what is named. Raises Uncompilable."""
    path, _, attribute = _split(target)
    folder, name = _place(path)
    sys.path.insert(0, str(folder))
    return Source(_imported(name, target, folder), folder, attribute)


def _split(target: str) -> tuple[str, str, str]:
    return (target, "", "") if Path(target).exists() else target.rpartition(":") if ":" in target else (target, "", "")


def _place(target: str) -> tuple[Path, str]:
    """Give the folder that must be on Python's path, and the module's name from there."""
    path = Path(target)
    if path.is_dir():
        if not (path / "__init__.py").is_file():
            raise Uncompilable(f"{target} is a folder and no package: it has no __init__.py; name a file or a package")
        return path.resolve().parent, path.resolve().name
    if path.suffix == ".py" or len(path.parts) > 1:
        if not path.is_file():
            raise Uncompilable(
                f"no such file: {target}; name a Python file, a package, or a module such as shop.assets"
            )
        if not path.stem.isidentifier():
            raise Uncompilable(f"{target}: {path.stem!r} is not a name that Python can import; rename the file")
        return path.resolve().parent, path.stem
    return Path.cwd(), target


def _imported(name: str, target: str, folder: Path) -> ModuleType:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise Uncompilable(_missing(name, target, error)) from error
    except (Exception, SystemExit) as error:
        raise Uncompilable(f"{target} cannot be imported: {_said(error)}{_where(error)}") from error
    file = Path(module.__file__ or "a module of Python's own")
    if Path(target).exists() and not file.resolve().is_relative_to(folder):
        raise Uncompilable(f"{target}: Python finds another module {name!r} first ({file}); rename yours")
    return module


def _missing(name: str, target: str, error: ModuleNotFoundError) -> str:
    absent = error.name or ""
    if name == absent or name.startswith(f"{absent}."):
        return f"no module {name!r} below {Path.cwd()}; name a file, a package, or a module as `python -m` finds it"
    return f"{target} imports {absent!r}, which is not installed here{_where(error)}; install it beside upwell-operator"


def _said(error: BaseException) -> str:
    words = str(error).strip().splitlines()
    return f"{type(error).__name__}: {words[0]}" if words else type(error).__name__


def _where(error: BaseException) -> str:
    """Give file and line of the user's code that failed: the last frame that is not a library's."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
    ours = [frame for frame in frames if "site-packages" not in frame.filename and __file__ != frame.filename]
    user = [frame for frame in ours if f"{Path('sdk', 'src', 'upwell')}" not in frame.filename]
    return f" ({Path(user[-1].filename).name}, line {user[-1].lineno})" if user else ""


def _definitions(module: ModuleType, attribute: str) -> Definitions:
    if attribute:
        chosen = getattr(module, attribute, None)
        if not isinstance(chosen, Definitions):
            raise Uncompilable(f"{module.__name__}:{attribute} is no Definitions; it is {type(chosen).__name__}")
        return chosen
    found = {name: one for name, one in vars(module).items() if isinstance(one, Definitions)}
    if len(found) > 1:
        one = f"{module.__name__}:{min(found)}"
        raise Uncompilable(f"{module.__name__} has several Definitions: {', '.join(found)}; name one, as {one}")
    return next(iter(found.values())) if found else _collected(module)


def _collected(module: ModuleType) -> Definitions:
    functions = [one for one in vars(module).values() if hasattr(one, MARK)]
    try:
        made = Definitions(
            assets=dict.fromkeys(functions),
            jobs=_each(module, AssetJobDefinition),
            schedules=_each(module, ScheduleDefinition),
        )
    except WrongDefinition as error:
        raise Uncompilable(f"{module.__name__}: {error}") from error
    if not (made.assets or made.jobs):
        raise Uncompilable(
            f"{module.__name__} defines nothing: no function decorated with @observable_source_asset or @asset, no job"
        )
    return made


def _each(module: ModuleType, kind: type[T]) -> Iterator[T]:
    """Give what a module holds of a kind, each once, in the order in which it stands there."""
    found: list[Any] = [one for one in vars(module).values() if isinstance(one, kind)]
    yield from {id(one): one for one in found}.values()
