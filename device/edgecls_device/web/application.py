"""All routes, put together."""

import time
from collections.abc import Callable
from functools import partial

from aiohttp import web

from edgecls_device.classifier import Classifier
from edgecls_device.health import LiveStatus, StatusBoard
from edgecls_device.web.access import Access
from edgecls_device.web.handlers import Handlers
from edgecls_device.web.messages import hello_message, status_message
from edgecls_device.web.metrics import Metrics, WebCounts
from edgecls_device.web.middlewares import Gate, Handler
from edgecls_device.web.openapi import description_handler
from edgecls_device.web.page_files import page_files
from edgecls_device.web.photos import PhotoClassifier
from edgecls_device.web.problems import Problems
from edgecls_device.web.saving import Saving, Store
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
        connections: Callable[[], tuple[int, dict[str, int]]],
        problems: Problems,
        open_classifier: Callable[[], Classifier] | None,
        store: Store | None,
    ) -> None:
        self._board, self._facts, self._sink = board, facts, sink
        self._connections, self._problems = connections, problems
        self._status: LiveStatus | None = None
        self._status_at = 0.0
        self._pictures, self._photos = Worker("edgecls-web-pictures"), Worker("edgecls-web-photos")
        self._saves = Worker("edgecls-web-saving")
        self._saving = None if store is None else Saving(store, self._saves, sink, facts.labels)
        self._classifying = (
            None if open_classifier is None else PhotoClassifier(self._photos, open_classifier)
        )
        self.showing = Showing(
            sink,
            self._pictures,
            status_text=lambda: status_message(self.status()),
            hello_text=self._hello,
            save=None if self._saving is None else self._saving.save,
        )
        pages = page_files()
        cookie = partial(_cookie, port)
        access = Access(settings)
        paths = frozenset(page.path for page in pages)
        self._gate = Gate(access, cookie=cookie, is_page_file=paths.__contains__)
        handlers = Handlers(
            status=self.status,
            problems=self._all_problems,
            sink=sink,
            showing=self.showing,
            access=access,
            gate=self._gate,
            cookie=cookie,
        )
        self.application = web.Application(middlewares=self._gate.middlewares)
        self.application.on_response_prepare.append(self._gate.add_headers)
        for page in pages:
            self.application.router.add_get(page.path, handlers.file(page))
        router = self.application.router
        for method, path, handler in self._routes(handlers):
            if method == "GET" and path != "/ws":
                router.add_get(path, handler)  # HEAD too, which some monitors send
            else:
                router.add_route(method, path, handler)

    def status(self) -> LiveStatus:
        """Return how the run is, worked out at most four times a second however many ask."""
        now = time.monotonic()
        if self._status is None or now - self._status_at > STATUS_KEPT_S:
            self._status, self._status_at = self._board.status(), now
        return self._status

    def close(self) -> None:
        """End the workers."""
        for worker in (self._pictures, self._photos, self._saves):
            worker.close()

    def _routes(self, handlers: Handlers) -> list[tuple[str, str, Handler]]:
        metrics = Metrics(status=self.status, counts=self._counts, facts=self._facts)
        routes: list[tuple[str, str, Handler]] = [
            ("GET", "/ws", handlers.look),
            ("GET", "/live", handlers.live),
            ("GET", "/ready", handlers.ready),
            ("GET", "/status", handlers.status),
            ("GET", "/events", handlers.events),
            ("GET", "/snapshot.jpg", handlers.snapshot),
            ("GET", "/metrics", metrics.answer),
            ("GET", "/openapi.json", description_handler),
            ("POST", "/session", handlers.session),
        ]
        if self._classifying is not None:
            routes.append(("POST", "/classify", self._classifying.answer))
        if self._saving is not None:
            routes.append(("POST", "/save", self._saving.answer))
        return routes

    def _hello(self) -> str:
        can_collect = self._saving is not None
        return hello_message(self._facts, self.status(), self._sink.events, can_collect=can_collect)

    def _all_problems(self) -> dict[str, int]:
        seen = (self._problems, self.showing.problems, self._gate.problems)
        return {name: count for one in seen for name, count in one.as_counts().items()}

    def _counts(self) -> WebCounts:
        connections, closed = self._connections()
        return WebCounts(
            viewers=self.showing.counts,
            connections=connections,
            closed=closed,
            answers=dict(self._gate.answers),
            mistakes=sum(self._all_problems().values()),
        )


def _cookie(port: Callable[[], int]) -> str:
    """Return the cookie's name. Browsers do not tell ports apart, so it has the port in it."""
    return f"edgecls_{port()}"
