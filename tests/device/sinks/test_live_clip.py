import random
import signal
import subprocess
import sys
import time

import cv2
import pytest
from edgecls_device.errors import OptionError, StorageError
from edgecls_device.sinks import live_clip
from edgecls_device.sinks.avi_file import AviFile, recover
from edgecls_device.sinks.background import BackgroundSink
from edgecls_device.sinks.live_clip import LiveClipSink
from edgecls_device.stop import Stop

from tests.device.conftest import picture
from tests.device.sinks.clips import frames_in
from tests.device.sinks.disks import fill, small_disk
from tests.device.sinks.results import SUMMARY, result

__all__ = ["small_disk"]


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def record(path, seconds, **options):
    """Record results captured at these seconds."""
    sink = LiveClipSink(path, **options)
    for one in seconds:
        sink.write(result(seconds=one))
    sink.finish(SUMMARY)
    sink.close()
    sink.close()


def test_a_live_clip_plays_as_fast_as_it_happened(tmp_path):
    record(tmp_path / "out.avi", (10.0, 10.01, 10.5, 11.0))  # a burst, then gaps
    assert frames_in(tmp_path / "out.avi") == (16, 15.0)
    assert names(tmp_path) == ["out.avi"]


def test_a_long_gap_is_left_out_and_what_follows_keeps_the_time(tmp_path):
    record(tmp_path / "out.avi", (10.0, 10.5, 5000.0, 5000.5))
    frames, _ = frames_in(tmp_path / "out.avi")
    assert frames == 15 * 11 + 1


def test_a_part_that_is_full_becomes_an_older_one(tmp_path):
    record(tmp_path / "out.avi", [i / 15 + 0.001 for i in range(40)], part_s=1.0)
    assert names(tmp_path) == ["out.1.avi", "out.2.avi", "out.avi"]
    counts = [frames_in(tmp_path / name)[0] for name in ("out.2.avi", "out.1.avi", "out.avi")]
    assert counts == [15, 15, 10]


def test_a_clip_that_is_there_is_not_overwritten(tmp_path):
    record(tmp_path / "out.avi", [0.0])
    record(tmp_path / "out.avi", [0.0, 1.0])
    assert [frames_in(tmp_path / name)[0] for name in ("out.1.avi", "out.avi")] == [1, 16]


def test_all_parts_together_stay_within_their_quota(tmp_path):
    record(
        tmp_path / "out.avi",
        [i / 15 + 0.001 for i in range(300)],
        part_bytes=40_000,
        quota_bytes=200_000,
        part_s=600,
    )
    assert 2 <= len(names(tmp_path)) <= 6
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 200_000


def test_a_run_without_results_leaves_nothing(tmp_path):
    record(tmp_path / "out.avi", [])
    assert names(tmp_path) == []


def test_what_was_recorded_is_kept_without_a_finish(tmp_path):
    sink = LiveClipSink(tmp_path / "out.avi")
    sink.write(result())
    sink.close()
    assert frames_in(tmp_path / "out.avi")[0] == 1


def test_pictures_of_other_sizes_are_fitted_into_the_first(tmp_path):
    sink = LiveClipSink(tmp_path / "out.avi")
    sink.write(result(image=picture("red", height=480, width=640)))
    sink.write(result(image=picture("red", height=300, width=500), seconds=1.0))
    sink.close()
    assert frames_in(tmp_path / "out.avi")[0] == 16


def test_a_place_that_cannot_be_written_is_refused_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        LiveClipSink(tmp_path / "file" / "out.avi")
    with pytest.raises(OptionError, match=r"\.avi"):
        LiveClipSink(tmp_path / "out.mp4")


WRITER = """
import sys
from pathlib import Path
from edgecls_device.sinks.live_clip import LiveClipSink
from tests.device.conftest import picture
from tests.device.sinks.results import result
sink = LiveClipSink(Path(sys.argv[1]), part_s=2.0)
image = picture("red", height=240, width=320)
for i in range(10**6):
    sink.write(result(seconds=i / 15 + 0.001, image=image))
    if i == 10:
        print("ready", flush=True)
"""


def test_a_process_killed_at_any_moment_leaves_clips_that_play(tmp_path):
    rng, path = random.Random(5), tmp_path / "out.avi"
    for _ in range(3):
        command = [sys.executable, "-c", WRITER, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            writer.stdout.readline()
            time.sleep(rng.uniform(0.0, 0.3))
            writer.send_signal(signal.SIGKILL)
        before = len(names(tmp_path))
        LiveClipSink(path).close()  # as the next start does
        assert "out.part.avi" not in names(tmp_path)
        assert len(names(tmp_path)) in {before, before - 1}
    for one in tmp_path.iterdir():
        capture = cv2.VideoCapture(str(one), cv2.CAP_FFMPEG)
        said = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        capture.release()
        assert frames_in(one) == (said, 15.0)
        assert said > 0


def test_a_clip_cut_off_anywhere_is_recovered_to_its_last_whole_frame(tmp_path):
    jpeg = cv2.imencode(".jpg", picture("red"))[1].tobytes()
    path = tmp_path / "a.avi"
    clip = AviFile(path, height=48, width=64, rate=15.0)
    ends = [0]
    for _ in range(5):
        clip.append(jpeg)
        ends.append(clip.size_bytes)
    clip.finish()
    whole = path.read_bytes()
    for cut in (*range(0, 300, 7), *range(300, len(whole), 41), len(whole)):
        path.write_bytes(whole[:cut])
        frames = sum(cut >= end for end in ends[1:])
        assert recover(path) == frames
        if frames:
            assert frames_in(path)[0] == frames
        else:
            assert path.read_bytes() == whole[:cut]
    assert path.read_bytes() == whole


def test_a_frame_that_a_power_loss_left_as_zeros_is_cut_off(tmp_path):
    jpeg = cv2.imencode(".jpg", picture("red"))[1].tobytes()
    path = tmp_path / "a.avi"
    clip = AviFile(path, height=48, width=64, rate=15.0)
    clip.append(jpeg)
    clip.append(jpeg)
    data = path.read_bytes()
    path.write_bytes(data[:-200] + b"\0" * 200)
    assert recover(path) == 1
    assert frames_in(path)[0] == 1
    clip.finish()


def test_a_file_of_others_under_the_name_of_a_part_is_left_alone(tmp_path):
    path = tmp_path / "out.part.avi"
    path.write_bytes(b"RIFF\0\0\0\0AVI " + b"x" * 1000)
    with pytest.raises(StorageError, match=r"out\.part\.avi.*another file has this name"):
        LiveClipSink(tmp_path / "out.avi")
    assert path.stat().st_size == 1012


def test_a_full_disk_sheds_and_counts_and_the_clips_still_play(small_disk, monkeypatch):
    monkeypatch.setattr(live_clip, "LOOK_S", 0.0)
    path = small_disk / "out.avi"
    inner = LiveClipSink(path, part_s=1.0, free_bytes=0)
    sink = BackgroundSink(inner, stop=Stop(), capacity=10**4)
    for i in range(10):
        sink.write(result(seconds=i / 15 + 0.001))
    wait_for(sink)
    fill(small_disk / "others")
    for i in range(10, 200):
        sink.write(result(seconds=i / 15 + 0.001))
    wait_for(sink)
    assert sink.counts.failed > 50
    assert sink.counts.is_failing
    (small_disk / "others").unlink()
    sink.write(result(seconds=20.0))
    wait_for(sink)
    assert not sink.counts.is_failing
    sink.finish(SUMMARY)
    sink.close()
    parts = sorted(small_disk.glob("out*.avi"))
    assert all(frames_in(part)[0] > 0 for part in parts)


def test_on_an_almost_full_disk_as_much_goes_of_the_oldest_as_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(live_clip, "LOOK_S", 0.0)
    record(tmp_path / "out.avi", [i / 15 + 0.001 for i in range(90)], part_s=1.0)
    older = len(names(tmp_path))
    assert older == 6
    record(tmp_path / "out.avi", [0.0, 0.1], free_bytes=1 << 62)
    assert len(names(tmp_path)) == older  # one came, one went
    alone = tmp_path / "alone" / "out.avi"
    with pytest.raises(StorageError, match="almost full"):
        record(alone, [0.0], free_bytes=1 << 62)


def wait_for(sink):
    end = time.monotonic() + 20
    while sink.counts.waiting:
        assert time.monotonic() < end
        time.sleep(0.01)
