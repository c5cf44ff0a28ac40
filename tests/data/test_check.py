import json
import os
import struct

import cv2
import numpy as np
import pytest
from edgecls_device.errors import DataError
from edgecls_device.images import decode_image, read_image
from edgecls_device.records import from_json

from edgecls.data.check import check_photos
from edgecls.data.check_record import DataCheck


def kinds(check):
    return {finding.kind for finding in check.findings}


def of_kind(check, kind):
    return [finding for finding in check.findings if finding.kind == kind]


def saved_again(path, quality=60):
    return cv2.imencode(".jpg", read_image(path), [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def test_good_photos_give_no_finding_and_exit_code_0(photos, edgecls):
    check = check_photos(photos)
    assert check.findings == ()
    assert check.usable == check.files == {"cats": 8, "dogs": 8}
    code, out, err = edgecls("data", "check", photos)
    assert code == 0
    assert "0 problems, 0 notes." in out
    assert "16/16" in err


def test_every_kind_of_picture_that_cameras_and_programs_write_decodes(photos, picture, cmyk_jpeg):
    odd = photos / "cats" / "odd"
    odd.mkdir()
    color = picture(900)
    grey = picture(901)[:, :, :1]
    alpha = np.dstack([picture(902), np.full((96, 128), 100, np.uint8)])
    deep = picture(903).astype(np.uint16) * 257
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0) + bytes(4)
    jpeg = cv2.imencode(".jpg", color)[1].tobytes()
    turned = jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]
    (odd / "cmyk.jpg").write_bytes(cmyk_jpeg(255, 0, 0, 255))
    (odd / "turned.JPG").write_bytes(turned)
    for name, image in (("grey.png", grey), ("grey.jpg", grey), ("alpha.png", alpha)):
        (odd / name).write_bytes(cv2.imencode(name[-4:], image)[1].tobytes())
    for name, image in (("deep.png", deep), ("alpha.webp", alpha), ("plain.bmp", grey)):
        suffix = "." + name.partition(".")[2]
        (odd / name).write_bytes(cv2.imencode(suffix, image)[1].tobytes())
    check = check_photos(photos)
    assert not of_kind(check, "undecodable")
    assert check.files["cats"] == 16
    assert read_image(odd / "turned.JPG").shape == (128, 96, 3)


def test_cmyk_is_read_with_the_right_colours(cmyk_jpeg):
    red = decode_image(cmyk_jpeg(255, 0, 0, 255))
    assert red.shape == (64, 64, 3)
    assert np.abs(red.astype(int) - (0, 0, 255)).max() < 6
    half_black = decode_image(cmyk_jpeg(255, 255, 255, 128))
    assert np.abs(half_black.astype(int) - 128).max() < 6


def test_broken_files_are_problems_with_their_reason(photos, write_photo, edgecls):
    cut_off = write_photo(photos / "cats" / "cut.jpg", 800)
    cut_off.write_bytes(cut_off.read_bytes()[:700])
    (photos / "cats" / "zero.png").touch()
    (photos / "dogs" / "page.jpg").write_bytes(b"<html>not found</html>")
    os.mkfifo(photos / "dogs" / "pipe.jpg")
    check = check_photos(photos)
    reasons = {finding.paths[0]: finding.detail for finding in check.problems}
    assert reasons["cats/cut.jpg"] == "a JPEG that is cut off."
    assert reasons["cats/zero.png"] == "an empty file."
    assert "<html" in reasons["dogs/page.jpg"]
    assert of_kind(check, "unreadable")[0].paths == ("dogs/pipe.jpg",)
    assert check.usable == {"cats": 8, "dogs": 8}
    code, out, _ = edgecls("data", "check", photos)
    assert code == 3
    assert "undecodable (3)" in out
    assert "cats/zero.png: an empty file." in out


def test_copies_in_a_class_are_a_note_and_in_two_classes_a_problem(photos, edgecls):
    (photos / "cats" / "copy.jpg").write_bytes((photos / "cats" / "1.jpg").read_bytes())
    assert kinds(check_photos(photos)) == {"duplicate"}
    assert edgecls("data", "check", photos)[0] == 0
    (photos / "dogs" / "copy.jpg").write_bytes((photos / "cats" / "2.jpg").read_bytes())
    check = check_photos(photos)
    (conflict,) = of_kind(check, "in two classes")
    assert conflict.paths == ("cats/2.jpg", "dogs/copy.jpg")
    assert check.usable == {"cats": 7, "dogs": 8}
    code, out, _ = edgecls("data", "check", photos)
    assert code == 3
    assert "cats/2.jpg = dogs/copy.jpg" in out


def test_a_photo_saved_again_in_another_class_is_a_likely_label_error(photos, edgecls):
    (photos / "dogs" / "again.jpg").write_bytes(saved_again(photos / "cats" / "3.jpg"))
    check = check_photos(photos)
    assert kinds(check) == {"similar in two classes"}
    assert of_kind(check, "similar in two classes")[0].paths == ("cats/3.jpg", "dogs/again.jpg")
    code, out, _ = edgecls("data", "check", photos)
    assert code == 3
    assert "likely a label error" in out


def test_a_photo_saved_again_in_its_class_is_a_note(photos, edgecls):
    for quality in (40, 70):
        path = photos / "cats" / f"again-{quality}.jpg"
        path.write_bytes(saved_again(photos / "cats" / "3.jpg", quality))
    (group,) = check_photos(photos).findings
    assert group.kind == "similar"
    assert set(group.paths) == {"cats/3.jpg", "cats/again-40.jpg", "cats/again-70.jpg"}
    assert edgecls("data", "check", photos)[0] == 0


def test_near_duplicates_across_the_split_are_counted(photos):
    for i in range(8):
        for quality in range(30, 90, 10):
            path = photos / "cats" / f"{i}-{quality}.jpg"
            path.write_bytes(saved_again(photos / "cats" / f"{i}.jpg", quality))
    assert 1 <= check_photos(photos).leaking <= 30


def test_tiny_photos_other_files_and_stray_photos_are_notes(photos, write_photo, edgecls):
    write_photo(photos / "cats" / "icon.png", 600, height=40, width=200)
    write_photo(photos / "stray.jpg", 601)
    (photos / "cats" / "notes.txt").write_text("x")
    (photos / "dogs" / "IMG_1.HEIC").write_bytes(b"x")
    check = check_photos(photos)
    assert kinds(check) == {"tiny", "not in a class folder", "other file"}
    assert of_kind(check, "tiny")[0].detail == "200x40 pixels"
    assert check.others == {".txt": 1, ".heic": 1}
    code, out, _ = edgecls("data", "check", photos)
    assert code == 0
    assert "0 problems, 4 notes." in out


@pytest.mark.parametrize(
    ("more", "kind", "code"), [(8, None, 0), (16, "imbalance", 0), (72, "strong imbalance", 3)]
)
def test_imbalance_is_a_note_at_3_and_a_problem_at_10(
    photos, write_photo, edgecls, more, kind, code
):
    for i in range(more):
        write_photo(photos / "dogs" / f"more-{i}.png", 3000 + i)
    assert kinds(check_photos(photos)) == ({kind} if kind else set())
    assert edgecls("data", "check", photos)[0] == code


def test_a_small_or_empty_class_is_a_problem_but_no_error(photos, write_photo, edgecls):
    (photos / "empty").mkdir()
    for i in range(2):
        write_photo(photos / "birds" / f"{i}.jpg", 400 + i)
    details = [f.detail for f in of_kind(check_photos(photos), "few photos")]
    assert len(details) == 2
    assert "'birds' has 2 usable photos" in details[0]
    assert edgecls("data", "check", photos)[0] == 3


def test_class_names_that_differ_in_case_only_are_named(photos, write_photo):
    for i in range(6):
        write_photo(photos / "Cats" / f"{i}.jpg", 400 + i)
    (finding,) = of_kind(check_photos(photos), "names differ in case only")
    assert finding.detail == "'Cats' and 'cats'"


def test_the_json_is_a_record_that_can_be_read_back(photos, edgecls):
    (photos / "cats" / "copy.jpg").write_bytes((photos / "cats" / "1.jpg").read_bytes())
    code, out, _ = edgecls("data", "check", photos, "--json")
    assert code == 0
    assert json.loads(out)["kind"] == "edgecls.data_check"
    assert from_json(DataCheck, out, name="output") == check_photos(photos)


def test_the_limit_holds_per_kind_and_says_how_to_see_more(photos, edgecls):
    for i in range(5):
        (photos / "cats" / f"zero-{i}.jpg").touch()
    _, out, _ = edgecls("data", "check", photos, "--limit", "2")
    assert out.count("an empty file") == 2
    assert "and 3 more; --limit 5" in out


def test_file_names_cannot_send_codes_to_the_terminal(photos, edgecls):
    (photos / "cats" / "\x1b[2Jred.jpg").touch()
    _, out, _ = edgecls("data", "check", photos)
    assert "\x1b" not in out
    assert "\\x1b[2Jred.jpg" in out


def test_real_photos_have_one_near_duplicate_and_no_problem(cats_dogs):
    check = check_photos(cats_dogs)
    assert check.problems == ()
    assert [f.paths for f in of_kind(check, "similar")] == [("dogs/dog.180.jpg", "dogs/dog.74.jpg")]


def no_folder(root):
    return root / "nowhere"


def a_file(root):
    (root / "file.jpg").write_bytes(b"x")
    return root / "file.jpg"


def an_empty_folder(root):
    (root / "empty").mkdir()
    return root / "empty"


def photos_without_class_folders(root):
    (root / "flat").mkdir()
    (root / "flat" / "1.jpg").write_bytes(b"x")
    return root / "flat"


def one_class(root):
    (root / "one" / "cats").mkdir(parents=True)
    return root / "one"


def classes_further_down(root):
    for label in ("cats", "dogs"):
        (root / "outer" / "inner" / label).mkdir(parents=True)
    return root / "outer"


def a_label_with_markup(root):
    for label in ("cats", "<script>"):
        (root / "markup" / label).mkdir(parents=True)
    return root / "markup"


def a_label_of_200_characters(root):
    for label in ("cats", "x" * 200):
        (root / "long" / label).mkdir(parents=True)
    return root / "long"


def a_link_to_itself(root):
    (root / "knot").symlink_to(root / "knot")
    return root / "knot"


@pytest.mark.parametrize(
    ("make", "message", "hint"),
    [
        (no_folder, "which does not exist", "one folder per class"),
        (a_file, "which is a file", "one folder per class"),
        (an_empty_folder, "got none", "edgecls data fetch"),
        (photos_without_class_folders, "got 1 photos and no folder", "move each photo"),
        (one_class, "got one: 'cats'", "add a folder"),
        (classes_further_down, "got one: 'inner'", "outer/inner"),
        (a_label_with_markup, "markup", "rename"),
        (a_label_of_200_characters, "200 characters", "rename"),
        (a_link_to_itself, "Expected a folder of photos", "one folder per class"),
    ],
)
def test_bad_input_is_an_error_of_its_own_with_a_next_action(
    tmp_path, edgecls, make, message, hint
):
    root = make(tmp_path)
    with pytest.raises(DataError, match=message):
        check_photos(root)
    code, out, err = edgecls("data", "check", root)
    assert code == 3
    assert out == ""
    assert "error: Expected" in err
    assert message in err
    assert hint in err.partition("hint: ")[2]
