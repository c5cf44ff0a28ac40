"""What to capture from, as plain data that can be sent to another process."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

__all__ = ["CaptureRequest"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CaptureRequest:
    """One thing to capture from.

    Attributes:
        kind: A key of ``CAPTURES``.
        text: What the user called it; it may hold a password.
        name: The same without passwords, to be shown; ``text`` by default.
        options: What else its opener wants to know: plain JSON values.
    """

    kind: str
    text: str
    name: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Fill in the name."""
        if not self.name:
            object.__setattr__(self, "name", self.text)

    def without_secrets(self, text: str) -> str:
        """Return a message with the request's text replaced by its name, and its password by stars."""
        try:
            password = urlsplit(self.text).password
        except ValueError:  # no URL, or a broken one
            password = None
        text = text.replace(self.text, self.name) if self.text else text
        return text.replace(password, "***") if password else text

    def to_json(self) -> str:
        """Return one line of JSON."""
        record = {"kind": self.kind, "text": self.text, "name": self.name}
        return json.dumps({**record, "options": dict(self.options)})

    @classmethod
    def from_json(cls, line: str) -> "CaptureRequest":
        """Read what :meth:`to_json` wrote."""
        return cls(**json.loads(line))
