"""Cameras on the network, and what is asked of a live source in many tests."""

import time
from contextlib import contextmanager

import pytest
from edgecls_device.sources.capture_request import CaptureRequest
from edgecls_device.sources.live_source import LiveSource
from edgecls_device.sources.live_timing import LiveTiming
from edgecls_device.stop import Stop

from tests.device.sources.http_camera import HttpCamera

SOON = LiveTiming(
    silence_s=0.5,
    open_s=10.0,
    probe_s=0.02,
    first_backoff_s=0.02,
    longest_backoff_s=0.1,
    steady_s=0.0,
    first_frozen_s=5.0,
    longest_frozen_s=10.0,
    grace_s=0.5,
)
PATIENCE_S = 15.0


class Watched:
    """A live source, what it gave, and whether every frame is accounted for."""

    def __init__(self, source):
        self.source = source
        self.frames = 0
        self.last = None
        self.troubles = []

    def read(self):
        """Read once; remember what came, and what was the trouble."""
        start = time.monotonic()
        frame = self.source.read(Stop())
        assert time.monotonic() - start < 2.0, "read waited for the camera"
        if frame is not None:
            assert self.last is None or frame.index > self.last.index
            self.frames, self.last = self.frames + 1, frame
        trouble = self.source.status.trouble
        if trouble and trouble not in self.troubles:
            self.troubles.append(trouble)
        return frame

    def until(self, is_reached):
        """Read until something is so; return the seconds that took."""
        start = time.monotonic()
        while not is_reached():
            self.read()
            assert time.monotonic() - start < PATIENCE_S, (self.source.status, self.troubles)
        return time.monotonic() - start

    def until_frames(self, count):
        """Read until so many more frames have come."""
        aim = self.frames + count
        return self.until(lambda: self.frames >= aim)

    def until_lost(self):
        return self.until(lambda: self.source.status.state == "lost")

    def close(self):
        """Close it; every frame that was captured is one that came, or is counted."""
        self.source.close()
        assert self.source.captured == self.frames + sum(self.source.dropped.values()), (
            self.source.captured,
            self.frames,
            self.source.dropped,
        )


@contextmanager
def watching(text, *, kind="stream", timing=SOON, frozen_after_s=0.0, options=None, **more):
    """Open a live source that hurries, and close it at the end."""
    request = CaptureRequest(kind=kind, text=text, options=options or {})
    watched = Watched(LiveSource(request, timing=timing, frozen_after_s=frozen_after_s, **more))
    try:
        yield watched
    finally:
        watched.close()


@pytest.fixture
def http_camera():
    """A camera that is on."""
    device = HttpCamera()
    device.start()
    yield device
    device.stop()
