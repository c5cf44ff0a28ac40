import shutil
import threading

import cv2
import numpy as np
import pytest
from edgecls_device.collecting import photo_store
from edgecls_device.collecting.disk_room import kept_free_bytes
from edgecls_device.collecting.photo_store import PhotoStore
from edgecls_device.decisions.region import parse_region
from edgecls_device.errors import DataError, FrameError, StorageError
from edgecls_device.images import read_image

from tests.device.collecting.scenes import noisy, scene


@pytest.fixture
def store(tmp_path):
    return PhotoStore(tmp_path / "photos")


def files_below(directory):
    return sorted(
        str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()
    )


def save_many(store, **size):
    for i in range(999):
        store.save(scene(i, **size), "star")


def test_a_photo_is_saved_under_its_label_and_counted(store):
    first, second = store.save(scene(1), "star fish"), store.save(scene(2), "star fish")
    assert (first.count, second.count, second.is_new) == (1, 2, True)
    assert second.relative_path == f"star fish/{second.path.name}"
    assert files_below(store.directory) == sorted([first.relative_path, second.relative_path])
    assert np.abs(read_image(first.path).astype(int) - scene(1)).mean() < 3
    assert store.counts() == {"star fish": 2}


def test_a_near_duplicate_is_left_out_and_names_the_photo_that_it_resembles(store):
    first = store.save(scene(1), "star")
    again = store.save(noisy(scene(1)), "star")
    assert (again.is_new, again.count, again.path) == (False, 1, first.path)
    assert store.save(scene(1), "other").is_new


def test_an_object_that_moved_makes_another_photo(store):
    here, there = scene(1), scene(1)
    here[40:70, 40:70] = there[40:70, 90:120] = 255
    assert store.save(here, "cup").is_new
    assert store.save(there, "cup").is_new


def test_another_object_before_the_same_background_makes_another_photo(store):
    table, cup = scene(1, height=192, width=256), scene(1, height=192, width=256)
    cv2.circle(cup, (130, 100), 22, (255, 255, 255), -1)
    cv2.circle(cup, (130, 100), 14, (20, 20, 160), -1)
    assert store.save(table, "table").is_new
    assert store.save(cup, "table").is_new


def test_blank_pictures_are_alike_unless_their_brightness_differs(store):
    grey = np.full((240, 320, 3), 100, np.uint8)
    assert store.save(noisy(grey), "wall").is_new
    assert not store.save(noisy(grey, seed=2), "wall").is_new
    assert store.save(noisy(grey + 60), "wall").is_new


def test_a_photo_that_was_deleted_as_a_bad_one_can_be_taken_again(store):
    store.save(scene(1), "star").path.unlink()
    assert store.save(scene(1), "star").is_new


def test_near_duplicates_are_kept_if_asked(tmp_path):
    store = PhotoStore(tmp_path, drop_similar=False)
    assert [store.save(noisy(scene(1), seed=i), "star").count for i in range(3)] == [1, 2, 3]


def test_memory_is_bounded_by_the_last_photos_of_the_last_labels(store, monkeypatch):
    monkeypatch.setattr(photo_store, "MAX_LABELS_REMEMBERED", 2)
    for label in ("a", "b", "c"):
        store.save(scene(1), label)
    assert not store.save(scene(1), "c").is_new
    assert store.save(scene(1), "a").is_new


@pytest.mark.parametrize(
    "label",
    [
        "",
        " cat",
        ".",
        "..",
        ".hidden",
        "../outside",
        "/etc",
        "a/b",
        "a\\b",
        "a\0b",
        "a\nb",
        "<b>cat</b>",
        "\u202ecat",
        "lost+found",
        "__MACOSX",
        "x" * 101,
        "\N{CAT FACE}" * 70,
        "u\u0308",
        "\ud800",
    ],
)
def test_a_label_that_is_no_plain_name_is_refused_and_nothing_is_written(store, label):
    with pytest.raises(DataError, match="Expected a label"):
        store.save(scene(1), label)
    assert files_below(store.directory.parent) == []
    assert [path.name for path in store.directory.parent.iterdir()] == ["photos"]


@pytest.mark.parametrize(
    "label", ["cat", "star fish", "Ü", "\N{CAT FACE}", "-rf", "%2e%2e", "~", "a.b"]
)
def test_a_label_that_is_a_plain_name_is_taken(store, label):
    assert store.save(scene(1), label).path.parent == store.directory / label


def test_a_class_folder_that_is_a_link_is_refused(store, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (store.directory / "star").symlink_to(outside)
    with pytest.raises(StorageError, match="which is a link"):
        store.save(scene(1), "star")
    assert files_below(outside) == []


def test_a_store_may_itself_be_reached_by_a_link(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real").mkdir()
    assert (
        PhotoStore(tmp_path / "link").save(scene(1), "star").path.is_relative_to(tmp_path / "real")
    )


@pytest.mark.parametrize("image", [np.zeros((0, 0, 3), np.uint8), np.zeros((4, 4, 3), np.float64)])
def test_what_is_no_picture_is_refused(store, image):
    with pytest.raises(FrameError):
        store.save(image, "star")
    assert files_below(store.directory) == []


def test_only_the_region_of_interest_is_saved(tmp_path):
    store = PhotoStore(tmp_path, region=parse_region("16,8,64,48"))
    photo = read_image(store.save(scene(1), "star").path)
    assert np.abs(photo.astype(int) - scene(1)[8:56, 16:80]).mean() < 4
    with pytest.raises(FrameError, match="inside the frame"):
        store.save(scene(1)[:40], "star")


def test_a_grey_picture_is_saved_too(store):
    assert read_image(store.save(scene(1)[:, :, 0], "star").path).shape == (120, 160, 3)


def test_a_quota_ends_saving_and_goes_on_when_there_is_room(tmp_path):
    store = PhotoStore(tmp_path, quota_bytes=30_000)
    with pytest.raises(StorageError, match="Expected at most 30 kB") as caught:
        save_many(store)
    assert "move photos elsewhere" in caught.value.hint
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.jpg")) <= 30_000
    next(tmp_path.rglob("*.jpg")).unlink()
    assert store.save(scene(1000), "star").is_new


def test_photos_that_were_there_before_count_against_the_quota(tmp_path):
    (tmp_path / "star").mkdir()
    (tmp_path / "star" / "old.jpg").write_bytes(bytes(30_000))
    with pytest.raises(StorageError, match="Expected at most"):
        PhotoStore(tmp_path, quota_bytes=30_000).save(scene(1), "star")


def test_a_full_disk_is_told_leaves_no_half_file_and_some_space(small_disk):
    store = PhotoStore(small_disk)
    with pytest.raises(StorageError, match="to stay free"):
        save_many(store, height=480, width=640)
    usage = shutil.disk_usage(small_disk)
    assert usage.free >= kept_free_bytes(usage.total) > 0
    photos = list((small_disk / "star").iterdir())
    assert photos
    assert all(read_image(path).shape == (480, 640, 3) for path in photos)


def test_a_disk_that_fills_up_in_the_middle_of_a_photo_leaves_nothing_half_written(
    small_disk, monkeypatch
):
    monkeypatch.setattr(photo_store, "check_room", lambda *_: None)
    store = PhotoStore(small_disk)
    with pytest.raises(StorageError, match="No space left"):
        save_many(store, height=480, width=640)
    assert all(read_image(path).size for path in (small_disk / "star").iterdir())


def test_several_threads_may_save_at_once(store):
    def save(start):
        for i in range(start, start + 8):
            store.save(scene(i), "star")

    threads = [threading.Thread(target=save, args=(i * 8,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.count("star") == 32
