"""What each route answers."""

import json
import time
from collections.abc import Callable

from aiohttp import web

from edgecls_device.errors import OptionError
from edgecls_device.health import LiveStatus
from edgecls_device.records import encode
from edgecls_device.web.access import Access
from edgecls_device.web.bodies import read_body
from edgecls_device.web.messages import status_record
from edgecls_device.web.middlewares import Gate, Handler, connection_of, json_answer, refusal
from edgecls_device.web.page_files import PageFile
from edgecls_device.web.showing import Showing
from edgecls_device.web.sink import WebSink

__all__ = ["Handlers"]

OLDEST_SNAPSHOT_S = 10.0
LARGEST_SESSION_BYTES, SESSION_BODY_S = 1000, 10.0
SESSION_SECONDS = 90 * 24 * 3600


class Handlers:
    """The handlers that show how the run is."""

    def __init__(
        self,
        *,
        status: Callable[[], LiveStatus],
        problems: Callable[[], dict[str, int]],
        sink: WebSink,
        showing: Showing,
        access: Access,
        gate: Gate,
        cookie: Callable[[], str],
    ) -> None:
        self._status, self._problems = status, problems
        self._sink, self._showing = sink, showing
        self._access, self._gate, self._cookie = access, gate, cookie

    @staticmethod
    def file(page: PageFile) -> Handler:
        """Return the handler that gives a file of the page."""

        async def give(request: web.Request) -> web.StreamResponse:
            del request
            charset = "utf-8" if page.content_type.startswith("text/") else None
            return web.Response(body=page.body, content_type=page.content_type, charset=charset)

        return give

    async def live(self, request: web.Request) -> web.StreamResponse:
        """Say whether the program works."""
        del request
        status = self._status()
        return _health(status, is_good=status.is_live)

    async def ready(self, request: web.Request) -> web.StreamResponse:
        """Say whether results leave the pipeline."""
        del request
        status = self._status()
        return _health(status, is_good=status.is_ready)

    async def status(self, request: web.Request) -> web.StreamResponse:
        """Say all there is about the run."""
        del request
        web_record = {**encode(self._showing.counts), "problems": self._problems()}
        return json_answer({**status_record(self._status()), "web": web_record})

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Give the last events, newest last."""
        del request
        return json_answer({"events": encode(self._sink.events)})

    async def snapshot(self, request: web.Request) -> web.StreamResponse:
        """Give the newest picture, unless it is old."""
        del request
        newest = self._sink.newest
        if newest is None:
            return refusal(503, "There is no picture yet.", "see /ready")
        age_s = (time.monotonic_ns() - newest.result.frame.captured_ns) / 1e9
        if age_s > OLDEST_SNAPSHOT_S:
            return refusal(503, f"The newest picture is {age_s:.0f} s old.", "see /ready")
        _, _, jpeg = await self._showing.picture()
        return web.Response(body=jpeg, content_type="image/jpeg")

    async def look(self, request: web.Request) -> web.StreamResponse:
        """Show the live page's pictures, results and events over a WebSocket."""
        if self._showing.is_full:
            return refusal(503, "Too many pages are open.", "close one and try again")
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return refusal(426, "This is a WebSocket.", "open / in a browser")
        connection = connection_of(request)
        if connection is not None:
            connection.enter("viewing")
        return await self._showing.serve(request)

    async def session(self, request: web.Request) -> web.StreamResponse:
        """Take the token once and give a cookie for it."""
        if request.content_type != "application/json":
            return refusal(415, "Expected application/json.")
        text = await read_body(request, most_bytes=LARGEST_SESSION_BYTES, within_s=SESSION_BODY_S)
        try:
            token = json.loads(text)["token"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            message = 'Expected {"token": "..."}, got something else.'
            raise OptionError(message) from error
        if self._access.needs_token:
            denied = self._gate.try_token(request, str(token))
            if denied is not None:
                return denied
        response = web.Response(status=204)
        is_https = request.headers.get("X-Forwarded-Proto", "").lower() == "https"
        response.set_cookie(
            self._cookie(),
            self._access.session,
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="Strict",
            secure=is_https or None,
        )
        return response


def _health(status: LiveStatus, *, is_good: bool) -> web.Response:
    record = {"state": status.state, "reasons": list(status.reasons)}
    return json_answer(record, status=200 if is_good else 503)
