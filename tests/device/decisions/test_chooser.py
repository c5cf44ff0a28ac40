import itertools

import numpy as np
import pytest
from edgecls_device.classifier import Classifier
from edgecls_device.decisions.chooser import FrameChooser
from edgecls_device.decisions.region import parse_region
from edgecls_device.decisions.settings import DecisionSettings
from edgecls_device.decisions.temporal import TemporalDecider
from edgecls_device.errors import FrameError, OptionError
from edgecls_device.live import classify_source
from edgecls_device.stop import Stop

from tests.device.conftest import FakeBackend
from tests.device.decisions.scripted import frame
from tests.device.test_live import FakeSource, ListSink, check_balance
from tests.device.tiny_models import tiny_spec


def chooser(**settings):
    return FrameChooser(DecisionSettings(**settings))


def actions(choose, frames):
    return [choose.look(one).action for one in frames]


def still_camera(seconds, *, fps=10, begin_s=0.0, moving=()):
    """Yield frames of a noisy still scene in which something appears during ``moving`` spans."""
    rng = np.random.default_rng(0)
    for i in range(round(seconds * fps)):
        time_s = begin_s + i / fps
        image = rng.normal(120, 4, (48, 64, 3)).clip(0, 255).astype(np.uint8)
        if any(start <= time_s < end for start, end in moving):
            image[10:30, 10:30] = 250
        yield frame(time_s, image=image)


def test_every_nth_frame_is_taken_beginning_with_the_first():
    assert actions(chooser(every=3), map(frame, range(7))) == [
        "classify", "skip", "skip", "classify", "skip", "skip", "classify",
    ]  # fmt: skip


def test_the_region_is_given_as_a_view():
    image = np.zeros((48, 64, 3), np.uint8)
    look = chooser(roi=parse_region("8,8,16,24")).look(frame(0, image=image))
    assert look.image.shape == (24, 16, 3)
    assert np.shares_memory(look.image, image)


def test_a_region_outside_of_the_first_frame_is_an_option_that_cannot_be_honoured():
    with pytest.raises(OptionError, match="inside the frame of 64x48"):
        chooser(roi=parse_region("0,0,640,480")).look(frame(0))


def test_a_region_outside_of_a_later_smaller_frame_drops_that_frame_only():
    choose = chooser(roi=parse_region("0,0,64,48"))
    choose.look(frame(0))
    with pytest.raises(FrameError, match="inside the frame of 20x20"):
        choose.look(frame(1, image=np.zeros((20, 20, 3), np.uint8)))
    assert choose.look(frame(2)).action == "classify"


@pytest.mark.parametrize("shape", [(0, 0, 3), (5,), (0, 64, 3)])
def test_a_frame_without_pixels_is_refused(shape):
    with pytest.raises(FrameError, match="with pixels"):
        chooser(roi=parse_region("0,0,64,48")).look(frame(0, image=np.zeros(shape, np.uint8)))


def test_a_scene_is_still_after_two_seconds_and_looked_at_again_every_ten():
    seen = actions(chooser(motion_share=0.005), still_camera(40))
    looked = [i / 10 for i, action in enumerate(seen) if action == "classify"]
    assert looked[:20] == [i / 10 for i in range(20)]
    again = [b for a, b in itertools.pairwise(looked) if b - a > 1]
    assert len(again) == 3
    assert 11 <= again[0] <= 12
    assert 10 <= again[1] - again[0] <= 11
    assert len(looked) < 20 + 3 * 7


def test_without_smoothing_a_single_look_is_enough():
    seen = actions(chooser(motion_share=0.005, smoothing="none"), still_camera(30))
    assert seen[20:].count("classify") == 2


def test_motion_is_looked_at_at_once_and_for_two_seconds_more():
    seen = actions(chooser(motion_share=0.005), still_camera(14, moving=[(5, 6)]))
    assert set(seen[25:50]) == {"still"}
    assert set(seen[50:80]) == {"classify"}
    assert "still" in seen[110:]


def test_only_motion_inside_of_the_region_counts():
    settings = {"motion_share": 0.005, "roi": parse_region("32,0,32,48")}
    seen = actions(chooser(**settings), still_camera(9, moving=[(5, 6)]))
    assert set(seen[25:]) == {"still"}


def test_after_a_gap_the_scene_is_looked_at_again():
    choose = chooser(motion_share=0.005)
    assert actions(choose, still_camera(5))[-1] == "still"
    assert actions(choose, still_camera(1, begin_s=15))[0] == "classify"


def test_in_a_run_every_frame_is_accounted_for_and_still_ones_keep_the_prediction():
    settings = DecisionSettings(every=2, motion_share=0.005, roi=parse_region("0.0,0.0,1.0,0.5"))
    images = [one.image for one in still_camera(6)]
    times = iter(still_camera(6))
    source, sink = FakeSource(images), ListSink()
    read = source.read
    source.read = lambda stop: next(times) if read(stop) is not None else None
    spec = tiny_spec()
    summary = classify_source(
        source,
        Classifier(spec, FakeBackend((0.02, 0.97, 0.01))),
        [sink],
        stop=Stop(),
        chooser=FrameChooser(settings),
        decider=TemporalDecider(settings, spec, "cam"),
    )
    check_balance(summary)
    assert (summary.results, summary.dropped) == (30, {"skipped": 30})
    assert summary.still == 20
    assert sink.results[-1].is_still
    assert sink.results[-1].decision.label == "green"
    assert sink.results[-1].decision.held_s > 4
    assert summary.events == 1
