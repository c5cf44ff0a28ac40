"""A live source: the newest frame of something in a capture process, which is started again whenever it must.

``read`` never waits for a camera. What a source that is lost has to do next is worked out between two frames,
in the thread that reads, so that there is no other thread to go wrong.
"""

import time
from collections.abc import Mapping
from dataclasses import replace

from edgecls_device.errors import (
    EdgeclsError,
    MissingDependencyError,
    OptionError,
    SourceError,
)
from edgecls_device.sources.backoff import Backoff
from edgecls_device.sources.capture_messages import (
    Absent,
    Ended,
    Failed,
    FrameHeader,
    Message,
    NotLive,
    Opened,
    Start,
)
from edgecls_device.sources.capture_process import CaptureProcess
from edgecls_device.sources.capture_request import CaptureRequest
from edgecls_device.sources.capture_succession import CaptureSuccession
from edgecls_device.sources.captures import NotLiveError
from edgecls_device.sources.frozen import KnownPicture
from edgecls_device.sources.live_timing import STANDARD_TIMING, LiveTiming
from edgecls_device.sources.protocol import DELIVERING, CapturedFrame, SourceStatus
from edgecls_device.stop import Stop

__all__ = ["LiveSource"]

WAIT_S = 0.25
POLL_S = 0.05

_HOPELESS = (MissingDependencyError, NotLiveError, OptionError)


class LiveSource:
    """A camera or stream. See ``Source`` for the contract.

    Dropped frames are counted as ``superseded`` (a newer one came before it was asked for), ``corrupt`` (it did
    not decode), ``unusable`` (no picture of a kind that can be classified), ``lost_in_capture`` (the process
    that held it died), and ``unread`` (held when the source was closed).
    """

    is_live = True
    problems: tuple[str, ...] = ()

    def __init__(
        self,
        request: CaptureRequest,
        *,
        stop: Stop | None = None,
        give_up_after_s: float | None = None,
        wait_for_source: bool = False,
        frozen_after_s: float = 10.0,
        timing: LiveTiming = STANDARD_TIMING,
    ) -> None:
        """Open it.

        Args:
            request: What to open.
            stop: Ends the opening at once; the source then gives no frame.
            give_up_after_s: Seconds for which it may be lost before ``read`` raises why; None: for ever.
            wait_for_source: Whether a source that cannot be opened now is tried again instead of raised.
            frozen_after_s: Seconds with exactly the same picture after which it is opened again; 0: never.
            timing: How long to wait for what.

        Raises:
            EdgeclsError: If it can never be opened, such as without a package that it needs.
            NotLiveError: If it is a photo or a video of known length.
            SourceError: If it cannot be opened now.
        """
        self.name, self.description, self.frame_rate = request.name, "", 0.0
        self.status = SourceStatus(state="lost", trouble=f"{request.name!r} is being opened.")
        self._request = request
        self._give_up_after_s = give_up_after_s
        self._frozen_after_s = frozen_after_s
        self._timing = timing
        self._backoff = Backoff(first_s=timing.first_backoff_s, longest_s=timing.longest_backoff_s)
        self._thaw = Backoff(first_s=timing.first_frozen_s, longest_s=timing.longest_frozen_s)
        self._thaw_s = 0.0  # when a frozen source may be opened again
        self._known: KnownPicture | None = None
        self._captures = CaptureSuccession()
        self._waits = wait_for_source
        self._is_open = self._has_delivered = self._is_closed = False
        self._hold_s = 0.0  # how long the next process waits before it opens
        self._start_s = 0.0  # when the next process may be started
        self._since_s = time.monotonic()  # since when it is lost, or delivers
        self._error: EdgeclsError | None = None
        try:
            self._open(stop or Stop())
        except BaseException:
            self.close()
            raise

    def read(self, stop: Stop) -> CapturedFrame | None:
        """Return the newest frame not yet read; wait a moment for one if there is none."""
        until_s, state = time.monotonic() + WAIT_S, self.status.state
        while not (stop.is_requested or self._is_closed or state == "ended"):
            frame = self._step(until_s - time.monotonic())
            if frame is not None:
                return frame
            self._check_given_up()
            if self.status.state != state or time.monotonic() >= until_s:
                break  # what has changed is to be told at once
        return None

    @property
    def captured(self) -> int:
        """Frames captured so far, whether read or dropped."""
        return self._captures.captured

    @property
    def dropped(self) -> Mapping[str, int]:
        """Frames that were captured and not given out."""
        return self._captures.dropped

    def close(self) -> None:
        """Free the source; a capture process that hangs is killed after a second."""
        if not self._is_closed:
            self._is_closed = True
            self._captures.close(self._timing.grace_s)

    def _open(self, stop: Stop) -> None:
        """Wait until it is open; if that fails raise why, or leave it to ``read`` to try again."""
        while not (self._is_open or stop.is_requested or self.status.state == "ended"):
            self._step(POLL_S)
            if self._error is not None:
                if self._waits and not self._is_hopeless():
                    break
                raise self._error
        self._waits = True
        if self._is_open:
            self.status = DELIVERING

    def _check_given_up(self) -> None:
        """Raise why it is lost, if it has been for long enough or it is no use to try again."""
        if self._error is not None:
            lost_s, limit_s = time.monotonic() - self._since_s, self._give_up_after_s
            if self._is_hopeless() or (limit_s is not None and lost_s >= limit_s):
                raise self._error

    def _is_hopeless(self) -> bool:
        """Whether it can never be opened; what has delivered once may again."""
        return isinstance(self._error, _HOPELESS) and not self._has_delivered

    def _step(self, wait_s: float) -> CapturedFrame | None:
        """Do what is next, and wait for it no longer than so many seconds; return a frame if one came."""
        try:
            process = self._captures.current or self._start()
            if process is None:
                time.sleep(min(wait_s, POLL_S))
                return None
            if self._is_open:
                process.ask()
            message = process.next_message(min(wait_s, POLL_S))
        except SourceError as error:
            self._lose(error, is_told=False)
            return None
        if message is None:
            self._check_silence(process)
            return None
        return self._hear(process, message)

    def _start(self) -> CaptureProcess | None:
        """Start a capture process if it is time."""
        if time.monotonic() < self._start_s:
            return None
        if not self._captures.may_start():
            if self._captures.is_stuck:
                self._note_loss(self._stuck())
            return None
        self._is_open = False
        hold_s, self._hold_s = self._hold_s, 0.0
        return self._captures.start(
            Start(
                request=self._request,
                hold_s=hold_s,
                probe_s=self._timing.probe_s,
                waits=self._waits,
                frozen_after_s=self._frozen_after_s,
                known=self._known,
            )
        )

    def _hear(self, process: CaptureProcess, message: Message) -> CapturedFrame | None:
        """Act on what the capture process said."""
        if isinstance(message, FrameHeader):
            return self._receive(process, message)
        if isinstance(message, Opened):
            self._is_open = True
            self.description, self.frame_rate = message.description, message.frame_rate
        elif isinstance(message, Absent):
            self._backoff.reset()
            self._note_loss(SourceError(message.reason, hint=message.hint))
        elif isinstance(message, Failed):
            self._lose(message.to_error())
        elif isinstance(message, NotLive):
            self._lose(NotLiveError(self.name, message.what))
        elif isinstance(message, Ended):
            self._captures.retire(self._timing.grace_s)
            self.status = replace(self.status, state="ended", trouble="")
        return None

    def _receive(self, process: CaptureProcess, header: FrameHeader) -> CapturedFrame:
        image = process.take(header)
        now_s = time.monotonic()
        same_s = (header.captured_ns - header.same_since_ns) / 1e9
        is_stale = 0 < self._frozen_after_s <= same_s
        if self.status.state == "lost":
            self._since_s = now_s
        is_back = self._has_delivered and self.status.state == "lost"
        reconnects = self.status.reconnects + is_back
        if is_back or is_stale != self.status.is_stale or self.status.state == "lost":
            self.status = SourceStatus(reconnects=reconnects, is_stale=is_stale)
        self._has_delivered = True
        self._error = None
        self._watch_frozen(header, same_s, now_s, is_stale=is_stale)
        return CapturedFrame(
            image=image,
            index=process.base + header.index,
            source=self.name,
            captured_at=header.captured_at,
            captured_ns=header.captured_ns,
            is_stale=is_stale,
        )

    def _watch_frozen(
        self, header: FrameHeader, same_s: float, now_s: float, *, is_stale: bool
    ) -> None:
        """Open a frozen source again, less and less often if that does not help."""
        if not is_stale:
            if self._known is not None:
                self._known, self._thaw_s = None, 0.0
                self._thaw.reset()
            return
        self._known = KnownPicture(crc=header.crc, since_ns=header.same_since_ns)
        if now_s >= self._thaw_s:
            self._thaw_s = now_s + self._thaw.next_s()
            text = f"{self.name!r} gives exactly the same picture for {same_s:.0f} s; it is opened again."
            self._captures.retire(self._timing.grace_s)
            self._since_s = now_s
            self.status = replace(self.status, state="lost", trouble=text)

    def _check_silence(self, process: CaptureProcess) -> None:
        """Kill a capture process that says nothing any more."""
        now_s, timing = time.monotonic(), self._timing
        if self._is_open and process.is_asked and now_s - process.asked_s > timing.silence_s:
            message = (
                f"Expected frames from {self.name!r}, got none for {timing.silence_s:g} seconds."
            )
        elif not self._is_open and now_s - process.heard_s > timing.open_s:
            message = (
                f"Expected to open {self.name!r}, got no answer for {timing.open_s:g} seconds."
            )
        else:
            return
        hint = "check the camera or the network, then start again"
        self._lose(SourceError(message, hint=hint), grace_s=0)

    def _stuck(self) -> SourceError:
        message = (
            f"Expected frames from {self.name!r}, got processes that hang in a driver for ever."
        )
        return SourceError(message, hint="unplug the camera, or start the machine again")

    def _lose(
        self, error: EdgeclsError, *, grace_s: float | None = None, is_told: bool = True
    ) -> None:
        """Let the process go, and say when the next may start and when it may open.

        The next one waits in its own process and looks whether the source is there; if a process died without a
        word, the next is started later, since it may die too.
        """
        now_s = time.monotonic()
        if self.status.state == "delivering" and now_s - self._since_s >= self._timing.steady_s:
            self._backoff.reset()
        delay_s = self._backoff.next_s()
        self._hold_s, self._start_s = (delay_s, 0.0) if is_told else (0.0, now_s + delay_s)
        self._captures.retire(self._timing.grace_s if grace_s is None else grace_s)
        self._is_open = False
        self._note_loss(error)

    def _note_loss(self, error: EdgeclsError) -> None:
        if self.status.state != "lost":
            self._since_s = time.monotonic()
        self._error = error
        self.status = replace(self.status, state="lost", trouble=error.message)
