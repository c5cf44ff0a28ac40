import threading

import numpy as np
import pytest
from edgecls_device.errors import SourceError
from edgecls_device.sources.newest import CORRUPT_IN_A_ROW, NewestFrameSource
from edgecls_device.stop import Stop

IMAGE = np.zeros((4, 4, 3), np.uint8)


class ScriptedCapture:
    """Gives what it is told, step by step: the reader waits until a test lets it go on."""

    name, description, frame_rate = "scripted", "", 0.0

    def __init__(self, images, *, waits=False):
        self.images = list(images)
        self.done = threading.Event()
        self.go_on = threading.Event()
        self.closed = 0
        if not waits:
            self.go_on.set()

    def read(self):
        if not self.images:
            self.done.set()
            self.go_on.wait()
            message = "Expected frames, got an end."
            raise SourceError(message, hint="start again")
        return self.images.pop(0)

    def close(self):
        self.closed += 1


def test_the_newest_frame_is_given_and_the_older_ones_are_counted():
    capture = ScriptedCapture([IMAGE, IMAGE, IMAGE + 7], waits=True)
    source = NewestFrameSource(capture)
    capture.done.wait()
    frame = source.read(Stop())
    capture.go_on.set()
    source.close()
    assert (frame.index, int(frame.image[0, 0, 0])) == (2, 7)
    assert source.dropped == {"superseded": 2}
    assert source.captured == 3


def test_a_frame_that_was_never_read_is_counted_when_the_source_is_closed():
    capture = ScriptedCapture([IMAGE], waits=True)
    source = NewestFrameSource(capture)
    capture.done.wait()
    capture.go_on.set()
    source.close()
    source.close()
    assert source.dropped == {"unread": 1}
    assert capture.closed == 1


def test_the_last_frame_is_given_before_the_loss_is_told():
    source = NewestFrameSource(ScriptedCapture([IMAGE]))
    assert source.read(Stop()).index == 0
    with pytest.raises(SourceError, match="an end"):
        source.read(Stop())
    source.close()


def test_corrupt_frames_are_counted_and_thirty_in_a_row_lose_the_source():
    source = NewestFrameSource(ScriptedCapture([None] * 100))
    with pytest.raises(SourceError, match="do not decode"):
        source.read(Stop())
    source.close()
    assert source.dropped == {"corrupt": CORRUPT_IN_A_ROW}


def test_a_capture_that_hangs_is_noticed():
    capture = ScriptedCapture([], waits=True)
    source = NewestFrameSource(capture, silence_s=0.05)
    with pytest.raises(SourceError, match=r"got none for 0\.05 seconds"):
        source.read(Stop())
    capture.go_on.set()
    source.close()


def test_waiting_ends_when_a_stop_is_requested():
    capture = ScriptedCapture([], waits=True)
    source = NewestFrameSource(capture, silence_s=60)
    stop = Stop()
    threading.Timer(0.05, stop.request, ["a test"]).start()
    assert source.read(stop) is None
    capture.go_on.set()
    source.close()
