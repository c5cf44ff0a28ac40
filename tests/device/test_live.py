import numpy as np
import pytest
from edgecls_device.classifier import Classifier
from edgecls_device.errors import ArtifactError, SourceError
from edgecls_device.live import classify_source
from edgecls_device.sinks.direct import DirectSink
from edgecls_device.sources.protocol import DELIVERING, ENDED, captured_now
from edgecls_device.stop import Stop

from tests.device.conftest import FakeBackend
from tests.device.tiny_models import tiny_spec

IMAGE = np.zeros((20, 30, 3), np.uint8)


class FakeSource:
    name, description, is_live, frame_rate = "fake", "", False, 0.0
    problems = ()

    def __init__(self, images, *, lost=None, dropped=None):
        self.images = list(images)
        self.lost = lost
        self.dropped = dropped or {}
        self.given = 0
        self.closed = False
        self.status = DELIVERING

    @property
    def captured(self):
        return self.given + sum(self.dropped.values())

    def read(self, stop):
        if stop.is_requested:
            return None
        if self.given == len(self.images):
            if self.lost:
                raise self.lost
            self.status = ENDED
            return None
        self.given += 1
        return captured_now(self.images[self.given - 1], index=self.captured - 1, source="fake")

    def close(self):
        self.closed = True


class ListSink(DirectSink):
    name = "list"

    def __init__(self, after=None):
        self.results = []
        self.after = after

    def write(self, result):
        self.results.append(result)
        if self.after:
            self.after()


def check_balance(summary):
    assert summary.captured == summary.results + sum(summary.dropped.values())


def test_every_frame_ends_as_a_result_or_in_a_counter(classifier):
    images = [IMAGE, np.zeros((0, 0, 3), np.uint8), IMAGE, np.zeros((4, 4, 3), np.float64)]
    source, sink = FakeSource(images, dropped={"superseded": 5}), ListSink()
    summary = classify_source(source, classifier, [sink], stop=Stop())
    check_balance(summary)
    assert summary.results == len(sink.results) == 2
    assert summary.dropped == {"superseded": 5, "not_a_picture": 2}
    assert "Expected a frame" in summary.problems[0]
    assert source.closed


def test_a_limit_ends_the_run(classifier):
    summary = classify_source(FakeSource([IMAGE] * 9), classifier, [], stop=Stop(), limit=4)
    assert (summary.results, summary.ended_by) == (4, "limit")


def test_a_stop_ends_the_run_between_two_frames(classifier):
    stop = Stop()
    sink = ListSink(after=lambda: stop.request("a key"))
    summary = classify_source(FakeSource([IMAGE] * 9), classifier, [sink], stop=stop)
    assert (summary.results, summary.ended_by) == (1, "a key")


def test_a_lost_source_is_told_and_not_raised(classifier):
    lost = SourceError("Expected frames, got an end.", hint="start again")
    summary = classify_source(FakeSource([IMAGE], lost=lost), classifier, [], stop=Stop())
    assert (summary.results, summary.ended_by, summary.error) == (1, "source lost", lost)


def test_a_model_that_fails_ends_the_run_and_closes_the_source():
    source = FakeSource([IMAGE])
    broken = Classifier(tiny_spec(), FakeBackend([np.nan, 0, 0]))
    with pytest.raises(ArtifactError, match="NaN"):
        classify_source(source, broken, [], stop=Stop())
    assert source.closed


def test_a_result_says_how_old_it_is_and_how_fast_they_come(classifier):
    sink = ListSink()
    classify_source(FakeSource([IMAGE] * 3), classifier, [sink], stop=Stop(), k=2)
    assert [result.frame.index for result in sink.results] == [0, 1, 2]
    assert sink.results[0].frames_per_second == 0
    assert sink.results[2].frames_per_second > 0
    assert all(result.age_ms >= result.prediction.inference_ms for result in sink.results)
    assert len(sink.results[0].prediction.top) == 2
