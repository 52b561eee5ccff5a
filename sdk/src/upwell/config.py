"""Typed values that a function is given beside its context: `Config`, as in Dagster.

    class MyOpConfig(Config):
        date: str

    @op
    def partitioned_dataset_op(context, config: MyOpConfig): ...

The parameter is called `config`. In a pod its values are JSON in the variable UPWELL_CONFIG, in-process they come from
`materialize(…, run_config=…)`. Limits: a field is text, a number, a bool, a list or a mapping, or Optional of one of
these; what is in a list or a mapping is not looked at. A field without a default stands before those that have one.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any, Callable, Mapping, get_args, get_origin, get_type_hints

from upwell.errors import InvalidValue, WrongType, type_name

_KINDS = (str, int, float, bool, list, dict, type(None))


@dataclass(frozen=True)
class Config:
    """Derive a class from it, whose annotated fields are what a function wants to be told. Values cannot be changed.

    Raises InvalidValue for a value of another type than its field's, naming the field.
    """

    if TYPE_CHECKING:

        def __init__(self, **values: Any) -> None:
            """Take a value for each field that has no default."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Make the fields of a derived class."""
        super().__init_subclass__(**arguments)
        dataclass(frozen=True)(cls)

    def __post_init__(self) -> None:
        """Compare each value with its field's type."""
        for name, wanted in get_type_hints(type(self)).items():
            value = getattr(self, name)
            if not _fits(value, wanted, f"{type(self).__qualname__}.{name}"):
                kind = getattr(wanted, "__name__", None) or str(wanted)
                raise InvalidValue(
                    f"config: {name} of {type(self).__qualname__} is {kind}, and this is {type_name(value)}:"
                    f" {value!r:.100}"
                )


def config_type(function: Callable[..., Any]) -> type[Config]:
    """Give the class that a function's parameter `config` is annotated with.

    Raises WrongType for an annotation that is no class derived from Config.
    """
    found = written = function.__annotations__["config"]
    if isinstance(written, str):
        try:
            found = eval(written, getattr(function, "__globals__", {}))  # noqa: S307 - the function's own annotation
        except NameError as error:
            raise WrongType(
                f"{function.__qualname__}: config: {error}; define the class at the top of the module, above"
            ) from error
    if not (isinstance(found, type) and issubclass(found, Config)):
        raise WrongType(f"{function.__qualname__}: config is annotated with a class derived from Config, not {written}")
    return found


def configured(wanted: type[Config], values: Mapping[str, Any]) -> Config:
    """Make a Config of named values. Raises InvalidValue naming what is missing, unknown, or of another type."""
    known = {one.name: one for one in fields(wanted)}
    missing = [name for name, one in known.items() if name not in values and _is_needed(one)]
    unknown = [name for name in values if name not in known]
    if missing or unknown:
        said = [f"{', '.join(missing)} is missing"] if missing else []
        said += [f"{', '.join(unknown)} is none of its fields"] if unknown else []
        raise InvalidValue(
            f"config: {wanted.__qualname__} has the fields {', '.join(known) or 'none'}: {'; '.join(said)}. Give values"
            " as JSON in the variable UPWELL_CONFIG, or in-process in run_config"
        )
    return wanted(**values)


def _is_needed(field: Any) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _fits(value: Any, wanted: Any, where: str) -> bool:
    """Tell whether a value is of a type. Raises WrongType for a type that a field cannot have."""
    kind = get_origin(wanted) or wanted
    if kind is Any:
        return True
    if kind in _KINDS:
        is_bool = isinstance(value, bool)
        return is_bool if kind is bool else not is_bool and isinstance(value, (int, float) if kind is float else kind)
    if type(None) not in get_args(wanted):
        raise WrongType(f"{where}: a field is str, int, float, bool, list, dict, or Optional of these, not {wanted}")
    return any(_fits(value, one, where) for one in get_args(wanted))
