"""Events as HTTP POST requests: JSON, certificates checked, deadlines, retries, and a signature.

No redirect is followed: a POST that is redirected arrives as something else, or somewhere else. No proxy is
used. Nothing of a URL but its host is ever shown, since the rest is often a secret.
"""

import base64
import hashlib
import hmac
import http.client
import ssl
import threading
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

from edgecls_device.errors import NetworkError, OptionError
from edgecls_device.files import read_bytes
from edgecls_device.records import to_json
from edgecls_device.results import Event, FrameResult
from edgecls_device.sinks.direct import DirectSink
from edgecls_device.sinks.http_post import PostTarget, post, trouble_words

__all__ = ["WebhookSink", "parse_webhook_url", "signature"]

DEADLINE_S = 5.0
HURRIED_S = 2.0  # once the run ends
WAITS_S = (1.0, 4.0, 16.0)  # before the second, third and fourth attempt
MAX_SECRET_BYTES = 4096
_TRY_AGAIN = frozenset({408, 425, 429})  # of 4xx, which else say that the event itself is refused
_WRONG = "check the URL: --webhook https://example.org/hook"


class WebhookSink(DirectSink):
    """Posts each event. See ``Sink`` for the contract; it belongs behind a ``BackgroundSink``.

    A server that is away or overloaded is tried four times within half a minute; a refusal (4xx), a redirect
    and a wrong certificate are not tried again. Because of retries an event may arrive twice: the header
    ``Idempotency-Key`` is then the same.
    """

    name = "webhook"
    takes_results = False
    needs_pixels = False

    def __init__(
        self,
        url: str,
        *,
        secret_file: Path | None = None,
        ca_file: Path | None = None,
        deadline_s: float = DEADLINE_S,
        waits_s: tuple[float, ...] = WAITS_S,
    ) -> None:
        """Check everything that can be checked without the network.

        Args:
            url: http or https; a user and password in it are sent as basic authentication.
            secret_file: Its content, without a newline at the end, signs each body: see ``signature``.
            ca_file: Certificates to trust instead of the system's.
            deadline_s: Of one attempt.
            waits_s: Before each further attempt.

        Raises:
            OptionError: If the URL is none, or the secret is empty.
            StorageError: If a file cannot be read.
        """
        self._target = parse_webhook_url(url)
        self._secret = None if secret_file is None else _read_secret(secret_file)
        self._context = _context(ca_file) if self._target.is_secure else None
        self._deadline_s = deadline_s
        self._waits_s = waits_s
        self._is_hurried = threading.Event()

    def notify(self, event: Event, result: FrameResult | None) -> None:
        """Post one event.

        Raises:
            NetworkError: If it did not arrive, and why.
        """
        del result
        body = to_json(event, indent=None).strip().encode("utf-8", "backslashreplace")
        headers = self._headers(event, body)
        for wait_s in (*self._waits_s, None):
            try:
                self._post(body, headers)
            except _RefusedError:
                raise
            except NetworkError:
                if wait_s is None or self._is_hurried.wait(wait_s):
                    raise
            else:
                return

    def hurry(self) -> None:
        """Wait no more: the run ends. From any thread."""
        self._is_hurried.set()

    def _headers(self, event: Event, body: bytes) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "edgecls",
            "Idempotency-Key": hashlib.sha256(f"{event.id} {event.change}".encode()).hexdigest()[
                :32
            ],
            "Connection": "close",
        }
        if self._target.authorization:
            headers["Authorization"] = self._target.authorization
        if self._secret is not None:
            headers["X-Edgecls-Signature"] = signature(self._secret, body)
        return headers

    def _post(self, body: bytes, headers: dict[str, str]) -> None:
        deadline_s = HURRIED_S if self._is_hurried.is_set() else self._deadline_s
        end_s = time.monotonic() + deadline_s
        try:
            status, reason, location = post(self._target, self._context, body, headers, end_s=end_s)
        except ssl.SSLCertVerificationError as error:
            why = f"its certificate is refused ({error.verify_message})"
            raise self._error(why, is_final=True) from error
        except (OSError, http.client.HTTPException) as error:
            is_late = isinstance(error, TimeoutError)
            why = f"no answer within {deadline_s:g} s" if is_late else trouble_words(error)
            raise self._error(why) from error
        if 200 <= status < 300:
            return
        said = f"it answers {status} {reason}".strip()
        if 300 <= status < 400:
            where = f"{said}, which leads to {location or 'nowhere'}"
            raise self._error(where, is_final=True)
        raise self._error(said, is_final=status < 500 and status not in _TRY_AGAIN)

    def _error(self, why: str, *, is_final: bool = False) -> NetworkError:
        message = f"Cannot post an event to {self._target.shown}: {why}."
        kind = _RefusedError if is_final else NetworkError
        return kind(message, hint="check the server and the URL of --webhook")


class _RefusedError(NetworkError):
    """To try again is no use."""


def signature(secret: bytes, body: bytes) -> str:
    """Return what ``X-Edgecls-Signature`` says: ``sha256=`` and the HMAC-SHA256 of the body, in hex."""
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def parse_webhook_url(text: str) -> PostTarget:
    """Return where a URL leads.

    Raises:
        OptionError: If it is no http or https URL. The message does not repeat it.
    """
    if not text.isascii() or not text.isprintable() or " " in text:
        message = "Expected a URL for --webhook, got text with letters that a URL cannot have."
        raise OptionError(
            message, hint="write other letters as %XX, and names of hosts in Punycode"
        )
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        message = f"Expected a URL for --webhook, got one that is wrong: {error}."
        raise OptionError(message, hint=_WRONG) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        message = (
            f"Expected an http or https URL for --webhook, got {parts.scheme or 'no scheme'!r}."
        )
        raise OptionError(message, hint=_WRONG)
    is_secure = parts.scheme == "https"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return PostTarget(
        is_secure=is_secure,
        host=parts.hostname,
        port=port or (443 if is_secure else 80),
        path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        authorization=_basic(parts.username, parts.password),
        shown=f"{parts.scheme}://{host}" + (f":{port}" if port else ""),
    )


def _basic(user: str | None, password: str | None) -> str:
    if user is None:
        return ""
    pair = f"{unquote(user)}:{unquote(password or '')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _read_secret(path: Path) -> bytes:
    secret = read_bytes(path, max_bytes=MAX_SECRET_BYTES).rstrip(b"\r\n")
    if not secret:
        message = f"Expected a secret in {str(path)!r}, got an empty file."
        raise OptionError(message, hint=f"make one: openssl rand -hex 32 > {path}")
    return secret


def _context(ca_file: Path | None) -> ssl.SSLContext:
    if ca_file is None:
        return ssl.create_default_context()
    text = read_bytes(ca_file, max_bytes=1 << 20).decode("ascii", "replace")
    try:
        return ssl.create_default_context(cadata=text)
    except ssl.SSLError as error:
        message = f"Expected certificates (PEM) in {str(ca_file)!r}, got something else."
        raise OptionError(message, hint="name the file with the CA's certificate") from error
