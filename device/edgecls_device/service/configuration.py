"""A configuration file with the options of ``edgecls run``, so that a service unit is one short line.

The file is TOML and holds data only: its values go where the options of a command line go, no value is
a command, and nothing in it is expanded or executed. A key is an option without its dashes; a table is the
beginning of a name, so that these mean the same::

    mqtt = "mqtt://broker.local"            [mqtt]
    mqtt-topic = "shed/cats"                url = "mqtt://broker.local"
                                            topic = "shed/cats"
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from edgecls_device.errors import OptionError
from edgecls_device.files import read_bytes
from edgecls_device.service.toml_lines import TomlValue, read_toml

__all__ = ["OWN_KEYS", "Configuration", "ConfiguredValue", "OptionKind", "read_configuration"]

MOST_BYTES = 65_536
LARGEST_NUMBER = 2**53
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

OWN_KEYS = {
    "json": "lines",
    "keep-uncertain": "directory",
    "motion": "share",
    "mqtt": "url",
    "save": "clip",
    "smoothing": "kind",
    "snapshots": "directory",
    "web": "address",
    "webhook": "url",
}
"""In a table named like an option, the key that stands for the option itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OptionKind:
    """What a value of an option may look like.

    Attributes:
        name: The option without the dashes at its front, such as ``camera-size``, or the name of an argument.
        is_flag: Whether it is on or off.
        is_multiple: Whether it may be given several times.
        is_path: Whether it names a file or directory; relative ones are relative to the configuration file.
        is_source: Whether it may name a file among other things, such as a camera or a URL.
        may_be_bare: Whether it may stand without its value, as ``--web`` does; the file says ``web = true``.
    """

    name: str
    is_flag: bool = False
    is_multiple: bool = False
    is_path: bool = False
    is_source: bool = False
    may_be_bare: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfiguredValue:
    """A value as a command line would give it.

    Attributes:
        value: A bool for a flag, and for an option that stands bare; a tuple for one that may be repeated;
            otherwise text, to be read as that of a command line is.
        line: Its line in the file, from 1.
    """

    value: bool | str | tuple[str, ...]
    line: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Configuration:
    """What a file says.

    Attributes:
        path: The file.
        values: By the name of the option.
    """

    path: Path
    values: Mapping[str, ConfiguredValue]

    def place(self, name: str) -> str:
        """Return where an option stands, for messages: ``pets.toml, line 3``; empty if it does not."""
        found = self.values.get(name)
        return "" if found is None else f"{self.path}, line {found.line}"


def read_configuration(path: Path, kinds: Sequence[OptionKind]) -> Configuration:
    """Read a configuration file.

    Args:
        path: A TOML file of at most 64 KiB.
        kinds: All options there are.

    Raises:
        OptionError: If it is no TOML, names an option that does not exist or twice, or gives a value of
            another kind; with the line.
        StorageError: If the file cannot be read or is larger.
    """
    return _Reader(path, {kind.name: kind for kind in kinds}).read()


class _Reader:
    def __init__(self, path: Path, kinds: Mapping[str, OptionKind]) -> None:
        self._path = path
        self._kinds = kinds

    def read(self) -> Configuration:
        values: dict[str, ConfiguredValue] = {}
        for found in read_toml(read_bytes(self._path, max_bytes=MOST_BYTES), name=str(self._path)):
            if found.value == {} and self._is_table(found.path):
                continue
            kind = self._kind(found)
            if kind.name in values:
                lines = f"lines {values[kind.name].line} and {found.line}"
                message = f"Expected one value for {kind.name!r}, got two in {self._path}, {lines}."
                raise OptionError(message, hint="keep one of them")
            value = self._value(kind, found.value, found.line)
            values[kind.name] = ConfiguredValue(value=value, line=found.line)
        return Configuration(path=self._path, values=values)

    def _is_table(self, path: tuple[str, ...]) -> bool:
        name = "-".join(path)
        return any(kind == name or kind.startswith(f"{name}-") for kind in self._kinds)

    def _kind(self, found: TomlValue) -> OptionKind:
        table, key, name = "-".join(found.path[:-1]), found.path[-1], "-".join(found.path)
        if name not in self._kinds and OWN_KEYS.get(table) == key:
            name = table
        if name in self._kinds:
            return self._kinds[name]
        near = get_close_matches(name, self._kinds, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        message = (
            f"Expected an option of edgecls run in {self._place(found.line)}, got {_short(name)}."
        )
        raise OptionError(message, hint=f"{hint}All options: edgecls run --help")

    def _value(self, kind: OptionKind, value: Any, line: int) -> bool | str | tuple[str, ...]:
        if kind.is_flag or (kind.may_be_bare and isinstance(value, bool)):
            return self._flag(kind, value, line)
        if kind.is_multiple:
            members = value if isinstance(value, list) else [value]
            return tuple(self._text(kind, member, line) for member in members)
        return self._text(kind, value, line)

    def _flag(self, kind: OptionKind, value: Any, line: int) -> bool:
        if not isinstance(value, bool):
            self._refuse(kind, "true or false", value, line)
        return bool(value)

    def _text(self, kind: OptionKind, value: Any, line: int) -> str:
        wanted = "text or a number" + (", or a list of them" if kind.is_multiple else "")
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            self._refuse(kind, wanted, value, line)
        if not isinstance(value, str):
            if not abs(value) <= LARGEST_NUMBER:  # not a number is not
                self._refuse(kind, f"a number up to {LARGEST_NUMBER}", value, line)
            return str(value)
        if _CONTROL.search(value):
            self._refuse(kind, "text without control characters", value, line)
        return self._resolved(kind, value)

    def _resolved(self, kind: OptionKind, text: str) -> str:
        """Return a path from the configuration file's directory; a source only if there is such a file."""
        beside = self._path.absolute().parent / text
        is_file = kind.is_path and text != "-"
        if kind.is_source and not text.isdigit():
            is_file = beside.exists()
        return str(beside) if text and is_file else text

    def _refuse(self, kind: OptionKind, wanted: str, value: Any, line: int) -> None:
        got = _short(value)
        message = f"Expected {wanted} for {kind.name!r} in {self._place(line)}, got {got}."
        example = f"{kind.name} = {'true' if kind.is_flag else _QUOTED}"
        raise OptionError(message, hint=f"for example: {example}")

    def _place(self, line: int) -> str:
        return f"{self._path}, line {line}"


_QUOTED = '"..."'


def _short(value: Any) -> str:
    """Return a value for a message: control characters escaped, and not a page of it."""
    if isinstance(value, int) and abs(value) > LARGEST_NUMBER:
        return "a larger one"  # Python refuses to write numbers of thousands of digits
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a table"
    text = repr(value) if not isinstance(value, bool) else str(value).lower()
    return text if len(text) <= 60 else f"{text[:57]}..."
