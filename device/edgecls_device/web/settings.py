"""Where the live page listens, and who may see it."""

import ipaddress
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgecls_device.errors import OptionError
from edgecls_device.files import make_directory, read_bytes, storage_errors

__all__ = ["PageFacts", "WebSettings", "parse_address", "read_or_make_token", "web_settings"]

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8080
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{16,200}")
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")


@dataclass(frozen=True, kw_only=True, slots=True)
class PageFacts:
    """What the page says about the model, once.

    Attributes:
        title: The model's name.
        labels: What may be shown, in the order of the outputs.
        artifact: The model file's name, without its directory.
        backend: The runtime, such as ``litert``.
    """

    title: str
    labels: tuple[str, ...]
    artifact: str = ""
    backend: str = ""

    def __post_init__(self) -> None:
        for name in (
            "title",
            "artifact",
        ):  # a file's name need not be Unicode, but what is sent must
            text = getattr(self, name).encode("utf-8", "replace").decode()
            object.__setattr__(self, name, text)


@dataclass(frozen=True, kw_only=True, slots=True)
class WebSettings:
    """Where to listen, and what a request must bring.

    Attributes:
        host: Address or name to listen on.
        port: 0 lets the system choose one.
        token: What every request must bring, but for ``/live`` and ``/ready``; empty for none.
        names: Host names this machine is reached by, besides its own, such as those of a reverse proxy.
    """

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    token: str = field(default="", repr=False)
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            message = f"Expected a port from 0 to 65535, got {self.port}."
            raise OptionError(message, hint="for example: --web 127.0.0.1:8080")
        if self.token and not _TOKEN.fullmatch(self.token):
            message = "Expected a token of 16 to 200 letters, digits and ._~+/=-, got another one."
            raise OptionError(message, hint="empty the token file, and a token is made for you")
        if not self.token and not self.is_loopback:
            message = (
                f"Expected a token to listen on {self.host}, which others can reach, got none."
            )
            raise OptionError(message, hint="--web-token-file token.txt makes one and keeps it")
        for name in self.names:
            if not _NAME.fullmatch(name):
                message = f"Expected a host name such as shed.example, got {name!r}."
                raise OptionError(message, hint="--web-host takes a name without scheme and port")

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host == "localhost" or _is_loopback_address(self.host)


def web_settings(
    text: str = "", *, token_file: Path | None = None, names: Sequence[str] = ()
) -> tuple[WebSettings, bool]:
    """Return the settings for ``--web [HOST:PORT]``, and whether the token is new and has to be told.

    Beyond loopback there is always a token: the one in ``token_file``, made if the file does not exist, or
    one for this run.

    Raises:
        OptionError: If the address, a name, or the token file cannot be used.
        StorageError: If the token file cannot be read or written.
    """
    host, port = parse_address(text)
    token, is_new = "", False
    if token_file is not None:
        token, is_new = read_or_make_token(token_file)
    elif host != "localhost" and not _is_loopback_address(host):
        token, is_new = _new_token(), True
    return WebSettings(host=host, port=port, token=token, names=tuple(names)), is_new


def parse_address(text: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT``, ``HOST``, ``PORT`` or ``:PORT`` (every address of this machine).

    Raises:
        OptionError: If it is none of these.
    """
    if text.isascii() and text.isdigit():
        return DEFAULT_HOST, _port(text, text)
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")) or not _is_address(host):
            raise _bad_address(text)
        return host, _port(rest[1:], text) if rest else DEFAULT_PORT
    if _is_address(text):
        return text, DEFAULT_PORT
    host, colon, port = text.partition(":")
    host = host or ("0.0.0.0" if colon else DEFAULT_HOST)
    if not _NAME.fullmatch(host):
        raise _bad_address(text)
    return host, _port(port, text) if colon else DEFAULT_PORT


def read_or_make_token(path: Path) -> tuple[str, bool]:
    """Return the token in a file, and whether it was made just now.

    Raises:
        OptionError: If others can read the file, or it holds no token.
        StorageError: If it cannot be read or written.
    """
    if path.exists():
        if path.stat().st_mode & 0o077:
            message = f"Expected a token file that only its owner can read, got {str(path)!r}."
            raise OptionError(message, hint=f"chmod 600 {path}")
        token = read_bytes(path, max_bytes=1000).decode("utf-8", "replace").strip()
        if token:
            return token, False
    token = _new_token()
    make_directory(path.absolute().parent)
    with storage_errors("write", path):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(token + "\n")
    return token, True


def _new_token() -> str:
    return secrets.token_urlsafe(24)


def _port(text: str, whole: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise _bad_address(whole)
    return int(text)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_loopback_address(text: str) -> bool:
    return _is_address(text) and ipaddress.ip_address(text).is_loopback


def _bad_address(text: str) -> OptionError:
    message = f"Expected an address such as 127.0.0.1:8080, got {text!r}."
    return OptionError(message, hint="--web 127.0.0.1:8080, or --web :8080 for every address")
