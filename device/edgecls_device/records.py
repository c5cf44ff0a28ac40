"""Versioned JSON for frozen dataclasses: strict in what it reads.

A record is decoded from the annotations of its dataclass. Unknown fields, missing fields, wrong types
and unknown versions are refused with the path of the field, so that a file written by a newer
edgecls is never half-understood. It is small enough that the device needs no validation package.
"""

import dataclasses
import json
import sys
import types
import typing
from typing import Any, ClassVar, Literal, Protocol, TypeVar

from edgecls_device.errors import SpecError

__all__ = ["Record", "decode", "encode", "from_json", "to_json"]


class Record(Protocol):
    """A frozen dataclass that is the top of a file: its kind and version stand in the JSON."""

    __dataclass_fields__: ClassVar[dict[str, Any]]
    kind: ClassVar[str]
    version: ClassVar[int]


_SCALARS = frozenset({int, str, bool})
_LARGEST = sys.float_info.max

RecordT = TypeVar("RecordT", bound=Record)


def to_json(record: Record, *, indent: int | None = 2) -> str:
    """Return the record as JSON text, with its kind and version first."""
    body = {"kind": record.kind, "version": record.version, **encode(record)}
    return json.dumps(body, ensure_ascii=False, indent=indent, allow_nan=False) + "\n"


def from_json(kind: type[RecordT], text: str | bytes, *, name: str) -> RecordT:
    """Read a record written by :func:`to_json`.

    Args:
        kind: The dataclass to read.
        text: JSON, as text or UTF-8.
        name: What to call the file in messages.

    Raises:
        SpecError: If the text is not such a record, of exactly this version.
    """
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"Expected JSON in {name}, got: {error}."
        raise SpecError(message, hint="the file is damaged; write it again") from error
    if not isinstance(body, dict) or body.get("kind") != kind.kind:
        got = body.get("kind") if isinstance(body, dict) else type(body).__name__
        message = f"Expected a record of kind {kind.kind!r} in {name}, got {got!r}."
        raise SpecError(message, hint="check that this is the file you meant")
    if body.get("version") != kind.version:
        message = f"Expected version {kind.version} of {kind.kind} in {name}, got {body.get('version')!r}."
        raise SpecError(message, hint="it was written by another edgecls; pip install -U edgecls")
    fields = {key: value for key, value in body.items() if key not in {"kind", "version"}}
    return typing.cast("RecordT", decode(kind, fields, kind.kind))


def encode(value: Any) -> Any:
    """Return ``value`` as plain JSON types: dataclasses as objects, tuples as arrays."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {key: encode(item) for key, item in value.items()}
    return value


def decode(kind: Any, value: Any, path: str) -> Any:  # noqa: PLR0911 - one return per kind
    """Return ``value`` as ``kind``: a dataclass, scalar, ``tuple[X, ...]``, ``dict[str, X]``, union.

    Raises:
        SpecError: If it does not fit; the message names ``path``.
    """
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(typing.cast("type[Any]", kind), value, path)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return _expect(value in arguments, value, path, f"one of {', '.join(map(repr, arguments))}")
    if origin is tuple:
        _expect(isinstance(value, list), value, path, "an array")
        if arguments[0] in _SCALARS and all(type(item) is arguments[0] for item in value):
            return tuple(value)  # a confusion matrix of 1000 classes has a million of them
        return tuple(decode(arguments[0], item, f"{path}[{i}]") for i, item in enumerate(value))
    if origin is dict:
        _expect(isinstance(value, dict), value, path, "an object")
        return {key: decode(arguments[1], item, f"{path}.{key}") for key, item in value.items()}
    if origin in {typing.Union, types.UnionType}:
        if value is None and type(None) in arguments:
            return None
        return decode(next(a for a in arguments if a is not type(None)), value, path)
    if kind is float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        _expect(is_number and -_LARGEST <= value <= _LARGEST, value, path, "a finite number")
        return float(value)
    return _expect(type(value) is kind, value, path, f"a value of type {kind.__name__}")


def _decode_dataclass(kind: type[Any], value: Any, path: str) -> Any:
    _expect(isinstance(value, dict), value, path, "an object")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    unknown = sorted(set(value) - set(fields))
    if unknown:
        message = f"Expected only known fields in {path}, got {', '.join(map(repr, unknown))}."
        raise SpecError(message, hint="it was written by another edgecls; pip install -U edgecls")
    missing = sorted(
        name
        for name, field in fields.items()
        if name not in value
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    )
    if missing:
        message = f"Expected the field {missing[0]!r} in {path}, got none."
        raise SpecError(message, hint="the file is incomplete; write it again")
    hints = typing.get_type_hints(kind)
    return kind(**{key: decode(hints[key], item, f"{path}.{key}") for key, item in value.items()})


def _expect(condition: bool, value: Any, path: str, wanted: str) -> Any:
    if not condition:
        shown = repr(value) if len(repr(value)) <= 80 else repr(value)[:77] + "..."
        message = f"Expected {path} to be {wanted}, got {shown}."
        raise SpecError(message, hint="correct the file, or write it again")
    return value
