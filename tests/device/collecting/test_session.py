import numpy as np
import pytest
from edgecls_device.collecting.photo_store import PhotoStore
from edgecls_device.collecting.session import collect_photos
from edgecls_device.collecting.window import draw_progress
from edgecls_device.errors import SourceError, StorageError
from edgecls_device.images import read_image
from edgecls_device.sources.protocol import ENDED, CapturedFrame, SourceStatus
from edgecls_device.stop import Stop

from tests.device.collecting.scenes import noisy, scene
from tests.device.test_live import FakeSource


class Script:
    """Controls that press what a script says, a frame each, and note what they were shown."""

    def __init__(self, presses=""):
        self.presses = list(presses)
        self.shown = []

    def poll(self):
        press = self.presses.pop(0) if self.presses else "."
        return {".": "", "t": "take", "q": "quit"}[press]

    def show(self, image, progress):
        self.shown.append(progress)

    def close(self):
        pass


class TimedSource(FakeSource):
    """Gives frames by their own clock; None in place of one is no frame."""

    def __init__(self, images, *, fps, **options):
        super().__init__(images, **options)
        self.time, self.fps = 0, fps

    def read(self, stop):
        if stop.is_requested or not self.images:
            self.status = ENDED
            if self.lost:
                raise self.lost
            return None
        image = self.images.pop(0)
        self.time += 1
        if image is None:
            self.status = SourceStatus(state="lost", trouble="The camera is away.")
            return None
        return CapturedFrame(
            image=image,
            index=self.time,
            source="cam",
            captured_at=0.0,
            captured_ns=self.time * 10**9 // self.fps,
        )


@pytest.fixture
def session(tmp_path):
    def run(images, presses="", *, stop=None, lost=None, fps=10, **options):
        store = PhotoStore(tmp_path / "photos")
        controls = Script(presses)
        source = TimedSource(images, lost=lost, fps=fps)
        done = collect_photos(source, store, "star", controls, stop=stop or Stop(), **options)
        return *done, controls

    return run


def scenes(count):
    return [scene(i) for i in range(count)]


def saved_scenes(directory):
    """Return which scene each photo shows, in order of time."""
    photos = [read_image(path).astype(int) for path in sorted(directory.rglob("*.jpg"))]
    return [
        int(np.argmin([np.abs(photo - scene(i)).mean() for i in range(40)])) for photo in photos
    ]


def test_a_press_takes_the_frame_that_is_seen(session, tmp_path):
    collected, error, _ = session(scenes(10), "..t...t.q")
    assert error is None
    assert saved_scenes(tmp_path) == [2, 6]
    assert (collected.saved, collected.photos, collected.ended_by) == (
        {"star": 2},
        {"star": 2},
        "the user",
    )


def test_a_press_while_no_frame_comes_takes_the_next_one(session, tmp_path):
    collected, _, controls = session([scene(0), None, None, scene(1), scene(2)], ".t...")
    assert saved_scenes(tmp_path) == [1]
    assert controls.shown[1].trouble == "The camera is away."
    assert collected.ended_by == "end"


def test_a_held_key_takes_ten_a_second_at_most(session, tmp_path):
    session(scenes(31), "t" * 31, fps=30)
    assert saved_scenes(tmp_path) == [0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30]


def test_a_held_key_takes_no_near_duplicates(session, tmp_path):
    images = [noisy(scene(i // 5), seed=i) for i in range(20)]
    collected, _, controls = session(images, "t" * 20)
    assert (collected.saved, collected.similar) == ({"star": 4}, 16)
    assert controls.shown[-1].similar == 16
    assert "as one before" in controls.shown[-1].news


def test_a_clock_takes_one_every_so_many_seconds_until_there_are_enough(session, tmp_path):
    collected, _, _ = session(scenes(40), every_s=0.5, count=4)
    assert saved_scenes(tmp_path) == [0, 5, 10, 15]
    assert collected.ended_by == "count"


def test_a_stop_ends_it(session):
    stop = Stop()
    stop.request("Ctrl-C")
    collected, error, _ = session(scenes(3), stop=stop)
    assert (collected.saved, collected.ended_by, error) == ({}, "Ctrl-C", None)


def test_a_lost_source_is_told_after_what_was_saved(session):
    lost = SourceError("The camera is gone.", hint="plug it in")
    collected, error, _ = session(scenes(3), "ttt", lost=lost)
    assert error is lost
    assert (collected.saved, collected.ended_by, collected.error) == (
        {"star": 3},
        "error",
        lost.message,
    )


def test_what_cannot_be_written_ends_it_too(session, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "star").write_text("a file")
    collected, error, _ = session(scenes(3), "ttt")
    assert isinstance(error, StorageError)
    assert (collected.saved, collected.ended_by) == ({}, "error")


def test_a_frame_that_is_no_picture_is_passed_over(session):
    collected, error, _ = session([np.zeros((4, 4, 3), np.float64), scene(1)], "tt")
    assert (collected.saved, error) == ({"star": 1}, None)


@pytest.mark.parametrize("size", [(480, 640), (90, 120), (1080, 1920)])
def test_the_window_draws_on_a_copy(session, size):
    _, _, controls = session(scenes(2), "t.")
    image = scene(1, height=size[0], width=size[1])
    before = image.copy()
    picture = draw_progress(image, controls.shown[0], news="saved star/x.jpg", has_flash=True)
    assert picture.shape == image.shape
    assert np.array_equal(image, before)
    assert not np.array_equal(picture, before)
