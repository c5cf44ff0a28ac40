import os
import threading
import time
from pathlib import Path

import cv2
import pytest
from edgecls_device.errors import SourceError
from edgecls_device.sources.folder import ProblemList
from edgecls_device.sources.options import SourceOptions
from edgecls_device.sources.table import open_source
from edgecls_device.sources.watch import FolderWatch
from edgecls_device.sources.watched_folder import WatchedFolderSource
from edgecls_device.stop import Stop

from tests.device.conftest import picture

GOING = Stop()


def jpeg(color="red"):
    return cv2.imencode(".jpg", picture(color, height=300, width=400))[1].tobytes()


def watching(path, **waits):
    return WatchedFolderSource(path, **{"settle_s": 0.1, "give_up_s": 0.5, "poll_s": 0.02} | waits)


def next_frame(source, *, deadline_s=10.0):
    until = time.monotonic() + deadline_s
    while time.monotonic() < until:
        frame = source.read(GOING)
        if frame is not None:
            return frame
    return None


def names(source, count):
    return [Path(next_frame(source).source).name for _ in range(count)]


def nothing_comes(source, seconds=0.6):
    until = time.monotonic() + seconds
    return all(source.read(GOING) is None for _ in iter(lambda: time.monotonic() < until, False))


def test_the_photos_that_are_there_come_first_and_then_new_ones(folder):
    source = watching(folder)
    assert source.description == "3 photos, watched for more"
    assert names(source, 3) == ["a2.png", "a10.png", "Ü.PNG"]
    (folder / "new folder").mkdir()
    (folder / "new folder" / "b.jpg").write_bytes(jpeg())
    (folder / "note.txt").write_text("no photo")
    (folder / ".hidden.jpg").write_bytes(jpeg())
    assert names(source, 1) == ["b.jpg"]
    assert nothing_comes(source)
    assert (source.captured, source.dropped, source.status.state) == (4, {}, "delivering")
    source.close()
    assert source.read(GOING) is None


def test_a_watched_folder_may_be_empty_and_a_photo_may_be_moved_in(tmp_path):
    folder, elsewhere = tmp_path / "watched", tmp_path / "x.jpg"
    folder.mkdir()
    source = watching(folder)
    assert nothing_comes(source, 0.1)
    elsewhere.write_bytes(jpeg())
    elsewhere.rename(folder / "x.jpg")
    assert names(source, 1) == ["x.jpg"]


def test_a_photo_that_is_written_slowly_is_waited_for_and_never_called_undecodable(tmp_path):
    source = watching(tmp_path, settle_s=0.05, give_up_s=2.0)
    data, path = jpeg(), tmp_path / "slow.jpg"

    def write():
        with path.open("wb") as file:
            for i in range(8):  # each pause is longer than it takes to look complete
                file.write(data[i * len(data) // 8 : (i + 1) * len(data) // 8])
                file.flush()
                time.sleep(0.15)

    writer = threading.Thread(target=write)
    writer.start()
    frame = next_frame(source)
    writer.join()
    assert frame.image.shape == (300, 400, 3)
    assert (source.captured, source.dropped, source.problems) == (1, {}, ())


def test_a_photo_that_never_becomes_whole_is_counted_once(tmp_path):
    (tmp_path / "early.jpg").write_bytes(jpeg()[:500])
    source = watching(tmp_path)
    (tmp_path / "late.jpg").write_bytes(jpeg()[:600])
    deadline = time.monotonic() + 10
    while source.captured < 2 and time.monotonic() < deadline:
        assert source.read(GOING) is None
    assert nothing_comes(source)
    assert (source.captured, source.dropped) == (2, {"undecodable": 2})
    assert [("early" in text, "late" in text) for text in sorted(source.problems)] == [
        (True, False),
        (False, True),
    ]


def test_a_photo_moved_over_another_is_new(tmp_path):
    (tmp_path / "snapshot.jpg").write_bytes(jpeg("red"))
    source = watching(tmp_path)
    assert next_frame(source).image[0, 0, 2] > 200
    other = tmp_path / "snapshot.tmp"
    other.write_bytes(jpeg("blue"))
    other.replace(tmp_path / "snapshot.jpg")
    assert next_frame(source).image[0, 0, 0] > 200


def test_a_photo_that_is_taken_away_before_its_turn_is_no_problem(tmp_path):
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(jpeg())
    source = watching(tmp_path)
    (tmp_path / "a.jpg").unlink()
    assert names(source, 1) == ["b.jpg"]
    assert (source.captured, source.dropped) == (1, {})


def test_a_folder_that_goes_away_is_lost_and_comes_back_without_a_photo_twice(folder):
    source = watching(folder)
    names(source, 3)
    away = folder.with_name("away")
    folder.rename(away)
    assert nothing_comes(source, 0.2)
    assert source.status.state == "lost"
    assert "no such file" in source.status.trouble
    away.rename(folder)
    (folder / "z.jpg").write_bytes(jpeg())
    assert names(source, 1) == ["z.jpg"]
    assert source.status.state == "delivering"


def test_what_is_known_does_not_grow_with_files_that_come_and_go(tmp_path):
    watch = FolderWatch(str(tmp_path), is_wanted=lambda name: name.endswith(".jpg"))
    for i in range(50):
        path = tmp_path / f"{i}.jpg"
        path.touch()
        assert watch.look() == [str(path)]
        path.unlink()
        (tmp_path / f"folder {i}").mkdir()
        watch.look()
        (tmp_path / f"folder {i}").rmdir()
    assert watch.look() == []
    assert list(watch._known) == [str(tmp_path)]
    assert watch._known[str(tmp_path)].files == {}


def test_a_folder_that_did_not_change_is_not_listed_again(tmp_path, monkeypatch):
    (tmp_path / "a.jpg").touch()
    os.utime(tmp_path, (1_000_000_000, 1_000_000_000))
    watch = FolderWatch(str(tmp_path), is_wanted=lambda name: True)
    assert len(watch.look()) == 1
    monkeypatch.setattr(os, "scandir", None)
    assert watch.look() == []


def test_a_drive_that_is_not_mounted_any_more_is_an_error(tmp_path):
    watch = FolderWatch(str(tmp_path), is_wanted=lambda name: True)
    (tmp_path / "a.jpg").touch()
    assert len(watch.look()) == 1
    watch._device = -1
    with pytest.raises(OSError, match="not mounted"):
        watch.look()


def test_a_loop_of_links_and_a_link_to_nothing_do_no_harm(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "nothing.jpg").symlink_to(tmp_path / "gone")
    (tmp_path / "a.jpg").write_bytes(jpeg())
    (tmp_path / "b.jpg").symlink_to(tmp_path / "a.jpg")
    assert names(watching(tmp_path), 2) == ["a.jpg", "b.jpg"]


def test_only_the_first_problems_are_kept():
    problems = ProblemList(most=2)
    for i in (1, 1, 2, 3, 4):
        problems.add(f"problem {i}")
    assert problems.sentences == ("problem 1", "problem 2", "There were 2 more such problems.")


def test_watching_is_an_option_of_folders_in_real_time(tmp_path):
    source = open_source(str(tmp_path), SourceOptions(watch=True))
    (tmp_path / "a.jpg").write_bytes(jpeg())
    start = time.monotonic()
    assert next_frame(source).source == str(tmp_path / "a.jpg")
    assert time.monotonic() - start > 0.9
    source.close()


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path):
    with pytest.raises(SourceError, match="no such file"):
        watching(tmp_path / "none")
