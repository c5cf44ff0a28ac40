import threading
import time

import numpy as np
import pytest
from edgecls_device.errors import SourceError
from edgecls_device.sources.capture_child import BAD_IN_A_ROW, Giver, capture
from edgecls_device.sources.captures import CaptureEnd
from edgecls_device.sources.frame_slot import MAX_FRAME_PIXELS, FrameSlot, create_slot
from edgecls_device.sources.frozen import SameWatch

FRAME = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)


class ScriptedCapture:
    """Gives what it is told, then comes to its end."""

    name, description, frame_rate = "scripted", "", 0.0

    def __init__(self, images):
        self.images = list(images)
        self.superseded = 0

    def read(self):
        if not self.images:
            raise CaptureEnd
        return self.images.pop(0)

    def close(self):
        pass


@pytest.fixture
def slot():
    made = create_slot()
    yield made
    made.close()


@pytest.fixture
def headers():
    return []


@pytest.fixture
def giver(slot, headers):
    return Giver(slot, headers.append, frozen_after_s=0.001)


def run(images, giver):
    with pytest.raises(CaptureEnd):
        capture(ScriptedCapture(images), giver, SameWatch())


def test_only_the_newest_frame_is_given_and_only_when_it_is_asked_for(slot, headers, giver):
    run([FRAME, FRAME + 1, FRAME + 2], giver)
    assert headers == []
    giver.ask()
    (header,) = headers
    assert (header.index, header.height, header.width) == (2, 6, 8)
    assert np.array_equal(slot.read(6, 8), FRAME + 2)
    assert (slot.counters.captured, slot.counters.superseded) == (3, 2)


def test_a_frame_that_was_asked_for_is_given_as_it_comes(headers, giver):
    giver.ask()
    run([FRAME, FRAME + 1, FRAME + 2], giver)
    assert [header.index for header in headers] == [0]


@pytest.mark.parametrize(
    ("odd", "expected"),
    [
        (np.full((6, 8), 9, np.uint8), 9),
        (np.full((6, 8, 1), 9, np.uint8), 9),
        (np.full((6, 8, 3), 9 * 256 + 7, np.uint16), 9),
        (np.dstack([np.full((6, 8, 3), 9, np.uint8), np.full((6, 8), 255, np.uint8)]), 9),
        (np.dstack([np.full((6, 8, 3), 9, np.uint8), np.zeros((6, 8), np.uint8)]), 255),
        (np.full((12, 8, 3), 9, np.uint8)[::2], 9),
        (np.full((6, 8, 3), 9, np.uint8)[:, ::-1], 9),
    ],
    ids=["grey", "grey of one channel", "16 bit", "opaque", "transparent", "strided", "mirrored"],
)
def test_odd_frames_become_bgr(slot, headers, giver, odd, expected):
    giver.ask()
    run([odd], giver)
    header = headers[0]
    image = slot.read(header.height, header.width)
    assert (image.shape, image.dtype) == ((6, 8, 3), np.uint8)
    assert (image == expected).all()


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (None, "corrupt"),
        (np.zeros((0, 0, 3), np.uint8), "unusable"),
        (np.zeros((4, 4, 5), np.uint8), "unusable"),
        (np.zeros((4, 4, 3), np.float32), "unusable"),
        (np.zeros(7, np.uint8), "unusable"),
    ],
    ids=["not decoded", "empty", "5 channels", "float", "flat"],
)
def test_frames_that_are_no_pictures_are_counted_by_name(slot, headers, giver, bad, reason):
    giver.ask()
    run([bad, FRAME, bad], giver)
    counted = slot.counters
    assert [header.index for header in headers] == [1]
    assert (counted.captured, getattr(counted, reason)) == (3, 2)
    images = [bad] * (BAD_IN_A_ROW - 1) + [FRAME] + [bad] * BAD_IN_A_ROW
    with pytest.raises(SourceError, match=f"{BAD_IN_A_ROW} in a row"):
        capture(ScriptedCapture(images), giver, SameWatch())


def test_a_frame_larger_than_any_camera_is_counted_by_name(slot, headers, giver):
    huge = np.broadcast_to(FRAME[:1, :1], (1, MAX_FRAME_PIXELS + 1, 3))
    giver.ask()
    giver.put(huge, captured_ns=1, captured_at=0.0, same_since_ns=1)
    assert (headers, slot.counters.unusable) == ([], 1)


def test_frames_that_a_capture_passed_over_are_counted(slot, giver):
    class Passing(ScriptedCapture):
        def read(self):
            self.superseded += 2
            return super().read()

    with pytest.raises(CaptureEnd):
        capture(Passing([FRAME, FRAME]), giver, SameWatch())
    assert (slot.counters.captured, slot.counters.superseded) == (6, 5)


def test_a_header_says_since_when_the_picture_is_the_same(headers, giver):
    giver.ask()
    giver.put(FRAME, captured_ns=5_000_000, captured_at=0.0, same_since_ns=1_000_000)
    assert (headers[0].same_since_ns, headers[0].captured_ns) == (1_000_000, 5_000_000)
    assert headers[0].crc != 0


def test_the_other_end_sees_a_slot_that_has_grown_and_the_counters(slot):
    import os

    other = FrameSlot(os.dup(slot.fd))
    for side in (4, 300, 20, 900):
        image = np.random.default_rng(side).integers(0, 256, (side, side + 1, 3), np.uint8)
        slot.write(image)
        slot.count("captured")
        assert np.array_equal(other.read(side, side + 1), image)
    assert other.counters.captured == 4
    other.close()


def test_the_last_frame_is_waited_for_until_it_is_taken_or_nobody_wants_it(giver):
    run([FRAME], giver)
    giver.wait_taken(0.01)
    threading.Timer(0.05, giver.ask).start()
    start = time.monotonic()
    giver.wait_taken(10)
    run([FRAME], giver)
    threading.Timer(0.05, giver.end).start()
    giver.wait_taken(10)
    assert time.monotonic() - start < 5
