"""What happens to every request before and after its handler."""

from collections import Counter
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web

from edgecls_device.errors import DataError, EdgeclsError, FrameError, OptionError, StorageError
from edgecls_device.web.access import Access, TokenTries, is_same_site
from edgecls_device.web.bodies import RefusedError
from edgecls_device.web.guard import Connection
from edgecls_device.web.messages import as_text, error_record
from edgecls_device.web.problems import Problems

__all__ = ["OPEN_PATHS", "Gate", "Handler", "connection_of", "json_answer", "refusal"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

OPEN_PATHS = frozenset({"/live", "/ready", "/session"})  # without a token
PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "edgecls",
}
_NEXT_ACTIONS = {
    404: "see /openapi.json for what there is",
    405: "see /openapi.json for what there is",
}


class Gate:
    """The middlewares of one server, and what they counted.

    Attributes:
        answers: Answers by status code.
        problems: Faults of ours that were answered with 500, by name.
    """

    def __init__(
        self, access: Access, *, cookie: Callable[[], str], is_page_file: Callable[[str], bool]
    ) -> None:
        self._access, self._cookie, self._is_page_file = access, cookie, is_page_file
        self.tries = TokenTries()
        self.answers: Counter[int] = Counter()
        self.problems = Problems()

    @property
    def middlewares(self) -> list[Any]:
        """All of them, the outermost first."""
        return [_middleware(step) for step in (self._timed, self._answered, self._checked)]

    @staticmethod
    async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
        """Add what every answer has."""
        del request
        response.headers.update(HEADERS)

    async def _timed(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        connection = connection_of(request)
        if connection is not None:
            connection.enter("serving")
        try:
            return await handler(request)
        finally:
            if connection is not None:
                connection.enter("waiting")

    async def _answered(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = await handler(request)
        except web.HTTPException as error:
            hint = _NEXT_ACTIONS.get(error.status, "")
            response = refusal(error.status, f"{HTTPStatus(error.status).phrase}.", hint)
            if "Allow" in error.headers:
                response.headers["Allow"] = error.headers["Allow"]
        except RefusedError as refused:
            response = refusal(refused.status, refused.message, refused.hint)
            if refused.status == 429:
                response.headers["Retry-After"] = "1"
        except EdgeclsError as error:
            response = refusal(_status_of(error), error.message, error.hint)
        except ConnectionError:  # the client has gone, which is its right
            raise
        except Exception as error:  # a fault of ours: told, counted, and the server lives
            self.problems.note(error)
            response = refusal(500, "The server made a mistake; /status names it.")
        self.answers[response.status] += 1
        return response

    async def _checked(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        host = request.headers.get("Host", "")
        if not self._access.is_known_host(host):
            hint = "start with --web-host NAME if this machine is reached by another name"
            return refusal(421, "This server is not called so.", hint)
        origin = request.headers.get("Origin")
        has_effects = request.method not in {"GET", "HEAD"} or request.path == "/ws"
        if has_effects and origin is not None and not is_same_site(origin, host):
            return refusal(403, "Requests from pages of other sites are refused.")
        if self._access.needs_token and not self._is_open(request):
            denied = self._token_refusal(request)
            if denied is not None:
                return denied
        return await handler(request)

    def _is_open(self, request: web.Request) -> bool:
        return request.path in OPEN_PATHS or (
            request.method in {"GET", "HEAD"} and self._is_page_file(request.path)
        )

    def _token_refusal(self, request: web.Request) -> web.Response | None:
        if self._access.is_session(request.cookies.get(self._cookie(), "")):
            return None
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            hint = "open the address with #token=... that the program printed, or send Authorization: Bearer"
            response = refusal(401, "A token is needed.", hint)
            response.headers["WWW-Authenticate"] = "Bearer"
            return response
        return self.try_token(request, token.strip())

    def try_token(self, request: web.Request, token: str) -> web.Response | None:
        """Return None for the right token, else the refusal; after ten wrong ones a client has to wait."""
        connection = connection_of(request)
        client = connection.peer if connection is not None else ""
        wait_s = self.tries.must_wait_s(client)
        if wait_s > 0:
            response = refusal(429, "Too many wrong tokens.", f"wait {wait_s:.0f} s")
            response.headers["Retry-After"] = str(int(wait_s) + 1)
            return response
        if self._access.is_token(token):
            return None
        self.tries.note_failure(client)
        response = refusal(401, "The token is wrong.", "look it up in the token file")
        response.headers["WWW-Authenticate"] = "Bearer"
        return response


def _status_of(error: EdgeclsError) -> int:
    """Return 400 for what the client sent, 507 for our disk, and 500 for our model."""
    if isinstance(error, DataError | FrameError | OptionError):
        return 400
    return 507 if isinstance(error, StorageError) else 500


def _middleware(step: Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]) -> Any:
    """Mark a bound method as aiohttp wants it; a method itself cannot be marked."""

    @web.middleware
    async def call(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await step(request, handler)

    return call


def connection_of(request: web.Request) -> Connection | None:
    """Return the connection a request came by; None if it is gone."""
    transport = request.transport
    protocol = None if transport is None else transport.get_protocol()
    return protocol if isinstance(protocol, Connection) else None


def json_answer(record: dict[str, Any], *, status: int = 200) -> web.Response:
    """Return JSON."""
    return web.Response(text=as_text(record) + "\n", status=status, content_type="application/json")


def refusal(status: int, message: str, hint: str = "") -> web.Response:
    """Return an error as JSON: what is wrong, and the next action."""
    return json_answer(error_record(message, hint), status=status)
