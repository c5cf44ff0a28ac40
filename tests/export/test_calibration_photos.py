"""A folder of photos to calibrate on."""

import hashlib
import shutil

import cv2
import numpy as np
import pytest
from edgecls_device.artifact import read_artifact
from edgecls_device.errors import DataError, OptionError
from edgecls_device.images import read_image
from edgecls_device.preprocessing import Preprocessor
from edgecls_device.spec import Preprocessing
from edgecls_export.frozen import fingerprint

from edgecls.cli import explain
from edgecls.data.download import sha256_of
from edgecls.data.split import write_split
from edgecls.data.split_record import Split, SplitPhoto
from edgecls.exports.calibration import check_pictures, photos_to_calibrate
from edgecls.exports.photo_files import PhotoFiles, Pictures, halves, in_turn, prepare
from edgecls.exports.photos import choose_photos
from edgecls.exports.pictures import PhotoSource, read_training
from edgecls.exports.run import export_run
from edgecls.run_directory import RunDirectory
from tests.export.runs import write_photos, write_run
from tests.export.tiny import HEIGHT, LABELS, SPEC, WIDTH, pictures

NO_PHOTOS = Split(root="/photos", labels=LABELS, photos=())


@pytest.fixture
def folder(tmp_path):
    """A folder of 24 different photos, in no class folders."""
    write_photos(tmp_path / "camera", pictures(24, seed=21))
    return tmp_path / "camera"


def test_a_flat_folder_is_taken_in_the_order_of_contents(folder, tmp_path):
    chosen = photos_to_calibrate(folder, split=NO_PHOTOS)
    assert len(chosen.paths) == 24
    renamed = tmp_path / "renamed"
    renamed.mkdir()
    for i, path in enumerate(reversed(chosen.paths)):
        shutil.copy(path, renamed / f"photo {i}.png")
    again = photos_to_calibrate(renamed, split=NO_PHOTOS, most=5)
    same = [path.read_bytes() for path in chosen.paths[:5]]
    assert [path.read_bytes() for path in again.paths] == same


def test_class_folders_take_turns(tmp_path):
    write_photos(tmp_path / "set", pictures(24, seed=3), [LABELS[i % 4] for i in range(24)])
    chosen = photos_to_calibrate(tmp_path / "set", split=NO_PHOTOS, most=8)
    assert chosen.class_ids == (0, 1, 2, 3, 0, 1, 2, 3)
    assert len({path.parent for path in chosen.paths[:4]}) == 4


def found(folder, sizes):
    """Return files of class 0, 1, ... with made-up content hashes, as many of each as ``sizes`` says."""
    photos = []
    for class_id, size in enumerate(sizes):
        for i in range(size):
            path = folder / f"{class_id}-{i}"
            path.touch()
            photos.append((hashlib.sha256(path.name.encode()).hexdigest(), class_id, path))
    return photos


def test_whole_turns_go_by_class_and_then_by_content(tmp_path):
    photos = found(tmp_path, [3, 1, 2])
    chosen = in_turn(photos, 6)
    assert chosen.class_ids == (0, 1, 2, 0, 2, 0)
    hashes = {path: key for key, _, path in photos}
    of_first = [hashes[path] for path in chosen.paths if path.name.startswith("0-")]
    assert of_first == sorted(of_first)
    assert in_turn(photos, 3).paths == chosen.paths[:3]
    assert in_turn(photos, 99) == chosen
    assert in_turn(photos, 0) == PhotoFiles()


def test_of_more_classes_than_photos_some_are_drawn_and_not_the_first(tmp_path):
    photos = found(tmp_path, [5] * 40)
    chosen = in_turn(photos, 10)
    assert len(set(chosen.class_ids)) == 10
    assert chosen.class_ids == tuple(sorted(chosen.class_ids))
    assert max(chosen.class_ids) >= 20
    assert in_turn(photos[::-1], 10) == chosen
    more = in_turn(photos, 50)
    assert more.class_ids[:40] == tuple(range(40))
    assert len(set(more.class_ids[40:])) == 10
    assert max(more.class_ids[40:]) >= 20


def test_large_classes_are_not_drawn_before_small_ones(tmp_path):
    photos = found(tmp_path, [1, 100] * 50)
    drawn = in_turn(photos, 50).class_ids
    assert 15 <= sum(class_id % 2 for class_id in drawn) <= 35


def test_a_file_that_is_gone_leaves_its_turn_to_others(tmp_path):
    photos = found(tmp_path, [2, 2])
    in_turn(photos, 1).paths[0].unlink()
    assert len(in_turn(photos, 99).paths) == 3


def test_an_explanation_looks_at_the_photos_that_an_export_calibrates_on(tmp_path, monkeypatch):
    photos = tuple(
        SplitPhoto(path=path.name, class_id=class_id, content_hash=key, split="train")
        for key, class_id, path in found(tmp_path, [3] * 40)
    )
    labels = tuple(f"{i:02}" for i in range(40))
    run = RunDirectory(tmp_path / "run")
    run.path.mkdir()
    write_split(Split(root=str(tmp_path), labels=labels, photos=photos), run)
    monkeypatch.setattr(explain, "CALIBRATION_PHOTOS", 10)
    monkeypatch.setattr(explain, "TRAINING_PHOTOS", 60)
    calibration, others = explain._calibration(run, None)
    assert calibration == choose_photos(run, data=None, calibration=10).calibration.paths
    assert len(set(others)) == len(others) == 60
    assert not set(others) & set(calibration)


def test_folders_may_be_nested_below_one(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "all" / "2026" / "november")
    assert len(photos_to_calibrate(tmp_path / "all", split=NO_PHOTOS).paths) == 24


def test_a_data_set_made_for_training_is_read_below_its_split_folders(tmp_path):
    names = [f"{('train', 'validation')[i % 2]}/{LABELS[i // 6]}" for i in range(24)]
    write_photos(tmp_path / "set", pictures(24, seed=3), names)
    chosen = photos_to_calibrate(tmp_path / "set", split=NO_PHOTOS, most=4)
    assert chosen.class_ids == (0, 1, 2, 3)


def test_photos_that_are_checked_or_tested_on_are_not_taken(folder):
    everything = photos_to_calibrate(folder, split=NO_PHOTOS).paths
    photos = tuple(
        SplitPhoto(path=path.name, class_id=0, content_hash=sha256_of(path), split=name)
        for path, name in zip(everything, ("train", "val", "test"), strict=False)
    )
    split = Split(root=str(folder), labels=LABELS, photos=photos)
    chosen = photos_to_calibrate(folder, split=split).paths
    assert set(everything) - set(chosen) == set(everything[1:3])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: None, "does not exist"),
        (lambda folder: folder.mkdir(), "photos to calibrate on .* got none"),
        (lambda folder: folder.write_text("x"), "is a file"),
        (lambda folder: write_photos(folder, pictures(9)), "got 9 usable of 9"),
        (lambda folder: write_photos(folder, pictures(1).repeat(12, 0)), "1 usable of 12 .*11 cop"),
        (
            lambda folder: write_photos(folder, pictures(12), ["cats"] * 6 + [LABELS[0]] * 6),
            "class folders of the model .* got 'cats'",
        ),
        (
            lambda folder: write_photos(folder, pictures(12), ["cats"] * 6 + ["dogs"] * 6),
            "got 'cats', 'dogs'; its labels are circle",
        ),
    ],
)
def test_a_folder_of_no_use_is_refused(tmp_path, make, message):
    make(tmp_path / "bad")
    with pytest.raises(DataError, match=message) as error:
        photos_to_calibrate(tmp_path / "bad", split=NO_PHOTOS)
    assert error.value.hint


def test_a_run_that_was_not_trained_on_photos_takes_folders_of_any_name(tmp_path):
    write_photos(tmp_path / "any", pictures(12), ["cats"] * 6 + ["dogs"] * 6)
    assert len(photos_to_calibrate(tmp_path / "any", split=None).paths) == 12


def test_a_class_without_photos_is_noted(tmp_path, capfd):
    names = [LABELS[i % 3] for i in range(12)]
    write_photos(tmp_path / "set", pictures(12), names)
    assert len(photos_to_calibrate(tmp_path / "set", split=NO_PHOTOS).paths) == 12
    assert LABELS[3] in capfd.readouterr().err


def grey(level, noise=1.0):
    rng = np.random.default_rng(level)
    return np.clip(level + rng.normal(0, noise, (HEIGHT, WIDTH, 3)), 0, 255).astype(np.uint8)


def nearly_the_same():
    rng = np.random.default_rng(0)
    photo = pictures(1)[0].astype(int)
    noisy = [photo + rng.integers(-1, 2, photo.shape) for _ in range(20)]
    return np.clip(noisy, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.stack([grey(level) for level in range(60, 90)]), "30 of one plain colour"),
        (pictures(1).repeat(15, 0), "14 with the same pixels as others"),
        (pictures(9), "11 that cannot be read"),
        (nearly_the_same(), "nearly the same picture"),
    ],
)
def test_pixels_that_show_no_ranges_are_refused(tmp_path, images, message):
    with pytest.raises(DataError, match=message):
        check_pictures(images, tmp_path, chosen=max(20, len(images)))


def test_a_camera_that_stands_still_is_no_fault(tmp_path):
    images = pictures(1).repeat(12, 0)
    for i, image in enumerate(images):
        image[8:20, 3 * i : 3 * i + 12] = 255 - 20 * i
    check_pictures(images, tmp_path, chosen=12)


def test_pictures_are_the_bytes_that_the_device_sees(tmp_path):
    rng = np.random.default_rng(4)
    paths = []
    for i, size in enumerate([(480, 640), (97, 61), (32, 48), (300, 200)]):
        path = tmp_path / f"{i}.jpg"
        cv2.imwrite(str(path), rng.integers(0, 255, (*size, 3), np.uint8))
        paths.append(path)
    for rule in (
        SPEC.preprocessing,
        Preprocessing(height=40, width=24, crop_fraction=0.875),
        Preprocessing(height=40, width=24, resize="letterbox"),
    ):
        device = Preprocessor(rule)
        seen = np.concatenate([device(read_image(path)).copy() for path in paths])
        assert (prepare(PhotoFiles(paths=tuple(paths)), rule).images == seen).all()


def test_halves_share_no_photo_and_have_every_class():
    class_ids = (0, 1, 2, 0, 1, 2, 0, 1, 0, 0, 0)
    images = pictures(11)
    first, second = halves(Pictures(images=images, class_ids=class_ids))
    of = {image.tobytes(): class_id for image, class_id in zip(images, class_ids, strict=True)}
    seen = [[of[image.tobytes()] for image in half] for half in (first, second)]
    assert sorted(seen[0] + seen[1]) == sorted(class_ids)
    assert not {i.tobytes() for i in first} & {i.tobytes() for i in second}
    for class_id in range(3):
        assert abs(seen[0].count(class_id) - seen[1].count(class_id)) <= 1


@pytest.fixture
def run(tiny_model, tmp_path):
    splits = ["train"] * 10 + ["val"] * 2
    return write_run(tmp_path, tiny_model, pictures(12), [i % 4 for i in range(12)], splits)


def test_the_fingerprint_in_the_spec_is_that_of_the_folder(run, folder):
    done = export_run(run, formats=["tflite"], recipes=["int8"], calibration=folder)
    spec = read_artifact(done.artifacts[0].path).spec
    wanted = prepare(photos_to_calibrate(folder, split=NO_PHOTOS), spec.preprocessing).images
    assert spec.provenance.calibration_fingerprint == fingerprint(wanted)
    assert done.artifacts[0].calibration_photos == 24


def test_calibration_photos_for_recipes_that_take_none_are_refused(run, folder):
    with pytest.raises(OptionError, match="--calibration with float32, float16"):
        export_run(run, formats=["tflite"], recipes=["float32", "float16"], calibration=folder)


def test_a_bad_folder_is_found_before_the_model_is_loaded(run, tmp_path, capfd):
    with pytest.raises(DataError):
        export_run(run, calibration=tmp_path / "nothing")
    assert "Loading" not in capfd.readouterr().err


def test_few_photos_to_calibrate_on_are_noted(run, capfd):
    export_run(run, formats=["tflite"], recipes=["int8"], calibration=6)
    assert "note: 6 photos are few" in capfd.readouterr().err


def test_training_photos_are_read_to_tune_on(run):
    source = PhotoSource(calibration=4, data=None)
    assert len(read_training(run, SPEC, source, 50)) == 10
    assert len(read_training(run, SPEC, source, 10)) == 10


def test_too_few_photos_to_tune_on_are_refused(run, tmp_path):
    write_photos(tmp_path / "any", pictures(12))
    run.split.unlink()
    for data, found in ((None, 0), (tmp_path / "any", 4)):
        source = PhotoSource(calibration=4, data=data)
        with pytest.raises(OptionError, match=f"at least 10 photos to tune on, got {found}"):
            read_training(run, SPEC, source, 50)
