"""Those who look at the live page: one picture waits for each at most, and who stops reading is let go."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from edgecls_device.errors import EdgeclsError, OptionError
from edgecls_device.web.messages import as_text
from edgecls_device.web.sink import Shot

__all__ = ["LARGEST_MESSAGE_BYTES", "Picture", "Saver", "Viewer"]

LARGEST_MESSAGE_BYTES = 1000
TEXTS_WAITING = 64  # events; who is so far behind gets the newest

Picture = tuple[Shot, str, bytes]  # the result, its message, and the JPEG
Saver = Callable[[Shot, str], Awaitable[dict[str, Any]]]


class Viewer:
    """One open page.

    It asks for each picture (``next``), so that a slow one gets fewer and never old ones. Each second it gets
    the status and a ping; whoever answers nothing for ten seconds has stopped reading.

    Attributes:
        wants_picture: Whether it asked and nothing was offered since.
        sent: Pictures sent.
        dropped: Pictures that others saw while this one had not asked, or that a newer one replaced.
    """

    def __init__(self, socket: web.WebSocketResponse, hello: str, save: Saver | None) -> None:
        self._socket = socket
        self._save = save
        self._texts: deque[str] = deque([hello], maxlen=TEXTS_WAITING)
        self._status = ""
        self._picture: Picture | None = None
        self._shown: Shot | None = None
        self._has_work = asyncio.Event()
        self._has_work.set()
        self._unanswered_since: float | None = None
        self._ping_due = False
        self.wants_picture = False
        self.sent = self.dropped = 0

    def offer(self, picture: Picture) -> None:
        """Give it the newest picture, if it asked."""
        if not self.wants_picture:
            self.dropped += 1
            return
        self.wants_picture = False
        self.dropped += self._picture is not None
        self._picture = picture
        self._has_work.set()

    def tell(self, text: str) -> None:
        """Give it a message."""
        self._texts.append(text)
        self._has_work.set()

    def tell_status(self, text: str) -> None:
        """Give it the newest status, and ask for a sign of life."""
        self._status = text
        if self._unanswered_since is None:
            self._unanswered_since = time.monotonic()
            self._ping_due = True
        self._has_work.set()

    def is_silent_for(self, seconds: float) -> bool:
        """Whether it has not answered for so long."""
        since = self._unanswered_since
        return since is not None and time.monotonic() - since > seconds

    async def close(self) -> None:
        """Tell it that the server goes away."""
        await self._socket.close(code=WSCloseCode.GOING_AWAY)

    async def write_all(self) -> None:
        """Send what it is given until the connection ends."""
        while True:
            await self._has_work.wait()
            self._has_work.clear()
            while self._texts:
                await self._socket.send_str(self._texts.popleft())
            if self._status:
                text, self._status = self._status, ""
                await self._socket.send_str(text)
            if self._ping_due:
                self._ping_due = False
                await self._socket.ping()
            if self._picture is not None:
                (shot, text, jpeg), self._picture = self._picture, None
                await self._socket.send_str(text)
                await self._socket.send_bytes(jpeg)
                self._shown = shot
                self.sent += 1

    async def read_all(self, on_asked: Callable[[], None]) -> None:
        """Take what it asks for until the connection ends.

        Args:
            on_asked: Called when it wants a picture.
        """
        while True:
            message = await self._socket.receive()
            self._unanswered_since = None
            if message.type is WSMsgType.PING:
                await self._socket.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                await self._take(message.data, on_asked)
            elif message.type is not WSMsgType.PONG:
                return  # closed, failed, or bytes, which no page sends

    async def _take(self, text: str, on_asked: Callable[[], None]) -> None:
        try:
            request = json.loads(text)
        except (ValueError, RecursionError):
            request = None
        kind = request.get("type") if isinstance(request, dict) else None
        if kind == "next":
            self.wants_picture = True
            on_asked()
        elif kind == "save":
            self.tell(await self._saved(request.get("label")))
        else:
            self.tell(_error("Expected a message of type next or save, got another one."))

    async def _saved(self, label: object) -> str:
        if self._save is None:
            return _error("Saving pictures is not turned on; start with --collect DIR.")
        if self._shown is None:
            return _error("There is no picture to save yet.")
        try:
            if not isinstance(label, str):
                message = f"Expected a label, got {type(label).__name__}."
                raise OptionError(message)
            return as_text({"type": "saved", **await self._save(self._shown, label)})
        except EdgeclsError as error:
            return _error(f"{error.message} {error.hint}".strip())


def _error(message: str) -> str:
    return as_text({"type": "error", "message": message})
