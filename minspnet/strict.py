"""Strict reading of nested frozen dataclasses from plain data: unknown keys are refused."""

import dataclasses
import json
import numbers
import sys
import textwrap
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, Self

from minspnet.errors import UserError, requirement


class Recipe:
    """Base of the recipes that a file may hold; each value is of its type, however it came."""

    def __post_init__(self) -> None:
        hints = typing.get_type_hints(type(self))
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            where = f"{type(self).__name__}.{field.name}"
            _check(hints[field.name], getattr(self, field.name), where)

    @classmethod
    def from_dict(cls, values: object) -> Self:
        """Build the recipe from what a file held.

        Raises:
            UserError: On a missing, unknown or mistyped key.
        """
        return typing.cast(Self, _build(cls, values, cls.__name__))

    def to_dict(self) -> dict[str, Any]:
        """Say the recipe in plain data that JSON can hold."""
        values = dataclasses.asdict(self)  # type: ignore[call-overload]
        # Numbers of numpy's own kinds know their plain value.
        plain: dict[str, Any] = json.loads(json.dumps(values, default=lambda one: one.item()))
        return plain


def _check(kind: Any, value: Any, where: str) -> None:
    """Refuse a value that is not of its type; nested recipes have checked themselves."""
    origin = typing.get_origin(kind)
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, typing.cast(type, kind)):
            name = typing.cast(type, kind).__name__
            raise requirement(where, f"be of kind {name}", repr(value), "build one")
    elif origin is tuple:
        if not isinstance(value, tuple):
            raise requirement(where, "be a list", repr(value), "list its values, or none")
        for index, entry in enumerate(value):
            _check(typing.get_args(kind)[0], entry, f"{where}[{index}]")
    elif origin in (types.UnionType, typing.Union):
        if value is not None:
            _check(next(k for k in typing.get_args(kind) if k is not type(None)), value, where)
    elif origin is Literal:
        if value not in typing.get_args(kind):
            known = ", ".join(map(str, typing.get_args(kind)))
            raise requirement(where, f"be one of {known}", repr(value), "pick one")
    else:
        allowed = {float: numbers.Real, int: numbers.Integral}.get(kind, kind)
        if not isinstance(value, allowed) or (kind is not bool and isinstance(value, bool)):
            raise requirement(where, f"be of type {kind.__name__}", repr(value), "correct it")


def _build(kind: Any, value: Any, where: str) -> Any:
    """Turn what a file can hold into what the recipe holds; what fits neither way stays."""
    origin = typing.get_origin(kind)
    if dataclasses.is_dataclass(kind):
        return _build_dataclass(kind, value, where)
    if origin is tuple and isinstance(value, list | tuple):
        item = typing.get_args(kind)[0]
        return tuple(_build(item, entry, f"{where}[{i}]") for i, entry in enumerate(value))
    if origin in (types.UnionType, typing.Union) and value is not None:
        inner = next(k for k in typing.get_args(kind) if k is not type(None))
        return _build(inner, value, where)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        if abs(value) > sys.float_info.max:
            raise requirement(where, "be a number that a computer can hold", value, "correct it")
        return float(value)
    return value


def _build_dataclass(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise requirement(where, "be a table of keys", value, "correct the file")
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    unknown = sorted(set(value) - set(fields))
    if unknown:
        known = textwrap.shorten(", ".join(fields), 120, placeholder=" and so on")
        raise requirement(
            where, f"hold only {known}", ", ".join(map(str, unknown)), "remove the rest"
        )
    built = {k: _build(hints[k], v, f"{where}.{k}") for k, v in value.items()}
    for key, one in built.items():
        # The recipe would say the same, but not where in the file.
        _check(hints[key], one, f"{where}.{key}")
    try:
        return kind(**built)
    except TypeError as error:
        raise UserError(f"{where} lacks a key: {error}; add it to the file.") from error
