"""TOML with the line on which each value stands, which Python's reader does not tell."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edgecls_device.errors import OptionError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["TomlValue", "read_toml"]

MOST_LINES = 200  # of one value; each is another attempt at reading it

Path = tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class TomlValue:
    """One value.

    Attributes:
        path: The keys that lead to it.
        value: What stands there; an empty dict for a table with nothing in it.
        line: Where its statement begins, from 1.
    """

    path: Path
    value: Any
    line: int


def read_toml(data: bytes, *, name: str) -> list[TomlValue]:
    """Return every value of a TOML document, in its order.

    Args:
        data: The document, UTF-8.
        name: What to call it in messages.

    Raises:
        OptionError: If it is no TOML, with the line.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        message = f"Expected UTF-8 text in {name}, line {line}, got other bytes."
        raise OptionError(message, hint="save the file as UTF-8") from error
    try:
        document = tomllib.loads(text)
    except RecursionError as error:
        message = f"Expected values in {name}, got lists nested too deeply."
        raise OptionError(message, hint="write one option a line: limit = 100") from error
    except ValueError as error:  # TOMLDecodeError, or a number with too many digits
        place = "" if "line" in str(error) else f", line {_last_statement(text)}"
        message = f"Expected TOML in {name}{place}, got: {error}."
        raise OptionError(message, hint='write one option a line: source = "0"') from error
    lines = dict(_statements(text))
    return [
        TomlValue(path=path, value=value, line=lines.get(path, 1))
        for path, value in _leaves(document)
    ]


def _leaves(table: Mapping[str, Any], above: Path = ()) -> Iterator[tuple[Path, Any]]:
    for key, value in table.items():
        path = (*above, key)
        if isinstance(value, dict) and value:
            yield from _leaves(value, path)
        else:
            yield path, value


def _statements(text: str) -> Iterator[tuple[Path, int]]:
    """Yield the path and first line of each value, by reading statement after statement on its own."""
    table: Path = ()
    begun, first = "", 1
    for number, line in enumerate(text.split("\n"), 1):
        begun = f"{begun}{line}\n"
        document = _document(begun) if number - first < MOST_LINES else {}
        if document is None:
            continue  # a list or a text over several lines goes on
        if begun.lstrip().startswith("["):
            table = _only_path(document)
            yield table, first
        else:
            yield from (((*table, *path), first) for path, _ in _leaves(document))
        begun, first = "", number + 1


def _last_statement(text: str) -> int:
    """Return where the statement begins that the end of the document cuts off or makes wrong."""
    lines = text.rstrip().split("\n")
    for first in range(len(lines) - 1, max(len(lines) - MOST_LINES, -1), -1):
        if "=" in lines[first] and _document("\n".join(lines[:first])) is not None:
            return first + 1
    return len(lines)


def _document(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return None


def _only_path(table: Any) -> Path:
    path: list[str] = []
    while isinstance(table, dict) and table:
        ((key, table),) = table.items()
        path.append(key)
    return tuple(path)
