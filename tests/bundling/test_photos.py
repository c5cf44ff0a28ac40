"""Which photos go into a bundle: some of each class, the same each time, of those that were not trained on."""

import shutil
from collections import Counter

import pytest
from edgecls_device.errors import DataError

from edgecls.bundling.photos import choose_photos
from edgecls.data.split import read_split
from tests.bundling.tiny_run import write_photo


def chosen(run, count, data=None):
    return choose_photos(run, data, count, side_px=100)


def test_each_class_gives_its_share(run):
    assert Counter(photo.label for photo in chosen(run, 6)) == {"red": 2, "green": 2, "blue": 2}
    assert len({photo.label for photo in chosen(run, 3)}) == 3
    assert len(chosen(run, 100)) == 12  # all there are


def test_the_choice_is_the_same_each_time_and_more_photos_keep_the_first(run):
    assert chosen(run, 5) == chosen(run, 5)
    assert chosen(run, 7)[:5] == chosen(run, 5)


def test_only_test_photos_are_taken(run):
    split = read_split(run.split)
    test = {split.path_of(photo).read_bytes() for photo in split.subset("test")}
    assert {photo.data for photo in chosen(run, 100)} == test


def test_a_damaged_photo_is_passed_over(run):
    split = read_split(run.split)
    first = next(
        p for p in split.subset("test") if split.path_of(p).read_bytes() == chosen(run, 1)[0].data
    )
    split.path_of(first).write_bytes(b"no picture")
    photos = chosen(run, 100)
    assert len(photos) == 11
    split.path_of(first).unlink()
    assert chosen(run, 100) == photos


def test_photos_of_a_folder_are_named_by_their_folders(run, tmp_path):
    for i in range(3):
        write_photo(tmp_path / "camera" / "Königsberg" / f"{i}.png", "red", seed=i)
        write_photo(tmp_path / "camera" / "other" / f"{i}.jpg", "blue", seed=i)
    photos = chosen(run, 4, tmp_path / "camera")
    assert Counter(photo.label for photo in photos) == {"Königsberg": 2, "other": 2}
    assert {photo.suffix for photo in photos} == {".png", ".jpg"}
    (tmp_path / "camera").rename(tmp_path / "moved")
    assert chosen(run, 4, tmp_path / "moved") == photos


def test_a_run_without_photos_says_so_and_what_to_give(run):
    run.split.unlink()
    with pytest.raises(DataError, match="test photos of a training") as refusal:
        chosen(run, 4)
    assert "--data PHOTOS" in refusal.value.hint
    assert "--no-photos" in refusal.value.hint


def test_photos_that_moved_are_missed(run, tmp_path):
    shutil.move(tmp_path / "photos", tmp_path / "elsewhere")
    with pytest.raises(DataError, match="no such folder") as refusal:
        chosen(run, 4)
    assert "put it back" in refusal.value.hint
    assert len(chosen(run, 4, tmp_path / "elsewhere")) == 4


def test_photos_that_cannot_be_read_are_no_photos(run, tmp_path):
    for path in (tmp_path / "photos").rglob("*.png"):
        path.write_bytes(b"no picture")
    with pytest.raises(DataError, match="that can be read"):
        chosen(run, 4)
