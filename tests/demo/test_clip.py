from itertools import islice

import numpy as np
import pytest
from edgecls_device.sources.table import open_source
from edgecls_device.stop import Stop

from edgecls.demo import clip
from edgecls.demo.acts import ACT_S, AWAY_PX, BEGIN_S, END_S, STORY, make_act, on_desk
from edgecls.demo.clip import CLIP_FRAMES, FRAME_RATE, clip_frames, write_clip


@pytest.fixture(scope="module")
def acts():
    rng = np.random.default_rng(0)
    return [make_act(label, rng, is_drawn_live=is_live) for label, is_live in STORY]


def first(seed, count):
    frames = clip_frames(seed)
    taken = list(islice(frames, count))
    frames.close()
    return taken


def test_frames_are_those_of_a_camera_and_repeatable():
    frames = first(0, 2)
    assert all(frame.shape == (480, 640, 3) and frame.dtype == np.uint8 for frame in frames)
    assert (frames[0] != frames[1]).any()
    np.testing.assert_array_equal(frames, first(0, 2))
    assert (frames[0] != first(1, 1)[0]).any()


def test_every_shape_has_its_act():
    assert {label for label, _ in STORY} == {"circle", "star", "triangle", "square"}
    assert round(len(STORY) * ACT_S * FRAME_RATE) == CLIP_FRAMES
    assert 9 < CLIP_FRAMES / FRAME_RATE < 12


def test_a_sheet_comes_is_drawn_on_and_goes(acts):
    center = np.array([acts[0].blank.color.shape[1] / 2, acts[0].blank.color.shape[0] / 2, 1.0])

    def middle(time_s):
        return (on_desk(acts, time_s)[0][1] @ center)[0]

    assert middle(0.0) == pytest.approx(AWAY_PX)
    assert middle(ACT_S / 2) == pytest.approx(0.0)
    assert middle(ACT_S - 1e-9) == pytest.approx(-AWAY_PX)


def test_ink_grows_under_the_pen(acts):
    act = acts[0]
    assert act.is_drawn_live
    times = np.linspace(BEGIN_S, END_S, 6)
    drawn = [(on_desk(acts, t)[0][0].color != act.blank.color).sum() for t in times]
    assert drawn[0] == 0
    assert drawn == sorted(drawn)
    assert drawn[-1] == (act.inked.color != act.blank.color).sum() > 0
    assert len(on_desk(acts, (BEGIN_S + END_S) / 2)) == 2  # sheet and pen
    assert len(on_desk(acts, 0.0)) == 1


def test_a_sheet_that_comes_ready_has_its_drawing_and_no_pen(acts):
    placed = on_desk(acts, ACT_S * 1.5)
    assert len(placed) == 1
    assert placed[0][0] is acts[1].inked


def test_stopping_leaves_no_clip(tmp_path):
    def stop(steps=1):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_clip(tmp_path / "clip.avi", seed=0, on_progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_the_clip_is_a_source_with_all_its_frames(tmp_path, monkeypatch):
    monkeypatch.setattr(clip, "CLIP_FRAMES", 12)
    ticks = []
    write_clip(tmp_path / "clip.avi", seed=0, on_progress=lambda steps=1: ticks.append(steps))
    source = open_source(str(tmp_path / "clip.avi"))
    frames = list(iter(lambda: source.read(Stop()), None))
    assert len(frames) == len(ticks) == 12
    assert source.frame_rate == FRAME_RATE
    assert frames[0].image.shape == (480, 640, 3)
