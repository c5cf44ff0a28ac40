import pytest
from edgecls_device.errors import OptionError, StorageError
from edgecls_device.live import classify_source
from edgecls_device.sinks.clip import ClipSink
from edgecls_device.sources.table import open_source
from edgecls_device.stop import Stop

from tests.device.conftest import picture
from tests.device.sinks.clips import frames_in
from tests.device.sinks.results import result


def test_a_clip_has_every_frame_of_a_video(clip, classifier, tmp_path):
    path = tmp_path / "out.avi"
    source = open_source(str(clip))
    sink = ClipSink(path, frame_rate=source.frame_rate)
    summary = classify_source(source, classifier, [sink], stop=Stop())
    assert not path.exists()
    sink.finish(summary)
    sink.close()
    assert frames_in(path) == (60, 10.0)
    assert list(tmp_path.glob(".out*")) == []


def test_pictures_of_other_sizes_are_fitted_into_the_first(tmp_path):
    path = tmp_path / "out.avi"
    sink = ClipSink(path, frame_rate=1.0)
    sink.write(result())
    sink.write(result(image=picture("red", height=300, width=500)))
    sink.finish(None)
    sink.close()
    assert frames_in(path)[0] == 2


def test_a_clip_that_is_not_finished_leaves_nothing(tmp_path):
    sink = ClipSink(tmp_path / "out.avi", frame_rate=1.0)
    sink.write(result())
    sink.close()
    sink.close()
    assert list(tmp_path.iterdir()) == []


def test_a_clip_without_frames_leaves_nothing(tmp_path):
    sink = ClipSink(tmp_path / "out.avi", frame_rate=1.0)
    sink.finish(None)
    sink.close()
    assert list(tmp_path.iterdir()) == []


def test_a_clip_that_lost_frames_is_an_error_and_leaves_nothing(tmp_path):
    sink = ClipSink(tmp_path / "out.avi", frame_rate=1.0)
    sink.write(result())
    sink._written += 1  # what a full disk does to OpenCV's writer
    with pytest.raises(StorageError, match="1 of 2 frames"):
        sink.finish(None)
    sink.close()
    assert list(tmp_path.iterdir()) == []


def test_a_clip_of_another_kind_is_refused(tmp_path):
    with pytest.raises(OptionError, match=r"\.avi"):
        ClipSink(tmp_path / "out.mp4", frame_rate=1.0)


def test_a_clip_where_nothing_can_be_written_is_an_error_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        ClipSink(tmp_path / "file" / "out.avi", frame_rate=1.0)
