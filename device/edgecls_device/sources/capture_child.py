"""The capture process: it opens one camera or stream, and hands its newest frame to its parent when asked.

It is started by ``capture_process`` and ends when its control pipe or its parent does. Its main thread only
listens to the parent, so that it can always be told to go; another thread opens, reads and closes the camera.
"""

import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from edgecls_device.arrays import Frame
from edgecls_device.errors import EdgeclsError, FrameError, SourceError
from edgecls_device.frames import to_frame
from edgecls_device.sources.capture_messages import (
    Absent,
    Ended,
    Failed,
    FrameHeader,
    Message,
    NotLive,
    Opened,
    Opening,
    Start,
    encode,
)
from edgecls_device.sources.captures import (
    Capture,
    CaptureEnd,
    NotLiveError,
    load_opener,
    open_requested,
    probe,
)
from edgecls_device.sources.frame_slot import FrameSlot
from edgecls_device.sources.frozen import SameWatch, fingerprint
from edgecls_device.sources.lifeline import hold_on

__all__ = ["BAD_IN_A_ROW", "Giver", "capture", "main"]

BAD_IN_A_ROW = 30
LAST_FRAME_S = 1.0
LOOKS_WHILE_HELD = 4  # times less often than while it is away: what is there is not to be bothered
CLOSE_S = 0.7  # the parent waits a second before it kills
DIE_FIRST = "800"  # of 1000; see proc(5), oom_score_adj


def main(message_fd: int, slot_fd: int, lifeline_fd: int) -> None:
    """Run the capture process; the request comes on standard input."""
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
    ):  # a whole service may be told; the parent ends this
        signal.signal(number, signal.SIG_IGN)
    hold_on(lifeline_fd)
    for place, text in (("oom_score_adj", DIE_FIRST), ("comm", "edgecls-capture")):
        with suppress(OSError):
            Path("/proc/self", place).write_text(text)

    def send(message: Message) -> None:
        os.write(message_fd, encode(message))

    control = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115 - it lives as long as this process
    start = Start.from_line(control.readline())
    giver = Giver(FrameSlot(slot_fd), send, frozen_after_s=start.frozen_after_s)
    thread = threading.Thread(target=_run, args=(start, giver, send), daemon=True)
    thread.start()
    while control.read(1):
        giver.ask()
    giver.end()
    if giver.has_camera:
        thread.join(CLOSE_S)
    os._exit(0)  # a thread that hangs in a driver must not hold this process


class Giver:
    """Keeps the newest frame, and gives it when the parent has asked for one.

    Attributes:
        is_closing: Whether the parent wants no more.
        has_camera: Whether there is something to free.
    """

    def __init__(
        self, slot: FrameSlot, send: Callable[[Message], None], *, frozen_after_s: float = 0.0
    ) -> None:
        self.is_closing = self.has_camera = False
        self._slot = slot
        self._send = send
        self._frozen_after_ns = int(frozen_after_s * 1e9) or None
        self._changed = threading.Condition()
        self._newest: tuple[Frame, int, int, float, int] | None = None
        self._is_asked = False

    def ask(self) -> None:
        """Give the newest frame once there is one; the slot is this process's until then."""
        with self._changed:
            self._is_asked = True
            self._give()

    def put(
        self, image: Frame, *, captured_ns: int, captured_at: float, same_since_ns: int
    ) -> None:
        """Take a new frame; one that nobody asked for in time is superseded."""
        with self._changed:
            index = self._slot.counters.captured
            self._slot.count("captured")
            if self._newest is not None:
                self._slot.count("superseded")
            self._newest = image, index, captured_ns, captured_at, same_since_ns
            self._give()

    def drop(self, reason: str, number: int = 1) -> None:
        """Count frames that cannot be given."""
        with self._changed:
            self._slot.count("captured", number)
            self._slot.count(reason, number)

    def wait_taken(self, timeout_s: float) -> None:
        """Wait until the newest frame was given, or nobody wants it any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._newest is None or self.is_closing, timeout_s)

    def end(self) -> None:
        """Say that the parent wants no more."""
        with self._changed:
            self.is_closing = True
            self._changed.notify_all()

    def _give(self) -> None:
        if self._newest is None or not self._is_asked:
            return
        image, index, captured_ns, captured_at, since_ns = self._newest
        self._newest = None
        try:
            self._slot.write(image)
        except EdgeclsError:  # too large for a camera, or for the memory there is
            self._slot.count("unusable")
            return
        self._is_asked = False
        after_ns = self._frozen_after_ns
        is_frozen = after_ns is not None and captured_ns - since_ns >= after_ns
        header = FrameHeader(
            index=index,
            captured_ns=captured_ns,
            captured_at=captured_at,
            height=image.shape[0],
            width=image.shape[1],
            same_since_ns=since_ns,
            crc=fingerprint(image) if is_frozen else 0,
        )
        self._send(header)
        self._changed.notify_all()


def capture(source: Capture, giver: Giver, watch: SameWatch) -> None:
    """Read until the end.

    Raises:
        CaptureEnd: If the source came to its end.
        SourceError: If it is lost, or gives only frames that cannot be used.
    """
    bad = passed_over = 0
    while not giver.is_closing:
        image = source.read()
        newly = getattr(source, "superseded", 0) - passed_over
        if newly:
            passed_over += newly
            giver.drop("superseded", newly)
        now_ns, now = time.monotonic_ns(), time.time()
        reason = "corrupt"
        if image is not None:
            try:
                frame = to_frame(image)
            except FrameError as error:
                reason, problem = "unusable", error.message
            else:
                giver.put(
                    frame,
                    captured_ns=now_ns,
                    captured_at=now,
                    same_since_ns=watch.since_ns(frame, now_ns),
                )
                bad = 0
                continue
        giver.drop(reason)
        bad += 1
        if bad == BAD_IN_A_ROW:
            what = (
                "that do not decode" if reason == "corrupt" else f"that cannot be used. {problem}"
            )
            message = f"Expected frames from {source.name!r}, got {bad} in a row {what}"
            hint = "check the cable and the power of the camera, then start again"
            raise SourceError(message.rstrip(".") + ".", hint=hint)


def _run(start: Start, giver: Giver, send: Callable[[Message], None]) -> None:
    """Open, read, say how it ended, and close: closing may hang, and then the parent knows already."""
    with ExitStack() as stack:
        outcome = _work(start, giver, send, stack)
        if outcome is not None:
            giver.wait_taken(LAST_FRAME_S)
            send(outcome)


def _work(
    start: Start, giver: Giver, send: Callable[[Message], None], stack: ExitStack
) -> Message | None:
    """Return what to tell the parent; None if the parent ended it."""
    try:
        _come_near(start, send)
        send(Opening())
        source = open_requested(start.request)
        giver.has_camera = True
        stack.callback(source.close)
        name, description = source.name, source.description
        send(Opened(name=name, description=description, frame_rate=source.frame_rate))
        capture(source, giver, SameWatch(start.known))
    except CaptureEnd:
        return Ended()
    except NotLiveError as error:
        return NotLive(what=error.kind)
    except EdgeclsError as error:
        return Failed.of(error)
    except Exception as error:
        traceback.print_exc()
        return Failed.of(error, without_secrets=start.request.without_secrets)
    return None


def _come_near(start: Start, send: Callable[[Message], None]) -> None:
    """Return when it is there and it is time to open it.

    Raises:
        SourceError: If it is not there and shall not be waited for.
    """
    load_opener(
        start.request
    )  # slow imports now, so that the first frame of what returns is not late
    until = time.monotonic() + start.hold_s
    is_held = start.hold_s > 0
    while True:
        try:
            probe(start.request)
        except SourceError as error:
            if not start.waits:
                raise
            send(Absent(reason=error.message, hint=error.hint))
            is_held = False
            time.sleep(start.probe_s)
        else:
            held_s = until - time.monotonic() if is_held else 0.0
            if held_s <= 0:
                return
            time.sleep(min(held_s, start.probe_s * LOOKS_WHILE_HELD))
