import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from edgecls_device.errors import StorageError
from edgecls_device.sinks import rotation
from edgecls_device.sinks.background import BackgroundSink
from edgecls_device.sinks.json_file import JsonFileSink
from edgecls_device.sinks.rotation import RotatingFile
from edgecls_device.stop import Stop

from tests.device.sinks.disks import fill, small_disk
from tests.device.sinks.results import SUMMARY, event, result

__all__ = ["small_disk"]

LINE = b'{"n": 123456789}\n'


def frames_in(path):
    return [json.loads(line)["frame"] for line in path.read_text().splitlines()]


def write_frames(path, frames, **options):
    sink = JsonFileSink(path, **options)
    for index in frames:
        sink.write(result(index=index))
    sink.finish(SUMMARY)
    sink.close()


def test_results_and_events_are_lines_and_an_older_file_is_kept(tmp_path):
    path = tmp_path / "new" / "log.jsonl"
    write_frames(path, [0, 1])
    sink = JsonFileSink(path)
    sink.write(result(index=2))
    sink.notify(event(), result())
    sink.close()
    sink.close()
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert [record.get("frame") for record in records] == [0, 1, 2, None]
    assert records[3]["kind"] == "edgecls.event"


def test_a_full_file_becomes_the_first_of_the_older_ones(tmp_path):
    path = tmp_path / "log.jsonl"
    size = len(json.dumps({}))
    write_frames(path, range(40), rotate_bytes=2000, keep=3)
    older = [tmp_path / f"log.jsonl.{i}" for i in (1, 2, 3)]
    assert sorted(tmp_path.iterdir()) == [path, *older]
    assert all(size < one.stat().st_size <= 2000 for one in [path, *older])
    frames = [frame for one in [*reversed(older), path] for frame in frames_in(one)]
    assert frames == list(range(frames[0], 40))


def test_with_none_to_keep_a_full_file_is_thrown_away(tmp_path):
    write_frames(tmp_path / "log.jsonl", range(20), rotate_bytes=2000, keep=0)
    assert [one.name for one in tmp_path.iterdir()] == ["log.jsonl"]
    assert frames_in(tmp_path / "log.jsonl")[-1] == 19


def test_a_gap_that_a_kill_between_two_renames_left_is_filled_and_nothing_lost(tmp_path):
    path = tmp_path / "log"
    for number, text in ((2, "two"), (3, "three")):
        (tmp_path / f"log.{number}").write_text(text)
    file = RotatingFile(path, rotate_bytes=20, keep=3)
    file.append(LINE)
    file.append(LINE)
    file.close()
    assert (tmp_path / "log.1").read_bytes() == path.read_bytes() == LINE
    assert [(tmp_path / f"log.{i}").read_text() for i in (2, 3)] == ["two", "three"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b""),
        (LINE, LINE),
        (LINE + b'{"n": 1', LINE),
        (b'{"n": 1', b""),
        (LINE + b"\0" * 500, LINE),
        (LINE + b'{"n": 1}', LINE + b'{"n": 1}\n'),
        (b"a note of mine", b"a note of mine\n"),
    ],
)
def test_a_torn_last_line_is_cut_off_and_the_text_of_others_only_ended(tmp_path, before, after):
    path = tmp_path / "log"
    path.write_bytes(before)
    file = RotatingFile(path, rotate_bytes=10**6, keep=1)
    file.append(LINE)
    file.close()
    assert path.read_bytes() == after + LINE


def test_a_line_longer_than_a_file_may_be_is_still_written(tmp_path):
    file = RotatingFile(tmp_path / "log", rotate_bytes=20, keep=9)
    for _ in range(3):
        file.append(b"x" * 50 + b"\n")
    file.close()
    assert [one.stat().st_size for one in tmp_path.iterdir()] == [51] * 3


@pytest.mark.parametrize("move", [lambda p: p.rename(f"{p}.moved"), lambda p: p.unlink()])
def test_a_file_that_somebody_moved_away_is_made_again(tmp_path, monkeypatch, move):
    monkeypatch.setattr(rotation, "LOOK_S", 0.0)
    path = tmp_path / "log"
    file = RotatingFile(path, rotate_bytes=10**6, keep=1)
    file.append(LINE)
    move(path)
    file.append(LINE)
    assert path.read_bytes() == LINE
    path.write_bytes(b"")  # as logrotate's copytruncate does
    file.append(LINE)
    file.close()
    assert path.read_bytes() == LINE


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo"):
        with pytest.raises(StorageError, match="Expected a file to write lines to"):
            JsonFileSink(path)


def test_a_full_disk_sheds_counts_and_resumes_without_a_torn_line(small_disk):
    path = small_disk / "log.jsonl"
    sink = BackgroundSink(JsonFileSink(path, rotate_bytes=10**9), stop=Stop(), capacity=10**4)
    sink.write(result(index=0))
    wait_for(sink, written=1)
    fill(small_disk / "others")
    for index in range(1, 41):  # some still fit into the last page
        sink.write(result(index=index))
    wait_for(sink)
    middle = sink.counts
    assert middle.failed >= 20
    assert middle.is_failing
    assert "No space left" in middle.last_error
    (small_disk / "others").unlink()
    sink.write(result(index=41))
    sink.finish(SUMMARY)
    sink.close()
    counts = sink.counts
    assert counts.given == counts.written + counts.failed == 42
    assert not counts.is_failing
    frames = frames_in(path)
    assert len(frames) == counts.written
    assert (frames[0], frames[-1]) == (0, 41)


def wait_for(sink, written=0):
    end = time.monotonic() + 10
    while sink.counts.waiting or sink.counts.written < written:
        assert time.monotonic() < end
        time.sleep(0.01)


WITH_A_LIMIT = """
import resource, sys
from pathlib import Path
from edgecls_device.errors import StorageError
from edgecls_device.sinks.rotation import RotatingFile
file = RotatingFile(Path(sys.argv[1]), rotate_bytes=10**9, keep=1)
resource.setrlimit(resource.RLIMIT_FSIZE, (505, resource.RLIM_INFINITY))
failed = 0
for i in range(100):
    try:
        file.append(b'{"n": %d}\\n' % i)
    except StorageError:
        failed += 1
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
file.append(b'{"n": 100}\\n')
print(failed)
"""


def test_a_line_that_fits_only_in_part_is_taken_back(tmp_path):
    path = tmp_path / "log"
    command = [sys.executable, "-c", WITH_A_LIMIT, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    numbers = [json.loads(line)["n"] for line in path.read_text().splitlines()]
    assert numbers == [*range(len(numbers) - 1), 100]
    assert int(done.stdout) == 101 - len(numbers) > 0


WRITER = """
import sys
from pathlib import Path
from edgecls_device.sinks.json_file import JsonFileSink
from tests.device.sinks.results import event, result
labels = [(chr(0x732b) * 50 + str(i), 0.001) for i in range(100)]  # lines of 20 kB
sink = JsonFileSink(Path(sys.argv[1]), rotate_bytes=200_000, keep=500)
print("ready", flush=True)
for index in range(int(sys.argv[2]), 10**6):
    sink.write(result(*labels, index=index))
"""


def test_a_process_killed_at_any_moment_leaves_whole_lines_only(tmp_path):
    path, rng, first = tmp_path / "log", random.Random(7), 0
    for _ in range(6):
        command = [sys.executable, "-c", WRITER, str(path), str(first)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path.cwd()) as writer:
            writer.stdout.readline()
            time.sleep(rng.uniform(0.0, 0.25))
            writer.send_signal(signal.SIGKILL)
        file = RotatingFile(path, rotate_bytes=10**9, keep=50)  # as the next start does
        file.close()
        frames = [frame for one in newest_last(tmp_path) for frame in frames_in(one)]
        assert frames == list(range(len(frames)))
        first = len(frames)
    assert first > 10


def newest_last(directory):
    return sorted(directory.iterdir(), key=lambda path: -int(path.suffix[1:]) if path.suffix else 0)
