import json

import numpy as np
import pytest
from edgecls_device.classifier import Classifier
from edgecls_device.decisions.region import parse_region
from edgecls_device.errors import OptionError, StorageError
from edgecls_device.images import read_image
from edgecls_device.results import Decision
from edgecls_device.sinks.background import BackgroundSink
from edgecls_device.sinks.uncertain import UncertainSink
from edgecls_device.stop import Stop

from tests.device.collecting.scenes import noisy, scene
from tests.device.conftest import FakeBackend
from tests.device.sinks.results import SUMMARY, result
from tests.device.tiny_models import tiny_spec

SURE = (("red", 0.95), ("green", 0.03), ("blue", 0.02))
CLOSE = (("red", 0.48), ("green", 0.42), ("blue", 0.10))


@pytest.fixture
def kept(tmp_path):
    """What a sink keeps, and how to make it."""
    return Kept(tmp_path / "kept")


class Kept:
    def __init__(self, directory):
        self.directory = directory

    def sink(self, **options):
        return UncertainSink(self.directory, quota_bytes=10**7, spec=tiny_spec(), **options)

    def photos(self):
        return sorted(path.parent.name for path in self.directory.rglob("*.jpg"))

    def lines(self):
        text = (self.directory / "uncertain.jsonl").read_text()
        return [json.loads(line) for line in text.splitlines()]


def believed(label, held_s):
    is_unknown = label is None
    return Decision(label=label or "unknown", score=0.5, is_unknown=is_unknown, held_s=held_s)


def watch(sink, *, seconds, scores, label, begin_s=0.0, held_s=0.0, fps=10, **options):
    """Show a sink a scene that changes all the time."""
    for i in range(round(seconds * fps)):
        time_s = begin_s + i / fps
        decision = believed(label, held_s + i / fps)
        image = scene(round(time_s * fps) + 1)
        sink.write(result(*scores, seconds=time_s, image=image, decision=decision, **options))


def test_what_the_model_is_sure_of_is_not_kept(kept):
    watch(sink := kept.sink(), seconds=20, scores=SURE, label="red")
    assert (kept.photos(), sink.kept) == ([], 0)


def test_of_each_stay_one_uncertain_frame_is_kept_with_what_the_model_said(kept):
    sink = kept.sink()
    watch(sink, seconds=30, scores=CLOSE, label="red")
    watch(sink, seconds=30, scores=CLOSE, label="green", begin_s=30)
    watch(sink, seconds=30, scores=CLOSE, label="green", begin_s=60)  # came anew
    assert (kept.photos(), sink.kept) == (["red"] * 3, 3)
    line = kept.lines()[0]
    assert line["why"] == ["low_margin"]
    assert line["label"] == "red"
    assert [item["label"] for item in line["top"]] == ["red", "green", "blue"]
    assert line["time"] == "2023-11-14T22:13:20.500Z"
    assert line["source"] == "photos/a.jpg"
    assert np.abs(read_image(kept.directory / line["file"]).astype(int) - scene(1)).mean() < 3


def test_while_nothing_is_believed_one_is_kept_every_ten_seconds(kept):
    watch(kept.sink(), seconds=35, scores=CLOSE, label=None, is_unknown=True)
    assert kept.photos() == ["unknown"] * 4
    assert kept.lines()[0]["why"] == ["unknown", "low_margin"]


def test_near_duplicates_are_left_out_and_counted(kept):
    sink = kept.sink()
    for i in range(400):
        image = noisy(scene(1), seed=i)
        decision = believed(None, i / 10)
        sink.write(result(*CLOSE, seconds=i / 10, image=image, decision=decision, is_unknown=True))
    assert len(kept.photos()) == 1
    assert sink.similar > 20


def test_still_and_stale_frames_are_passed_over(kept):
    sink = kept.sink()
    watch(sink, seconds=5, scores=CLOSE, label="red", is_still=True)
    watch(sink, seconds=5, scores=CLOSE, label=None, begin_s=5, is_stale=True)
    assert kept.photos() == []


def test_each_photo_of_a_folder_is_a_stay_of_its_own(kept, tmp_path):
    from dataclasses import replace

    sink = kept.sink()
    for i in range(5):
        one = result(*CLOSE, seconds=i / 1000, image=scene(i))
        sink.write(replace(one, frame=replace(one.frame, source=f"photos/{i}.jpg")))
    assert len(kept.photos()) == 5


def second(output, **changes):
    return Classifier(tiny_spec(**changes), FakeBackend(output))


def test_a_second_model_that_disagrees_makes_a_sure_frame_uncertain(kept):
    watch(kept.sink(second=second([0.1, 0.9, 0.0])), seconds=5, scores=SURE, label="red")
    assert kept.photos() == ["red"]
    assert kept.lines()[0]["why"] == ["disagreement"]
    assert kept.lines()[0]["second"] == {"label": "green", "score": 0.9}


def test_a_second_model_that_agrees_changes_nothing_and_is_asked_twice_a_second(kept):
    model = second([0.9, 0.1, 0.0])
    asked = []
    run, model.backend.run = model.backend.run, lambda batch: (asked.append(1), run(batch))[1]
    watch(kept.sink(second=model), seconds=10, scores=SURE, label="red", fps=30)
    assert kept.photos() == []
    assert 18 <= len(asked) <= 21


def test_a_second_model_with_other_labels_is_refused_before_anything_is_made(kept):
    with pytest.raises(OptionError, match="labels red, green, blue, got one with red, green, cat"):
        kept.sink(second=second([1, 0, 0], labels=("red", "green", "cat")))
    assert not kept.directory.exists()


def test_the_order_of_the_second_models_labels_does_not_matter(kept):
    model = second([0.1, 0.0, 0.9], labels=("green", "blue", "red"))
    watch(kept.sink(second=model), seconds=2, scores=SURE, label="red")
    assert kept.photos() == []


def test_the_region_of_interest_is_kept_since_it_is_what_the_model_saw(kept):
    watch(kept.sink(region=parse_region("16,8,64,48")), seconds=1, scores=CLOSE, label="red")
    photo = read_image(next(kept.directory.rglob("*.jpg")))
    assert np.abs(photo.astype(int) - scene(1)[8:56, 16:80]).mean() < 4


def test_a_model_with_one_label_has_no_margin(kept):
    watch(kept.sink(), seconds=2, scores=(("red", 0.9),), label="red")
    assert kept.photos() == []


def test_behind_a_background_sink_a_full_disk_is_counted_and_named(kept):
    inner = kept.sink()
    sink = BackgroundSink(inner, stop=Stop())
    (kept.directory / "to-sort" / "red").write_text("in the way")
    sink.write(result(*CLOSE, image=scene(1)))
    sink.write(result(*SURE, image=scene(2)))
    sink.finish(SUMMARY)
    sink.close()
    assert (sink.counts.given, sink.counts.failed, sink.counts.written) == (2, 1, 1)
    assert "Cannot" in sink.counts.last_error


def test_a_directory_that_cannot_be_made_is_told_at_the_start(kept):
    kept.directory.write_text("a file")
    with pytest.raises(StorageError):
        kept.sink()
