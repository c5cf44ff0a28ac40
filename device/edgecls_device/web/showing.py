"""The live part of the page: who looks, what they get, and what that may cost."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from aiohttp import web

from edgecls_device.errors import FrameError
from edgecls_device.results import Event
from edgecls_device.web.messages import event_message, result_message
from edgecls_device.web.pictures import to_jpeg
from edgecls_device.web.problems import Problems
from edgecls_device.web.sink import WebSink
from edgecls_device.web.viewers import LARGEST_MESSAGE_BYTES, Picture, Saver, Viewer
from edgecls_device.web.worker import Worker

__all__ = ["MOST_VIEWERS", "Showing", "ViewerCounts"]

MOST_VIEWERS = 16
SHORTEST_INTERVAL_S = 1 / 15
TICK_S = 1.0
SILENCE_S = 10.0
GOODBYE_S = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewerCounts:
    """How many look, and what they got so far.

    Attributes:
        viewers: Open pages now.
        sent: Pictures sent.
        dropped: Pictures that a viewer missed since it was slower than the others, or did not ask.
        evicted: Viewers let go since they did not read for ten seconds.
    """

    viewers: int
    sent: int
    dropped: int
    evicted: int


class Showing:
    """Gives the newest result to those who asked, at most 15 times a second, encoded once for all.

    Attributes:
        problems: What went wrong with single viewers.
    """

    def __init__(
        self,
        sink: WebSink,
        worker: Worker,
        *,
        status_text: Callable[[], str],
        hello_text: Callable[[], str],
        save: Saver | None = None,
        silence_s: float = SILENCE_S,
        tick_s: float = TICK_S,
    ) -> None:
        self._sink, self._worker = sink, worker
        self._status_text, self._hello_text = status_text, hello_text
        self._save = save
        self._silence_s, self._tick_s = silence_s, tick_s
        self._viewers: set[Viewer] = set()
        self._asked, self._fresh = asyncio.Event(), asyncio.Event()
        self._encoding = asyncio.Lock()
        self._picture: Picture | None = None
        self._encoded_at = 0.0
        self._sent = self._dropped = self._evicted = 0
        self.problems = Problems()

    def on_shot(self) -> None:
        """Take note that there is a newer result, inside the event loop."""
        self._fresh.set()

    def on_event(self, event: Event) -> None:
        """Tell all viewers, inside the event loop."""
        if self._viewers:
            text = event_message(event)
            for viewer in self._viewers:
                viewer.tell(text)

    @property
    def counts(self) -> ViewerCounts:
        """See :class:`ViewerCounts`."""
        return ViewerCounts(
            viewers=len(self._viewers),
            sent=self._sent + sum(viewer.sent for viewer in self._viewers),
            dropped=self._dropped + sum(viewer.dropped for viewer in self._viewers),
            evicted=self._evicted,
        )

    @property
    def is_full(self) -> bool:
        """Whether no further viewer may come."""
        return len(self._viewers) >= MOST_VIEWERS

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Show it to one viewer until it goes."""
        socket = web.WebSocketResponse(
            max_msg_size=LARGEST_MESSAGE_BYTES, compress=False, autoping=False, timeout=0.5
        )
        await socket.prepare(request)
        viewer = Viewer(socket, self._hello_text(), self._save)
        viewer.tell_status(self._status_text())
        self._viewers.add(viewer)
        ends = {
            asyncio.ensure_future(viewer.read_all(self._asked.set)),
            asyncio.ensure_future(viewer.write_all()),
            asyncio.ensure_future(self._watch(viewer, request)),
        }
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._viewers.discard(viewer)
            self._sent += viewer.sent
            self._dropped += viewer.dropped
            for end in ends:
                end.cancel()
            self._note_problems(await asyncio.gather(*ends, return_exceptions=True))
        return socket

    async def close(self) -> None:
        """Say goodbye to all viewers; who does not answer is not waited for."""
        goodbyes = [viewer.close() for viewer in self._viewers]
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.gather(*goodbyes, return_exceptions=True), GOODBYE_S)

    async def tell_all(self) -> None:
        """Send the status once a second, for ever."""
        while True:
            await asyncio.sleep(self._tick_s)
            if self._viewers:
                text = self._status_text()
                for viewer in self._viewers:
                    viewer.tell_status(text)

    async def show_all(self) -> None:
        """Send pictures to those who ask, for ever."""
        shown = 0
        while True:
            await self._asked.wait()
            self._asked.clear()
            if not any(viewer.wants_picture for viewer in self._viewers):
                continue
            self._sink.note_waiting(shown)
            await self._newer(shown)
            picture = await self.picture(after=shown)
            self._sink.note_waiting(None)
            shown = picture[0].number
            for viewer in self._viewers:
                viewer.offer(picture)

    async def picture(self, *, after: int = 0) -> Picture:
        """Return the newest picture, encoded at most 15 times a second.

        Args:
            after: It is newer than this number; the sink must hold a newer one.

        Raises:
            FrameError: If it cannot be encoded.
        """
        async with self._encoding:
            pause_s = self._encoded_at + SHORTEST_INTERVAL_S - time.monotonic()
            if self._picture is not None:
                kept = self._picture[0]
                if kept.number > after and (pause_s > 0 or kept is self._sink.newest):
                    return self._picture
            await asyncio.sleep(max(pause_s, 0))
            shot = self._sink.newest
            if shot is None:
                message = "Expected a result, got none yet."
                raise FrameError(message)
            self._encoded_at = time.monotonic()
            jpeg = await self._worker.run(partial(to_jpeg, shot.result.image))
            self._picture = (shot, result_message(shot.result), jpeg)
            return self._picture

    async def _newer(self, number: int) -> None:
        """Wait for a result that is newer."""
        while True:
            self._fresh.clear()
            shot = self._sink.await_newer(number)
            if shot is not None:
                return
            await self._fresh.wait()

    async def _watch(self, viewer: Viewer, request: web.Request) -> None:
        while not viewer.is_silent_for(self._silence_s):
            await asyncio.sleep(self._tick_s / 4)
        self._evicted += 1
        if request.transport is not None:
            request.transport.abort()

    def _note_problems(self, results: list[BaseException | None]) -> None:
        expected = (asyncio.CancelledError, ConnectionError)
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, expected):
                self.problems.note(result)
