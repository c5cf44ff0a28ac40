"""Download one file: resumed where it stopped, checked by size and SHA-256, and under its name only when whole.

The standard library's urllib is enough for one file over HTTP, honours the proxy settings of the environment,
and adds no dependency. While a download runs there are ``NAME.part`` and, with the server's validator of
that very content (RFC 9110 section 13.1.5, ``If-Range``), ``NAME.part.validator``; both stay when it is
interrupted.
"""

import hashlib
import http.client
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgecls_device.errors import NetworkError, OptionError
from edgecls_device.files import make_directory, storage_errors, write_atomically

from edgecls import __version__
from edgecls.progress import Advance

__all__ = ["Download", "download", "sha256_of"]

_BLOCK_BYTES = 1 << 18
_TIMEOUT_S = 30.0
_REPEATABLE = frozenset({408, 425, 429, 500, 502, 503, 504})
_ATTEMPTS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Download:
    """What to download, and what must arrive.

    Attributes:
        url: ``http`` or ``https``.
        size_bytes: Its exact size.
        sha256: Of its content, as hex.
        otherwise: What to do where there is no network, for hints.
    """

    url: str
    size_bytes: int
    sha256: str
    otherwise: str = ""

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            message = f"Expected a URL that begins with https:// or http://, got {self.url!r}."
            raise OptionError(message, hint=self.otherwise)


class _InterruptedError(Exception):
    """The connection ended early; what arrived is kept."""


def download(
    wanted: Download,
    destination: Path,
    *,
    on_progress: Advance | None = None,
    pause_s: float = 1.0,
) -> int:
    """Download a file to ``destination``; an earlier attempt that was interrupted is continued.

    A connection that breaks is opened again, until five times in a row nothing new arrived.

    Args:
        wanted: What to download.
        destination: Where it will be.
        on_progress: Called with the number of bytes just received (at first, those that were there already;
            less than zero where the server makes us begin again).
        pause_s: Before the first repetition, in seconds; doubled each time.

    Returns:
        How many bytes were there already from an earlier attempt.

    Raises:
        NetworkError: If the server cannot be reached or does not give the file that is wanted.
        StorageError: If it cannot be written.
    """
    make_directory(destination.parent)
    part = _Part(destination, on_progress or _ignore)
    if part.size > wanted.size_bytes:
        part.discard()
    resumed = part.size
    fruitless, has_received = 0, False
    while part.size < wanted.size_bytes:
        before = part.size
        try:
            _receive(wanted, part)
        except _InterruptedError as error:
            is_longer = part.size > before
            has_received |= is_longer
            fruitless = 1 if is_longer else fruitless + 1
            if fruitless > _ATTEMPTS or not has_received:
                raise _failure(wanted, str(error), part.size) from error
            time.sleep(pause_s * 2 ** (fruitless - 1))
    part.finish(wanted)
    return resumed


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, as hex.

    Raises:
        StorageError: If it cannot be read.
    """
    digest = hashlib.sha256()
    with storage_errors("read", path), path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


class _Part:
    """The file that is growing, and the validator of the content it is a part of."""

    def __init__(self, destination: Path, on_progress: Advance) -> None:
        self.destination = destination
        self.path = destination.with_name(destination.name + ".part")
        self.validator_path = destination.with_name(destination.name + ".part.validator")
        self.on_progress = on_progress
        with storage_errors("read", self.path):
            self.size = self.path.stat().st_size if self.path.exists() else 0
            self.validator = self.validator_path.read_text() if self.validator_path.exists() else ""
        if not self.validator:
            self.size = 0  # nothing says what this is a part of
        on_progress(self.size)

    def begin(self, response: Any) -> None:
        """Make ready for a response: append to what is there if the server continues it, else begin again."""
        if response.status == 206 and self.size:
            return
        self.discard()
        self.validator = _validator(response.headers)
        write_atomically(self.validator_path, self.validator)

    def add(self, block: bytes) -> None:
        with storage_errors("write", self.path), self.path.open("ab") as file:
            file.write(block)
        self.size += len(block)
        self.on_progress(len(block))

    def discard(self) -> None:
        """Remove what is there."""
        with storage_errors("remove", self.path):
            self.path.unlink(missing_ok=True)
            self.validator_path.unlink(missing_ok=True)
        self.on_progress(-self.size)
        self.size = 0

    def finish(self, wanted: Download) -> None:
        """Check the content and move it to its name; a wrong content is removed."""
        got = sha256_of(self.path)
        if got != wanted.sha256:
            self.discard()
            message = f"Expected SHA-256 {wanted.sha256} from {wanted.url}, got {got}."
            hint = f"repeat the command; if it is the same again and you trust the source, add: --sha256 {got}"
            raise NetworkError(message, hint=hint)
        with storage_errors("write", self.destination):
            self.path.replace(self.destination)
            self.validator_path.unlink(missing_ok=True)


def _receive(wanted: Download, part: _Part) -> None:
    """Receive until the end of the file or of the connection."""
    with _open(wanted, part) as response:
        _check(wanted, part, response)
        part.begin(response)
        while part.size < wanted.size_bytes:
            with _network_errors():
                block = response.read(min(_BLOCK_BYTES, wanted.size_bytes - part.size))
            if not block:
                message = f"the connection ended after {part.size} of {wanted.size_bytes} bytes"
                raise _InterruptedError(message)
            part.add(block)


def _open(wanted: Download, part: _Part) -> Any:
    headers = {"User-Agent": f"edgecls/{__version__}", "Accept-Encoding": "identity"}
    if part.size and part.validator:
        headers |= {"Range": f"bytes={part.size}-", "If-Range": part.validator}
    request = urllib.request.Request(wanted.url, headers=headers)
    try:
        with _network_errors():
            return urllib.request.urlopen(request, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and part.size:  # what we have is no part of it any more
            part.discard()
            return _open(wanted, part)
        if error.code in _REPEATABLE:
            message = f"the server answered {error.code} {error.reason}"
            raise _InterruptedError(message) from error
        raise _failure(wanted, f"the server answered {error.code} {error.reason}", 0) from error


def _check(wanted: Download, part: _Part, response: Any) -> None:
    """Refuse a response that cannot be the file: a login page, another file, another range."""
    headers = response.headers
    if response.status == 206:
        content_range = headers.get("Content-Range", "")
        if (
            content_range.strip()
            == f"bytes {part.size}-{wanted.size_bytes - 1}/{wanted.size_bytes}"
        ):
            return
        part.discard()
        raise _failure(wanted, f"the server gave the range {content_range!r}", 0)
    length = headers.get("Content-Length", "")
    if length and length != str(wanted.size_bytes):
        kind = headers.get("Content-Type", "unknown type")
        got = f"got {length} bytes of {kind} instead of {wanted.size_bytes}"
        raise _failure(wanted, f"{got} (a login page of the network?)", 0)


@contextmanager
def _network_errors() -> Iterator[None]:
    try:
        yield
    except urllib.error.HTTPError:
        raise
    except urllib.error.URLError as error:
        reason = error.reason
        text = str(reason)
        if isinstance(reason, ssl.SSLCertVerificationError):
            text = f"its certificate cannot be verified ({reason.verify_message})"
        elif isinstance(reason, OSError) and reason.strerror:
            text = reason.strerror
        raise _InterruptedError(text) from error
    except (OSError, http.client.HTTPException) as error:
        raise _InterruptedError(str(error) or type(error).__name__) from error


def _failure(wanted: Download, reason: str, kept: int) -> NetworkError:
    message = f"Cannot download {wanted.url}: {reason}."
    hint = wanted.otherwise
    if kept:
        hint = f"repeat the command, it goes on after the {kept} bytes it has; or {hint}"
    return NetworkError(message, hint=hint)


def _validator(headers: Any) -> str:
    """Return the strong validator of a response, or nothing (RFC 9110 section 8.8)."""
    etag = str(headers.get("ETag", "")).strip()
    if re.fullmatch(r'"[\x21\x23-\x7e]*"', etag):
        return etag
    return str(headers.get("Last-Modified", "")).strip()


def _ignore(steps: int = 1) -> None:
    del steps
