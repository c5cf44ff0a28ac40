"""Who may ask: host names, tokens, and pages of other sites.

A page of another site can make a browser send requests to this machine. Three checks keep it out: the host
name must be one of ours (or a name of theirs could be pointed here, DNS rebinding), whatever changes
something must come from our own page (``Origin``), and beyond loopback a token is needed.
"""

import hashlib
import hmac
import ipaddress
import socket
import time
from collections import OrderedDict, deque
from urllib.parse import urlsplit

from edgecls_device.web.settings import WebSettings

__all__ = ["Access", "TokenTries", "is_same_site", "split_host"]

TRIES = 10
TRIES_WITHIN_S = 60.0
CLIENTS_KEPT = 256
DEFAULT_PORTS = {"http": 80, "https": 443}


class Access:
    """What this server is called, and what opens it."""

    def __init__(self, settings: WebSettings) -> None:
        self._token = settings.token.encode()
        self._is_loopback = settings.is_loopback
        names = {"localhost", settings.host.lower(), *map(str.lower, settings.names)}
        if not settings.is_loopback:
            own = socket.gethostname().lower()
            names |= {own, own.partition(".")[0], own.partition(".")[0] + ".local"}
        self._names = names - {""}
        self._session = hmac.new(self._token, b"edgecls session", hashlib.sha256).hexdigest()

    @property
    def needs_token(self) -> bool:
        """Whether requests must bring a token."""
        return bool(self._token)

    @property
    def session(self) -> str:
        """The cookie's content: made from the token, and nobody can make the token from it."""
        return self._session

    def is_known_host(self, header: str) -> bool:
        """Whether a ``Host`` header names this server.

        An address cannot be pointed elsewhere, so beyond loopback each is fine; on loopback it must be one.
        """
        host, _ = split_host(header)
        if host in self._names:
            return True
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return address.is_loopback or not self._is_loopback

    def is_token(self, text: str) -> bool:
        """Whether this is the token; compared in constant time."""
        return self.needs_token and hmac.compare_digest(_ascii(text), self._token)

    def is_session(self, text: str) -> bool:
        """Whether this is the content of a cookie of ours."""
        return self.needs_token and hmac.compare_digest(_ascii(text), self._session.encode())


def _ascii(text: str) -> bytes:
    """Return bytes to compare; what is not ASCII becomes ``?``, which is in no token."""
    return text.encode("ascii", "replace")


class TokenTries:
    """Counts wrong tokens by client: after ten within a minute it has to wait."""

    def __init__(self, *, tries: int = TRIES, within_s: float = TRIES_WITHIN_S) -> None:
        self._tries, self._within_s = tries, within_s
        self._failed: OrderedDict[str, deque[float]] = OrderedDict()

    def must_wait_s(self, client: str) -> float:
        """Return for how many seconds a client may not try; 0 if it may."""
        failed = self._failed.get(client)
        if failed is None or len(failed) < self._tries:
            return 0.0
        return max(failed[0] + self._within_s - time.monotonic(), 0.0)

    def note_failure(self, client: str) -> None:
        """Count a wrong token."""
        failed = self._failed.setdefault(client, deque(maxlen=self._tries))
        failed.append(time.monotonic())
        self._failed.move_to_end(client)
        while len(self._failed) > CLIENTS_KEPT:
            self._failed.popitem(last=False)


def is_same_site(origin: str, host: str) -> bool:
    """Whether an ``Origin`` header names the server that the ``Host`` header names."""
    try:
        parts = urlsplit(origin)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
        name = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme not in DEFAULT_PORTS:
        return False
    asked_name, asked_port = split_host(host)
    return name == asked_name and port == (asked_port or DEFAULT_PORTS[parts.scheme])


def split_host(header: str) -> tuple[str, int | None]:
    """Return name (lower case, without brackets and a final point) and port of a ``Host`` header."""
    try:
        parts = urlsplit("//" + header)
        name, port = parts.hostname or "", parts.port
    except ValueError:
        return "", None
    if parts.username is not None or parts.path or parts.query or parts.fragment:
        return "", None
    return name.removesuffix("."), port
