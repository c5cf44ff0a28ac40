"""The parts of an endless ``multipart/x-mixed-replace`` answer, as cameras send it.

RFC 2046 says how it should be. Cameras quote the boundary or not, name it with its leading dashes or without,
leave out or miscount ``Content-Length``, and end lines with LF alone.
"""

import re

__all__ = ["MAX_PART_BYTES", "PartSplitter", "boundary_of"]

MAX_PART_BYTES = 32_000_000
MAX_HEAD_BYTES = 16_384
TAIL_BYTES = 300  # longer than a delimiter: RFC 2046 allows 70 characters and two dashes
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_LENGTH = re.compile(rb"^content-length:[ \t]*([0-9]{1,9})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_TYPE = re.compile(rb"^content-type:[ \t]*([^;\s]+)", re.IGNORECASE | re.MULTILINE)
_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"


def boundary_of(content_type: str) -> bytes:
    """Return the boundary that a header names, without the dashes in front; empty if it names none."""
    found = re.search(r'boundary\s*=\s*"?([^";]+)', content_type, re.IGNORECASE)
    return found[1].strip().lstrip("-")[:200].encode("latin-1", "replace") if found else b""


class PartSplitter:
    """Cuts what comes over the network into parts. It holds at most one part and what was fed last."""

    def __init__(self, boundary: bytes) -> None:
        """Start before the first part.

        Args:
            boundary: Without dashes in front, not empty.
        """
        self._first = re.compile(rb"(?:^|(?<=\n))-*" + re.escape(boundary))
        self._delimiter = b""  # as it really comes, known from the first
        self._held = b""
        self._searched = 0
        self._is_in_body = self._is_picture = False
        self._length: int | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """Take more bytes and return the pictures that they complete; one that is too long comes as empty."""
        self._held += data
        pictures: list[bytes] = []
        while True:
            if not self._is_in_body and not self._enter():
                return pictures
            part = self._body()
            if part is None:
                return pictures
            self._is_in_body = False
            if self._is_picture:
                pictures.append(part)

    def _enter(self) -> bool:
        """Go to the beginning of the next body, if it has come."""
        start = self._find_delimiter(0)
        if start < 0:
            self._held = self._held[-TAIL_BYTES:]
            return False
        after = start + len(self._delimiter)
        end = _HEAD_END.search(self._held, after)
        if end is None:
            is_junk = len(self._held) - after > MAX_HEAD_BYTES
            self._held = self._held[after if is_junk else start :]
            return False
        head = self._held[after : end.start()]
        length, kind = _LENGTH.search(head), _TYPE.search(head)
        self._length = int(length[1]) if length else None
        self._is_picture = kind is None or kind[1].lower().startswith((b"image/", b"application/"))
        self._held = self._held[end.end() :]
        self._searched = 0
        self._is_in_body = True
        return True

    def _body(self) -> bytes | None:
        """Return the body once it has come whole, and go behind it."""
        if self._length is not None and self._length <= min(len(self._held), MAX_PART_BYTES):
            body = self._held[: self._length]
            if not body.startswith(_JPEG_START) or _JPEG_END in body[-TAIL_BYTES:]:
                self._held = self._held[self._length :]
                return body
            self._length = None  # miscounted: the next delimiter says where it really ends
        end = self._find_delimiter(max(self._searched - TAIL_BYTES, 0))
        if end >= 0:
            body, self._held = self._held[:end], self._held[end:]
            return body.removesuffix(b"\n").removesuffix(b"\r")
        self._searched = len(self._held)
        if self._searched <= MAX_PART_BYTES:
            return None
        self._held = self._held[-TAIL_BYTES:]
        return b""

    def _find_delimiter(self, start: int) -> int:
        """Return where the next delimiter begins; it stands at the beginning of a line, or behind a JPEG."""
        if not self._delimiter:
            found = self._first.search(self._held, start)
            if found is None:
                return -1
            self._delimiter = found[0]
        while True:
            start = self._held.find(self._delimiter, start)
            if start <= 0 or self._held[:start].endswith((b"\n", _JPEG_END)):
                return start
            start += 1
