import json

import cv2
import numpy as np
import pytest
from edgecls_device.errors import StorageError
from edgecls_device.images import read_image
from edgecls_device.jpeg import comment_of
from edgecls_device.records import decode
from edgecls_device.results import Event
from edgecls_device.sinks.background import BackgroundSink
from edgecls_device.sinks.snapshots import SnapshotSink
from edgecls_device.stop import Stop

from tests.device.conftest import picture
from tests.device.sinks.disks import fill, small_disk
from tests.device.sinks.results import SUMMARY, event, result

__all__ = ["small_disk"]


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def colors(directory):
    means = [read_image(path).reshape(-1, 3).mean(axis=0) for path in sorted(directory.iterdir())]
    return [("blue", "green", "red")[int(np.argmax(mean))] for mean in means]


def test_what_comes_is_saved_as_a_clean_picture_that_says_what_it_shows(tmp_path):
    sink = SnapshotSink(tmp_path / "shots", quota_bytes=10**6)
    one = result(("<b>猫/..</b>", 0.9), image=picture("red"))
    came = event(label="<b>猫/..</b>")
    sink.write(one)
    sink.notify(came, one)
    (path,) = (tmp_path / "shots").iterdir()
    assert path.name == "20231114T221320.500Z-b-猫-b-1a2b3c4d-1-entered.jpg"
    assert abs(read_image(path).astype(int) - picture("red")).max() < 10
    record = json.loads(comment_of(path.read_bytes()))
    assert record["kind"] == "edgecls.snapshot"
    assert decode(Event, record["event"], "event") == came
    assert record["result"]["label"] == "<b>猫/..</b>"


def test_when_it_goes_the_surest_picture_of_its_stay_is_saved_too(tmp_path):
    sink = SnapshotSink(tmp_path, quota_bytes=10**6)
    shots = [
        result(("cat", 0.6), image=picture("red"), seconds=0),
        result(("cat", 0.9), image=picture("green"), seconds=1),
        result(("cat", 0.7), image=picture("blue"), seconds=2),
        result(("dog", 0.99), image=picture("blue"), seconds=3),
    ]
    sink.write(shots[0])
    sink.notify(event(), shots[0])
    for shot in shots[1:]:
        sink.write(shot)
    sink.notify(event("left"), shots[-1])
    assert [name.split("-")[-1] for name in names(tmp_path)] == ["entered.jpg", "best.jpg"]
    assert colors(tmp_path) == ["red", "green"]


def test_a_stay_whose_first_picture_was_the_best_is_one_file(tmp_path):
    sink = SnapshotSink(tmp_path, quota_bytes=10**6)
    first = result(("cat", 0.9))
    sink.notify(event(), first)
    sink.write(result(("cat", 0.8)))
    sink.notify(event("left", ended_by="source_lost"), None)
    sink.notify(event("left", number=7), None)
    assert len(names(tmp_path)) == 1


def test_a_label_of_a_book_s_length_still_fits(tmp_path):
    sink = SnapshotSink(tmp_path, quota_bytes=10**6)
    sink.notify(event(label="x" * 100_000), result(("x" * 100_000, 1.0)))
    (path,) = tmp_path.iterdir()
    assert json.loads(comment_of(path.read_bytes()))["kind"] == "edgecls.snapshot"


def test_the_oldest_snapshots_make_room(tmp_path):
    size = len(cv2.imencode(".jpg", picture("red"))[1])
    sink = SnapshotSink(tmp_path, quota_bytes=6 * (size + 1200))
    for i in range(20):
        sink.notify(event(number=i), result(seconds=i))
    left = names(tmp_path)
    assert 5 <= len(left) <= 8
    assert "-19-" in left[-1]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 6 * (size + 1200)


def test_a_full_disk_sheds_and_counts_and_resumes(small_disk):
    sink = BackgroundSink(SnapshotSink(small_disk, quota_bytes=10**9), stop=Stop())
    fill(small_disk / "others")
    for i in range(5):
        sink.notify(event(number=i), result(seconds=i))
    while sink.counts.waiting:
        pass
    assert sink.counts.failed == 5
    assert sink.counts.is_failing
    assert "almost full" in sink.counts.last_error
    (small_disk / "others").unlink()
    sink.notify(event(number=9), result(seconds=9))
    sink.finish(SUMMARY)
    sink.close()
    assert sink.counts.written == 1
    assert not sink.counts.is_failing
    assert len(names(small_disk)) == 1


def test_a_place_that_cannot_be_written_is_refused_at_the_start(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError) as caught:
        SnapshotSink(tmp_path / "file", quota_bytes=1)
    assert caught.value.hint
