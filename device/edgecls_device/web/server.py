"""The web server of a live run: one daemon thread with its own event loop."""

import asyncio
import logging
import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from edgecls_device.classifier import Classifier
from edgecls_device.errors import OptionError
from edgecls_device.health import StatusBoard
from edgecls_device.web.application import Application
from edgecls_device.web.guard import Guard
from edgecls_device.web.listening import listen
from edgecls_device.web.problems import Problems
from edgecls_device.web.saving import Store
from edgecls_device.web.settings import PageFacts, WebSettings
from edgecls_device.web.showing import ViewerCounts
from edgecls_device.web.sink import WebSink

__all__ = ["WebServer"]

START_S = 10.0
CLOSE_S = 2.0
RETRY_S = 5.0
LARGEST_LINE_BYTES = 4096
LARGEST_HEADER_BYTES = 8190


class WebServer:
    """Serves the live page while a run goes on. What fails in here never ends the run.

    Attributes:
        sink: Give it to the run.
    """

    def __init__(
        self,
        settings: WebSettings,
        board: StatusBoard,
        *,
        facts: PageFacts,
        open_classifier: Callable[[], Classifier] | None = None,
        store: Store | None = None,
    ) -> None:
        """Take the settings; nothing happens before :meth:`start`.

        Args:
            settings: Where to listen, and the token.
            board: Says how the run is.
            facts: What the page says about the model.
            open_classifier: Opens a model for ``POST /classify``, in a thread of the server; without it
                there is no such route.
            store: Where the page saves pictures; without it, it does not.
        """
        self.sink = WebSink()
        self._settings, self._board, self._facts = settings, board, facts
        self._open_classifier, self._store = open_classifier, store
        self._problems = Problems()
        self._listener: socket.socket | None = None
        self._port = settings.port
        self._trouble = ""
        self._error: Exception | None = None
        self._guard: Guard | None = None
        self._site: Application | None = None
        self._is_closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._is_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="edgecls-web", daemon=True)

    @property
    def url(self) -> str:
        """Where the page is; the port is known after :meth:`start`."""
        host = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(
            self._settings.host, self._settings.host
        )
        return f"http://{f'[{host}]' if ':' in host else host}:{self._port}/"

    @property
    def url_with_token(self) -> str:
        """The address to open once; the token stands behind ``#``, which no server and no log sees."""
        token = self._settings.token
        return f"{self.url}#token={token}" if token else self.url

    @property
    def trouble(self) -> str:
        """Why the page cannot be reached, a sentence; empty while it can. From any thread."""
        return self._trouble or (self._guard.trouble if self._guard is not None else "")

    @property
    def viewer_counts(self) -> ViewerCounts:
        """How many look, and what they got. From any thread."""
        if self._site is None:
            return ViewerCounts(viewers=0, sent=0, dropped=0, evicted=0)
        return self._site.showing.counts

    @property
    def is_running(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def start(self, *, keep_trying: bool = False) -> None:
        """Listen, and serve in a thread.

        Args:
            keep_trying: If the address cannot be had, go on without and try again every few seconds: for a
                service, which classifies in any case. ``trouble`` says so meanwhile.

        Raises:
            OptionError: If the address cannot be had, such as a port in use.
        """
        try:
            self._listener = listen(self._settings.host, self._port)
        except OptionError as error:
            if not keep_trying:
                raise
            self._trouble = f"{error.message} {error.hint}"
        else:
            self._port = self._listener.getsockname()[1]
        self._thread.start()
        self._is_up.wait(START_S)
        if self._error is not None and not keep_trying:
            raise self._error

    def close(self) -> None:
        """Say goodbye to viewers and end the thread, within two seconds. Closing twice is harmless."""
        self.sink.detach()
        if self._is_closed or not self._thread.is_alive():
            self._is_closed = True
            self._close_listener()
            return
        self._is_closed = True
        loop, end = self._loop, self._end
        if loop is not None and end is not None:
            with suppress(RuntimeError):  # it has just ended by itself
                loop.call_soon_threadsafe(end.set)
        self._thread.join(CLOSE_S)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # the run goes on without the page, and says so
            self._error = error
            self._trouble = f"The web page ended: {type(error).__name__}: {error}."
        finally:
            self.sink.detach()
            self._close_listener()
            self._is_up.set()

    async def _serve(self) -> None:
        loop, problems = asyncio.get_running_loop(), self._problems
        loop.set_exception_handler(
            lambda _, context: problems.note(context.get("exception") or context["message"])
        )
        self._loop, self._end = loop, asyncio.Event()
        self._site = site = Application(
            settings=self._settings,
            board=self._board,
            facts=self._facts,
            sink=self.sink,
            port=lambda: self._port,
            connections=self._connections,
            problems=problems,
            open_classifier=self._open_classifier,
            store=self._store,
        )
        logger = logging.Logger("edgecls.web", logging.WARNING)  # noqa: LOG001 - one for each server
        logger.addHandler(_Log(problems, self._note_malformed))
        runner = web.AppRunner(
            site.application,
            access_log=None,
            logger=logger,
            handler_cancellation=True,
            lingering_time=2.0,
            max_line_size=LARGEST_LINE_BYTES,
            max_field_size=LARGEST_HEADER_BYTES,
        )
        await runner.setup()
        server: Any = runner.server
        self._guard = guard = Guard(server)
        self.sink.attach(
            on_shot=lambda: _wake(loop, site.showing.on_shot),
            on_event=lambda event: _wake(loop, lambda: site.showing.on_event(event)),
            trouble=lambda: self.trouble,
        )
        works: tuple[Callable[[], Awaitable[None]], ...] = (
            self._listen_always,
            guard.sweep_all,
            site.showing.show_all,
            site.showing.tell_all,
        )
        tasks = [asyncio.create_task(_always(work, problems)) for work in works]
        self._is_up.set()
        try:
            await self._end.wait()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._close_listener()
            await site.showing.close()
            await guard.end_all()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(runner.cleanup(), CLOSE_S / 2)
            site.close()

    def _connections(self) -> tuple[int, dict[str, int]]:
        guard = self._guard
        return (0, {}) if guard is None else (guard.open, dict(guard.closed))

    def _note_malformed(self) -> None:
        if self._guard is not None:
            self._guard.closed["malformed"] += 1

    async def _listen_always(self) -> None:
        while True:
            if self._listener is None:
                try:
                    self._listener = listen(self._settings.host, self._port)
                except OptionError as error:
                    self._trouble = f"{error.message} {error.hint}"
                    await asyncio.sleep(RETRY_S)
                    continue
            self._port = self._listener.getsockname()[1]
            self._trouble = ""
            assert self._guard is not None
            try:
                await self._guard.accept_all(self._listener)
            except OSError as error:
                self._trouble = f"The web page takes no connections: {error.strerror or error}."
                self._close_listener()
                await asyncio.sleep(RETRY_S)

    def _close_listener(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()


class _Log(logging.Handler):
    """Takes what aiohttp has to say: it is counted, and nothing is printed."""

    def __init__(self, problems: Problems, on_malformed: Callable[[], None]) -> None:
        super().__init__(logging.WARNING)
        self._problems, self._on_malformed = problems, on_malformed

    def emit(self, record: logging.LogRecord) -> None:
        """Count a message, or a request that is no HTTP."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            self._on_malformed()
        else:
            self._problems.note(error or record.getMessage())


async def _always(work: Callable[[], Awaitable[None]], problems: Problems) -> None:
    """Do ``work`` for ever; an error in it is noted, and it begins anew."""
    while True:
        try:
            await work()
        except Exception as error:
            problems.note(error)
        await asyncio.sleep(1)


def _wake(loop: asyncio.AbstractEventLoop, what: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # the loop has just been closed: nobody looks any more
        loop.call_soon_threadsafe(what)
