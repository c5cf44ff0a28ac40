"""All routes, put together."""

import time
from collections.abc import Callable

from aiohttp import web

from edgecls_device.health import LiveStatus, StatusBoard
from edgecls_device.web.access import Access
from edgecls_device.web.handlers import Handlers
from edgecls_device.web.messages import hello_message, status_message
from edgecls_device.web.middlewares import Gate
from edgecls_device.web.page_files import page_files
from edgecls_device.web.settings import PageFacts, WebSettings
from edgecls_device.web.showing import Showing
from edgecls_device.web.sink import WebSink
from edgecls_device.web.worker import Worker

__all__ = ["Application"]

STATUS_KEPT_S = 0.25


class Application:
    """One server's routes and what stands behind them, made inside its event loop.

    Attributes:
        application: For aiohttp.
        showing: The live part.
    """

    def __init__(
        self,
        *,
        settings: WebSettings,
        board: StatusBoard,
        facts: PageFacts,
        sink: WebSink,
        port: Callable[[], int],
    ) -> None:
        self._board = board
        self._status: LiveStatus | None = None
        self._status_at = 0.0
        self._worker = Worker("edgecls-web-pictures")
        self.showing = Showing(
            sink,
            self._worker,
            status_text=lambda: status_message(self.status()),
            hello_text=lambda: hello_message(facts, self.status(), sink.events, can_collect=False),
        )

        def cookie() -> str:
            return f"edgecls_{port()}"  # browsers do not tell ports apart

        pages = page_files()
        paths = frozenset(page.path for page in pages)
        access = Access(settings)
        gate = Gate(access, cookie=cookie, is_page_file=paths.__contains__)
        handlers = Handlers(
            status=self.status,
            sink=sink,
            showing=self.showing,
            access=access,
            gate=gate,
            cookie=cookie,
        )
        self.application = web.Application(middlewares=gate.middlewares)
        self.application.on_response_prepare.append(gate.add_headers)
        router = self.application.router
        for page in pages:
            router.add_get(page.path, handlers.file(page))
        router.add_get("/ws", handlers.look, allow_head=False)
        router.add_get("/live", handlers.live)
        router.add_get("/ready", handlers.ready)
        router.add_get("/status", handlers.status)
        router.add_get("/events", handlers.events)
        router.add_get("/snapshot.jpg", handlers.snapshot)
        router.add_post("/session", handlers.session)

    def status(self) -> LiveStatus:
        """Return how the run is, worked out at most four times a second however many ask."""
        now = time.monotonic()
        if self._status is None or now - self._status_at > STATUS_KEPT_S:
            self._status, self._status_at = self._board.status(), now
        return self._status

    def close(self) -> None:
        """End the worker."""
        self._worker.close()
