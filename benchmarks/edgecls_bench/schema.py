"""The JSON schema of benchmarks, made from the record's dataclasses and what their docstrings say."""

import dataclasses
import inspect
import re
import types
import typing
from typing import Any, Literal

from edgecls_bench.measurement import BenchRun

__all__ = ["bench_schema", "record_schema"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SCALARS: dict[Any, str] = {str: "string", int: "integer", bool: "boolean", float: "number"}
_REMARK = re.compile(r"^    (?P<name>\w+): (?P<text>.+(?:\n {8,}.+)*)", re.MULTILINE)


def bench_schema() -> dict[str, Any]:
    """Return the schema of what ``edgecls bench --json`` prints, draft 2020-12."""
    return record_schema(BenchRun)


def record_schema(kind: Any) -> dict[str, Any]:
    """Return the schema of a record: what :func:`edgecls_device.records.to_json` writes of it.

    Written is every field; read are also records without those that have a default. Unknown fields are refused.

    Args:
        kind: A dataclass with ``kind`` and ``version``, whose docstring and those of its parts describe every
            field under ``Attributes``.
    """
    parts: dict[str, Any] = {}
    body = _object(kind, parts)
    properties = {"kind": {"const": kind.kind}, "version": {"const": kind.version}}
    return {
        "$schema": DIALECT,
        "title": f"{kind.kind}, version {kind.version}",
        **body,
        "properties": properties | body["properties"],
        "required": ["kind", "version", *body["required"]],
        "$defs": dict(sorted(parts.items())),
    }


def _object(kind: Any, parts: dict[str, Any]) -> dict[str, Any]:
    text = inspect.cleandoc(kind.__doc__ or "")
    remarks = _remarks(kind)
    hints = typing.get_type_hints(kind)
    fields = dataclasses.fields(kind)
    return {
        "description": _plain(text.partition("\n\nAttributes:")[0]),
        "type": "object",
        "properties": {
            field.name: {"description": remarks[field.name], **_schema(hints[field.name], parts)}
            for field in fields
        },
        "required": [field.name for field in fields if _is_required(field)],
        "additionalProperties": False,
    }


def _is_required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _schema(hint: Any, parts: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a field's type, and add the dataclasses in it to ``parts``."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in _SCALARS:
        return {"type": _SCALARS[hint]}
    if dataclasses.is_dataclass(hint):
        name = typing.cast("type", hint).__name__
        if name not in parts:
            parts[name] = {}
            parts[name] = _object(hint, parts)
        return {"$ref": f"#/$defs/{name}"}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is tuple:
        return {"type": "array", "items": _schema(arguments[0], parts)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(arguments[1], parts)}
    if origin in {typing.Union, types.UnionType}:
        some = [_schema(one, parts) for one in arguments if one is not type(None)]
        return {"anyOf": [*some, {"type": "null"}]}
    message = f"Expected a type that records can have, got {hint!r}."
    raise TypeError(message)


def _remarks(kind: Any) -> dict[str, str]:
    """Return what the docstring says of each field."""
    _, _, attributes = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")
    return {found["name"]: _plain(found["text"]) for found in _REMARK.finditer(attributes)}


def _plain(text: str) -> str:
    """Return a docstring's text on one line, without marks for a program that makes pages of it."""
    return " ".join(re.sub(r":\w+:`([^`]*)`|``([^`]*)``", r"\1\2", text).split())
