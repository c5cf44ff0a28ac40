import os
import unicodedata
from pathlib import Path

import pytest
from edgecls_device.errors import DataError, StorageError

from edgecls.data.folders import find_photos
from edgecls.data.load import load_photos, printable


def names(photo_set, label):
    class_id = photo_set.labels.index(label)
    return [photo_set.relative(p.path) for p in photo_set.photos if p.class_id == class_id]


def test_direct_subfolders_are_the_classes_in_sorted_order(photos):
    photo_set = load_photos(photos)
    assert photo_set.labels == ("cats", "dogs")
    assert photo_set.counts == {"cats": 8, "dogs": 8}
    assert photo_set.skipped == ()
    assert all(photo.path.is_absolute() for photo in photo_set.photos)


def test_photos_are_found_at_any_depth_and_with_suffixes_in_any_case(photos, write_photo):
    write_photo(photos / "cats" / "2024" / "May" / "deep.JPG", 1000)
    for i, suffix in enumerate((".jpeg", ".PNG", ".WebP", ".bmp")):
        write_photo(photos / "cats" / f"other{suffix}", 1001 + i)
    found = names(load_photos(photos), "cats")
    assert "cats/2024/May/deep.JPG" in found
    assert len(found) == 13


def test_what_systems_leave_behind_is_ignored(photos):
    (photos / "__MACOSX").mkdir()
    (photos / ".cache").mkdir()
    (photos / "__MACOSX" / "x.jpg").write_bytes(b"x")
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "._0.jpg"):
        (photos / "cats" / name).write_bytes(b"x")
    found = find_photos(photos)
    assert found.labels == ("cats", "dogs")
    assert len(found.photos) == 16
    assert found.others == ()


def test_a_folder_name_in_nfd_gives_a_label_in_nfc(photos):
    (photos / "dogs").rename(photos / unicodedata.normalize("NFD", "Zwergdäckel"))
    photo_set = load_photos(photos)
    assert photo_set.labels == ("Zwergdäckel", "cats")
    assert unicodedata.is_normalized("NFC", photo_set.labels[0])
    assert photo_set.photos[0].path.is_file()


def test_nfc_and_nfd_of_one_name_are_one_class(photos, write_photo):
    for i, form in enumerate(("NFC", "NFD")):
        write_photo(photos / unicodedata.normalize(form, "größe") / f"{i}.png", 500 + i)
    assert find_photos(photos).labels == ("cats", "dogs", "größe")


def test_few_photos_of_one_class_are_a_set_where_nothing_is_learnt(photos):
    for path in sorted((photos / "dogs").iterdir())[1:]:
        path.unlink()
    with pytest.raises(DataError, match="at least 5 photos"):
        load_photos(photos)
    assert load_photos(photos, is_for_training=False).counts == {"cats": 8, "dogs": 1}
    (photos / "dogs").rename(photos.parent / "dogs")
    with pytest.raises(DataError, match="at least two class folders"):
        load_photos(photos)
    assert load_photos(photos, is_for_training=False).labels == ("cats",)


def test_files_that_are_no_photos_are_refused_where_nothing_is_learnt_too(photos):
    (photos / "horses").mkdir()
    assert load_photos(photos, is_for_training=False).counts["horses"] == 0
    (photos / "horses" / "1.heic").touch()
    with pytest.raises(DataError, match="only 1 other file"):
        load_photos(photos, is_for_training=False)


@pytest.mark.parametrize("name", ["кошки", "猫", "Hund & Katze", "l'été", "🐱"])
def test_unicode_names_are_labels(photos, name):
    (photos / "cats").rename(photos / name)
    assert name in load_photos(photos).labels


@pytest.mark.parametrize("name", ["<b>cats", "c" * 101, "cats ", "c\u202eats", "c\nats"])
def test_a_name_that_cannot_be_a_label_is_refused(photos, name):
    (photos / "cats").rename(photos / name)
    with pytest.raises(DataError, match="label") as caught:
        load_photos(photos)
    assert "rename" in caught.value.hint


def test_links_are_followed_once_and_loops_end(photos, write_photo, tmp_path):
    write_photo(tmp_path / "elsewhere" / "far.png", 700)
    (photos / "cats" / "linked").symlink_to(tmp_path / "elsewhere")
    (photos / "cats" / "up").symlink_to(photos)
    (photos / "cats" / "self").symlink_to(photos / "cats")
    (photos / "cats" / "knot.jpg").symlink_to(photos / "cats" / "knot.jpg")
    (tmp_path / "elsewhere" / "back").symlink_to(photos / "cats")
    photo_set = load_photos(photos)
    assert photo_set.counts == {"cats": 9, "dogs": 8}
    assert photo_set.skipped_counts == {"unreadable": 1}


def test_train_and_validation_folders_are_put_together(tmp_path, write_photo):
    for i in range(20):
        split, label = ("train", "validation")[i % 2], ("cats", "dogs")[i // 10]
        write_photo(tmp_path / split / label / f"{i}.jpg", i)
    photo_set = load_photos(tmp_path)
    assert photo_set.labels == ("cats", "dogs")
    assert photo_set.counts == {"cats": 10, "dogs": 10}
    assert photo_set.merged == ("train", "validation")
    assert "validation/cats/1.jpg" in names(photo_set, "cats")


def test_classes_that_are_called_train_and_test_stay_classes(photos):
    (photos / "cats").rename(photos / "train")
    (photos / "dogs").rename(photos / "test")
    assert load_photos(photos).labels == ("test", "train")


def test_copies_within_a_class_are_used_once(photos):
    (photos / "cats" / "copy.jpg").write_bytes((photos / "cats" / "3.jpg").read_bytes())
    photo_set = load_photos(photos)
    assert photo_set.counts["cats"] == 8
    (skipped,) = photo_set.skipped
    assert (skipped.path, skipped.reason, skipped.detail) == (
        "cats/copy.jpg",
        "duplicate",
        "same as cats/3.jpg",
    )


def test_content_in_two_classes_is_left_out_of_both(photos):
    (photos / "dogs" / "wrong.jpg").write_bytes((photos / "cats" / "3.jpg").read_bytes())
    photo_set = load_photos(photos)
    assert photo_set.counts == {"cats": 7, "dogs": 8}
    assert [(s.path, s.reason) for s in photo_set.skipped] == [
        ("cats/3.jpg", "in two classes"),
        ("dogs/wrong.jpg", "in two classes"),
    ]


def test_empty_and_unreadable_files_are_left_out_and_counted(photos):
    (photos / "cats" / "zero.jpg").touch()
    (photos / "dogs" / "zero.jpg").touch()
    (photos / "cats" / "gone.jpg").symlink_to(photos / "nowhere.jpg")
    os.mkfifo(photos / "cats" / "pipe.jpg")
    assert load_photos(photos).skipped_counts == {"undecodable": 2, "unreadable": 2}


def test_a_name_that_is_not_utf8_is_left_out(photos):
    raw = os.fsencode(photos / "cats") + b"/\xff\xfe.jpg"
    try:
        Path(os.fsdecode(raw)).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes only Unicode names")
    (skipped,) = load_photos(photos).skipped
    assert skipped.reason == "unreadable"
    skipped.path.encode()


@pytest.mark.usefixtures("permissions_hold")
def test_a_photo_without_permission_is_left_out_and_a_folder_is_an_error(photos):
    (photos / "cats" / "0.jpg").chmod(0)
    assert load_photos(photos).skipped_counts == {"unreadable": 1}
    (photos / "cats").chmod(0)
    try:
        with pytest.raises(StorageError, match="Cannot read"):
            load_photos(photos)
    finally:
        (photos / "cats").chmod(0o755)


def test_the_fingerprint_depends_on_contents_and_labels_only(photos, tmp_path):
    before = load_photos(photos).fingerprint
    (photos / "cats" / "0.jpg").rename(photos / "cats" / "z.jpg")
    photos.rename(tmp_path / "moved")
    assert load_photos(tmp_path / "moved").fingerprint == before
    (tmp_path / "moved" / "cats").rename(tmp_path / "moved" / "tigers")
    assert load_photos(tmp_path / "moved").fingerprint != before


def test_without_leaves_photos_out_and_says_why(photos):
    photo_set = load_photos(photos)
    bad = photo_set.photos[0].path
    fewer = photo_set.without([bad], "undecodable", details={bad: "a JPEG that is cut off"})
    assert fewer.counts == {"cats": 7, "dogs": 8}
    assert fewer.skipped[0].path == "cats/0.jpg"
    assert fewer.skipped[0].detail == "a JPEG that is cut off"
    assert fewer.fingerprint != photo_set.fingerprint


def test_without_refuses_to_leave_a_class_too_small(photos):
    photo_set = load_photos(photos)
    cats = [photo.path for photo in photo_set.photos if photo.class_id == 0]
    with pytest.raises(DataError, match=r"at least 5 .*got 0 in 'cats' .*8 undecodable"):
        photo_set.without(cats, "undecodable")


def test_every_file_is_counted_as_progress(photos):
    done = []
    load_photos(photos, on_progress=lambda steps=1: done.append(steps))
    assert sum(done) == len(find_photos(photos).photos) == 16


def test_names_are_shown_without_control_characters():
    assert printable("a\x1b[31m\u202eb\udcff猫") == "a\\x1b[31m\\u202eb\\udcff猫"


def two_photos_in_a_class(root):
    for path in sorted((root / "dogs").iterdir())[2:]:
        path.unlink()


def an_empty_class(root):
    (root / "birds").mkdir()


def a_class_of_other_files(root):
    (root / "birds").mkdir()
    (root / "birds" / "IMG_1.HEIC").write_bytes(b"x")


def a_class_of_empty_files(root):
    for path in (root / "dogs").iterdir():
        path.write_bytes(b"")


def a_class_that_is_another_one_copied(root):
    for path in (root / "cats").iterdir():
        (root / "dogs" / path.name).write_bytes(path.read_bytes())


@pytest.mark.parametrize(
    ("damage", "message", "hint"),
    [
        (two_photos_in_a_class, "at least 5 photos in each class, got 2 in 'dogs'", "photos/dogs"),
        (an_empty_class, "none in 'birds'", "put photos into"),
        (a_class_of_other_files, "only 1 other file such as 'IMG_1.HEIC'", "convert them to JPEG"),
        (a_class_of_empty_files, "got 0 in 'dogs' (left out: 8 undecodable)", "data check"),
        (
            a_class_that_is_another_one_copied,
            "got 0 in 'cats', 0 in 'dogs' (left out: 16 in two classes)",
            "data check",
        ),
    ],
)
def test_classes_that_cannot_be_trained_stop_the_training_with_a_next_action(
    photos, tmp_path, edgecls, damage, message, hint
):
    damage(photos)
    with pytest.raises(DataError) as caught:
        load_photos(photos)
    assert message in caught.value.message
    code, out, err = edgecls("train", photos, "--out", tmp_path / "run")
    assert (code, out) == (3, "")
    assert message in err
    assert hint in err.partition("hint: ")[2]


def test_hints_name_the_folder_that_is_there_when_folders_were_put_together(tmp_path, write_photo):
    for i, split in enumerate(("train", "validation")):
        write_photo(tmp_path / split / "cats" / "0.jpg", i)
        (tmp_path / split / "dogs").mkdir()
    with pytest.raises(DataError, match="none in 'dogs'") as caught:
        load_photos(tmp_path)
    assert str(tmp_path / "train" / "dogs") in caught.value.hint
