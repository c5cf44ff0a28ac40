import threading
import time

import numpy as np
import pytest
from edgecls_device.errors import SourceError
from edgecls_device.sources.prefetch import PrefetchedSource
from edgecls_device.sources.protocol import DELIVERING, ENDED, captured_now
from edgecls_device.sources.table import open_source
from edgecls_device.stop import Stop

GOING = Stop()


class FakeSource:
    """Gives so many frames; every tenth does not decode. It says how far it was read, and who closed it."""

    name, description, is_live, frame_rate = "fake", "fake frames", False, 30.0

    def __init__(self, count, *, error=None, shape=(4, 4, 3)):
        self.count, self.error, self.shape = count, error, shape
        self.captured = 0
        self.dropped = {}
        self.problems = ()
        self.status = DELIVERING
        self.closed_by = []
        self.go_on = threading.Event()
        self.go_on.set()

    def read(self, stop):
        self.go_on.wait()
        if self.captured == self.count:
            if self.error is not None:
                raise self.error
            self.status = ENDED
            return None
        index = self.captured
        self.captured += 1
        if index % 10 == 9:
            self.dropped = {"undecodable": self.dropped.get("undecodable", 0) + 1}
            self.problems = (*self.problems, f"{index} is broken")
            return None
        image = np.full(self.shape, index % 256, np.uint8)
        return captured_now(image, index=index, source="fake")

    def close(self):
        self.closed_by.append(threading.current_thread().name)


def frames_of(source):
    while True:
        frame = source.read(GOING)
        if frame is not None:
            yield frame
        elif source.status.state == "ended":
            return


def settled(value):
    """Wait until a count does not change any more."""
    last = None
    while last != value():
        last = value()
        time.sleep(0.05)
    return last


def test_every_frame_comes_once_and_in_order():
    source = PrefetchedSource(FakeSource(100))
    frames = list(frames_of(source))
    assert [frame.index for frame in frames] == [i for i in range(100) if i % 10 != 9]
    assert all(int(frame.image[0, 0, 0]) == frame.index for frame in frames)
    assert (source.captured, source.dropped) == (100, {"undecodable": 10})
    assert len(source.problems) == 10
    source.close()


def test_what_was_read_ahead_does_not_count():
    fake = FakeSource(100)
    source = PrefetchedSource(fake)
    assert [source.read(GOING).index for _ in range(5)] == [0, 1, 2, 3, 4]
    assert settled(lambda: fake.captured) == 9  # three wait, and one more is in its hand
    assert (source.captured, source.dropped, source.status) == (5, {}, DELIVERING)
    source.close()
    assert source.captured == 5
    assert source.read(GOING) is None


def test_the_end_is_told_after_the_last_frame_and_not_before():
    fake = FakeSource(2)
    source = PrefetchedSource(fake)
    assert source.read(GOING).index == 0
    settled(lambda: fake.status.state)
    assert fake.status == ENDED
    assert source.status == DELIVERING
    assert source.read(GOING).index == 1
    assert source.status == DELIVERING
    assert source.read(GOING) is None
    assert source.status == ENDED
    source.close()


def test_an_error_comes_after_the_frames_before_it_and_again():
    error = SourceError("Expected more, got an end.")
    source = PrefetchedSource(FakeSource(3, error=error))
    assert [source.read(GOING).index for _ in range(3)] == [0, 1, 2]
    for _ in range(2):
        with pytest.raises(SourceError, match="got an end"):
            source.read(GOING)
    source.close()


def test_large_pictures_are_read_ahead_one_by_one():
    fake = FakeSource(100, shape=(100, 100, 3))
    source = PrefetchedSource(fake, frames=10, most_bytes=75_000)
    source.read(GOING)
    assert settled(lambda: fake.captured) == 4  # one given, two wait, one in its hand
    source.close()


def test_the_thread_that_reads_a_source_closes_it_and_ends():
    fake = FakeSource(100)
    source = PrefetchedSource(fake)
    source.read(GOING)
    source.close()
    source.close()
    assert fake.closed_by == ["edgecls-prefetch"]
    assert "edgecls-prefetch" not in [thread.name for thread in threading.enumerate()]


def test_a_source_that_was_never_read_is_closed_without_a_thread():
    fake = FakeSource(1)
    PrefetchedSource(fake).close()
    assert (fake.closed_by, fake.captured) == (["MainThread"], 0)


def test_reading_waits_a_quarter_of_a_second_at_most_and_closing_a_second():
    fake = FakeSource(1)
    fake.go_on.clear()
    source = PrefetchedSource(fake)
    start = time.monotonic()
    assert source.read(GOING) is None
    assert 0.2 < time.monotonic() - start < 1
    stop = Stop()
    stop.request("a test")
    assert source.read(stop) is None
    start = time.monotonic()
    source.close()
    assert time.monotonic() - start < 5
    fake.go_on.set()


def test_videos_and_folders_are_read_ahead_and_photos_are_not(clip, folder, photo):
    for path, is_ahead in ((clip, True), (folder, True), (photo, False)):
        source = open_source(str(path))
        assert isinstance(source, PrefetchedSource) == is_ahead
        source.close()
