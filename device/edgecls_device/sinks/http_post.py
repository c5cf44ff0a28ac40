"""One HTTP POST with a deadline for all of it, and without redirects or proxies."""

import http.client
import re
import socket
import ssl
import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

__all__ = ["PostTarget", "post", "trouble_words"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PostTarget:
    """Where to post.

    Attributes:
        is_secure: Whether it is https.
        host: Name or address.
        port: 1..65535.
        path: With its query.
        authorization: The header for a user and password in the URL; empty if there are none.
        shown: What may be shown: scheme, host and port.
    """

    is_secure: bool
    host: str
    port: int
    path: str
    authorization: str
    shown: str


def post(
    target: PostTarget,
    context: ssl.SSLContext | None,
    body: bytes,
    headers: dict[str, str],
    *,
    end_s: float,
) -> tuple[int, str, str]:
    """Post and return status, reason and the host to which a redirect leads.

    The timeout of a socket is for one packet only, so a second thread closes the connection at the deadline: a
    server that sends a byte now and then must not hold us.

    Args:
        target: Where to.
        context: Checks the certificate; None for plain HTTP.
        body: What to post.
        headers: Beside ``Host`` and ``Content-Length``.
        end_s: The deadline, in seconds of ``time.monotonic``.

    Raises:
        TimeoutError: If it took too long.
        OSError: If the server cannot be reached, is not the one its certificate says.
        http.client.HTTPException: If it does not speak HTTP.
    """
    left_s = max(end_s - time.monotonic(), 0.01)
    raw = socket.create_connection((target.host, target.port), timeout=left_s)
    sock = raw
    if context is not None:
        with raw:  # until it is wrapped
            sock = context.wrap_socket(
                raw, server_hostname=target.host, do_handshake_on_connect=False
            )
    with sock:
        is_cut = threading.Event()
        guard = threading.Timer(max(end_s - time.monotonic(), 0.01), _cut, [sock, is_cut])
        guard.name, guard.daemon = "edgecls-webhook-deadline", True
        guard.start()
        try:
            answer = _talk(sock, target, body, headers)
        except (OSError, http.client.HTTPException) as error:
            if is_cut.is_set():
                raise TimeoutError from error
            raise
        finally:
            guard.cancel()
        if is_cut.is_set():  # what was cut off may look like an answer without headers
            raise TimeoutError
        return answer


def _talk(
    sock: socket.socket, target: PostTarget, body: bytes, headers: dict[str, str]
) -> tuple[int, str, str]:
    if isinstance(sock, ssl.SSLSocket):
        sock.do_handshake()
    kind = http.client.HTTPSConnection if target.is_secure else http.client.HTTPConnection
    connection = kind(target.host, target.port)
    connection.sock = sock
    connection.request("POST", target.path, body, headers)
    with closing(connection.getresponse()) as answer:
        return answer.status, _plain(answer.reason), _leads_to(answer)


def _cut(sock: socket.socket, is_cut: threading.Event) -> None:
    is_cut.set()
    with suppress(OSError):  # it is over already, which is all that was wanted
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def trouble_words(error: Exception) -> str:
    """Return why ``post`` failed."""
    if isinstance(error, ssl.SSLError):
        return f"TLS fails ({error.reason or error})"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return "it does not speak HTTP" if isinstance(error, http.client.HTTPException) else str(error)


def _leads_to(answer: http.client.HTTPResponse) -> str:
    try:
        return _plain(urlsplit(answer.headers.get("Location", "")).netloc.rpartition("@")[2])
    except ValueError:
        return ""


def _plain(text: str) -> str:
    """Return what a server says without what could harm a terminal or a log."""
    return re.sub(r"[^ -~]", "?", text)[:60]
