import itertools
import json
import shutil

import pytest
from edgecls_device.collecting import sorting_folder
from edgecls_device.collecting.disk_room import kept_free_bytes
from edgecls_device.collecting.frame_index import FrameIndex
from edgecls_device.collecting.sorting_folder import SortingFolder
from edgecls_device.errors import StorageError

BEGIN = 1_700_000_000.0
HOUR = 3600.0


def keep(folder, time_s, label="star", *, size=1000):
    data = f"{time_s} {label}".encode().ljust(size, b".")
    return folder.keep(data, label, captured_at=BEGIN + time_s, facts={"why": ["unknown"]})


def kept_times(directory, label="star"):
    names = sorted(path.name for path in (directory / "to-sort" / label).glob("*.jpg"))
    return [round(sorting_folder._time(name) - BEGIN, 3) for name in names]


def lines(directory):
    return [json.loads(line) for line in (directory / "uncertain.jsonl").read_text().splitlines()]


def test_a_frame_lies_under_what_it_was_taken_for_with_a_line_that_says_why(tmp_path):
    path = keep(SortingFolder(tmp_path, quota_bytes=10**6), 0.5, "star fish")
    assert path.parent == tmp_path / "to-sort" / "star fish"
    assert path.name.startswith("20231114T221320.500Z-")
    assert lines(tmp_path) == [{"file": f"to-sort/star fish/{path.name}", "why": ["unknown"]}]
    assert "edgecls train photos" in (tmp_path / "README.txt").read_text()


def test_a_readme_that_somebody_wrote_into_stays(tmp_path):
    (tmp_path / "README.txt").write_text("Ask Ann before deleting.")
    keep(SortingFolder(tmp_path, quota_bytes=10**6), 0)
    assert (tmp_path / "README.txt").read_text() == "Ask Ann before deleting."


@pytest.mark.parametrize(
    "label", ["AC/DC", "../../etc", ".", "..", "a\\b", "lost+found", "\N{CAT FACE}" * 100]
)
def test_any_label_becomes_a_folder_inside(tmp_path, label):
    path = keep(SortingFolder(tmp_path / "here", quota_bytes=10**6), 0, label)
    assert path.exists()
    assert path.resolve().parent.parent == (tmp_path / "here" / "to-sort").resolve()


def test_a_full_quota_thins_out_a_busy_hour_and_keeps_the_first_and_the_last_day(tmp_path):
    folder = SortingFolder(tmp_path, quota_bytes=20_000)
    quiet_before = [day * 24 * HOUR for day in range(5)]
    busy = [5 * 24 * HOUR + i * 10 for i in range(120)]
    quiet_after = [day * 24 * HOUR for day in range(6, 11)]
    for time_s in [*quiet_before, *busy, *quiet_after]:
        keep(folder, time_s)
    times = kept_times(tmp_path)
    assert len(times) == 20
    assert [time for time in times if time < busy[0]] == quiet_before
    assert [time for time in times if time > busy[-1]] == quiet_after
    gaps = [b - a for a, b in itertools.pairwise(times[5:15])]
    assert max(gaps) / min(gaps) <= 4  # what is left of the busy hour is spread over it


def test_the_rare_label_is_not_thinned_for_the_frequent_one(tmp_path):
    folder = SortingFolder(tmp_path, quota_bytes=20_000)
    for i in range(3):
        keep(folder, i * HOUR + 5, "star")
    for i in range(60):
        keep(folder, i * 60, "circle")
    assert kept_times(tmp_path) == [5, HOUR + 5, 2 * HOUR + 5]
    assert len(kept_times(tmp_path, "circle")) == 17


def test_a_clock_that_went_back_does_no_harm(tmp_path):
    folder = SortingFolder(tmp_path, quota_bytes=5000)
    for time_s in [*range(0, 100, 10), *range(-1000, -900, 10)]:
        assert keep(folder, time_s).exists()
    assert len(kept_times(tmp_path)) == 5


def test_a_quota_holds_over_restarts_and_for_one_frame_too_many(tmp_path):
    for i in range(30):
        keep(SortingFolder(tmp_path, quota_bytes=10_000), i * 60)
    assert len(kept_times(tmp_path)) == 10
    with pytest.raises(StorageError, match="more than the whole quota"):
        keep(SortingFolder(tmp_path, quota_bytes=10_000), 9999, size=10_001)
    assert len(kept_times(tmp_path)) == 10


def test_what_a_person_sorted_no_longer_counts_and_is_never_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(sorting_folder, "RESCAN_S", 0.0)
    folder = SortingFolder(tmp_path, quota_bytes=10_000)
    for i in range(10):
        keep(folder, i * 60)
    shutil.move(tmp_path / "to-sort" / "star", tmp_path / "photos")
    (tmp_path / "to-sort" / "star").mkdir()
    own = tmp_path / "to-sort" / "star" / "my own.jpg"
    own.write_bytes(b"x" * 100_000)
    for i in range(10, 30):
        keep(folder, i * 60)
    assert len(list((tmp_path / "photos").iterdir())) == 10
    assert own.exists()
    assert len(list((tmp_path / "to-sort" / "star").iterdir())) == 11


def test_a_directory_that_was_moved_away_is_made_anew(tmp_path):
    folder = SortingFolder(tmp_path / "kept", quota_bytes=10_000)
    keep(folder, 0)
    (tmp_path / "kept").rename(tmp_path / "looked through")
    assert keep(folder, 60).exists()
    assert (tmp_path / "kept" / "README.txt").exists()


def test_a_full_disk_is_told_and_leaves_some_space_and_no_half_frame(small_disk):
    folder = SortingFolder(small_disk, quota_bytes=10**9)
    with pytest.raises(StorageError, match="to stay free"):
        keep_many(folder)
    usage = shutil.disk_usage(small_disk)
    assert usage.free >= kept_free_bytes(usage.total) > 0
    sizes = {path.stat().st_size for path in small_disk.rglob("*.jpg")}
    assert sizes == {20_000}
    assert len(lines(small_disk)) == len(list(small_disk.rglob("*.jpg")))


def keep_many(folder):
    for i in range(999):
        keep(folder, i * 60, size=20_000)


def test_a_frame_whose_line_cannot_be_written_is_taken_back(tmp_path):
    folder = SortingFolder(tmp_path, quota_bytes=10_000)
    (tmp_path / "uncertain.jsonl").mkdir()
    with pytest.raises(StorageError, match=r"uncertain\.jsonl"):
        keep(folder, 0)
    assert list(tmp_path.rglob("*.jpg")) == []


def test_a_line_that_a_killed_process_left_half_written_spoils_no_other(tmp_path):
    (tmp_path / "uncertain.jsonl").write_text('{"file": "a.jpg"}\n{"file": "b')
    FrameIndex(tmp_path / "uncertain.jsonl").append({"file": "c.jpg"})
    text = (tmp_path / "uncertain.jsonl").read_text().splitlines()
    assert text == ['{"file": "a.jpg"}', '{"file": "b', '{"file": "c.jpg"}']


def test_the_index_does_not_grow_beyond_its_size_and_keeps_what_is_there(tmp_path):
    index = FrameIndex(tmp_path / "uncertain.jsonl", most_bytes=2000)
    for i in range(300):
        (tmp_path / f"{i:03}.jpg").write_bytes(b"")
        if i >= 10:
            (tmp_path / f"{i - 10:03}.jpg").unlink()
        index.append({"file": f"{i:03}.jpg"})
        assert (tmp_path / "uncertain.jsonl").stat().st_size <= 2000
    assert [line["file"] for line in lines(tmp_path)][-10:] == [
        f"{i:03}.jpg" for i in range(290, 300)
    ]


def test_lines_of_frames_that_are_gone_make_room_first(tmp_path):
    index = FrameIndex(tmp_path / "uncertain.jsonl", most_bytes=2000)
    (tmp_path / "still there.jpg").write_bytes(b"")
    index.append({"file": "still there.jpg"})
    for i in range(300):
        index.append({"file": f"gone {i}.jpg"})
    assert lines(tmp_path)[0]["file"] == "still there.jpg"
