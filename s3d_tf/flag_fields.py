"""A flag for each field of a dataclass, so that a binary has all of them and names none."""

from __future__ import annotations

import dataclasses
import inspect
import re
from typing import Any

from absl import flags

flags.disclaim_key_flags()  # they belong to the binary that calls `define`, whose --help shows them
_DEFINE = {
    "str": flags.DEFINE_string,
    "int": flags.DEFINE_integer,
    "float": flags.DEFINE_float,
    "bool": flags.DEFINE_bool,
    "str | None": flags.DEFINE_string,
    "int | None": flags.DEFINE_integer,
    "tuple[float, ...]": flags.DEFINE_list,
    "tuple[int, ...]": flags.DEFINE_list,
    "tuple[str, ...]": flags.DEFINE_list,
}
_NUMBERS = {"tuple[float, ...]": float, "tuple[int, ...]": int, "tuple[str, ...]": str}


def define(cls: type, defaults: bool = True, leave_out: tuple[str, ...] = ("name",)) -> dict[str, flags.FlagHolder]:
    """A flag for each field but some, with what the docstring of the class says of it; None unless it is set.

    Args:
        defaults: tell the fields' defaults as well; not those of a recipe, which depend on the one that is named.
        leave_out: fields that are no flags; the name of a recipe.
    """
    told = describe(cls)
    fields = [field for field in dataclasses.fields(cls) if field.name not in leave_out]
    if defaults:
        known = {field.name: field.default for field in fields if field.default is not None}
        told |= {name: f"{told[name]} By default {default}." for name, default in known.items()}
    return {field.name: _DEFINE[field.type](field.name, None, told[field.name]) for field in fields}


def given(cls: type, values: dict[str, flags.FlagHolder]) -> dict[str, Any]:
    """The fields that were set by a flag of `define`.

    Raises:
        ValueError: a list of something else than numbers where numbers belong.
    """
    found = {}
    for field in dataclasses.fields(cls):
        value = values[field.name].value if field.name in values else None
        if value is None:
            continue
        if isinstance(value, list):
            try:
                value = tuple(_NUMBERS[field.type](item) for item in value if item)
            except ValueError:
                raise ValueError(f"{field.name} must be numbers with commas between. Received: {value}") from None
        found[field.name] = value
    return found


def describe(cls: type) -> dict[str, str]:
    """Returns field -> description, as in the `Attributes:` section of a dataclass's docstring.

    Python 3.13 strips a docstring's common indentation when it compiles the class; earlier versions keep it.
    """
    section = re.search(r"^Attributes:\n(.*?)(?=^\S|\Z)", inspect.cleandoc(cls.__doc__), re.DOTALL | re.MULTILINE)[1]
    fields = re.findall(r"^    (\w+): (.*?)(?=^    \w|\Z)", section, re.DOTALL | re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in fields}
