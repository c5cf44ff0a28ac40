import pytest
from edgecls_device.errors import DataError, MissingDependencyError, OptionError, StorageError

from edgecls.training import efficientnet_lite0 as lite0
from edgecls.training.train import train
from tests.training.conftest import write_photos

SMALL = {"backbone": "small_cnn", "size": 32, "epochs": 8, "batch_size": 16}
PRETRAINED = {"size": 64, "epochs": 20}


def broken(folder):
    for path in (folder / "disc").iterdir():
        path.write_bytes(path.read_bytes()[:300])


def few(folder):
    for path in sorted((folder / "disc").iterdir())[2:]:
        path.unlink()


def empty(folder):
    for path in (folder / "disc").iterdir():
        path.unlink()


def one_class(folder):
    empty(folder)
    (folder / "disc").rmdir()


def markup(folder):
    (folder / "disc").rename(folder / "<b>disc<")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (broken, "0 in 'disc'|none in 'disc'"),
        (few, "got 2 in 'disc'"),
        (empty, "'disc'"),
        (one_class, "two class"),
        (markup, "label"),
    ],
)
def test_photos_that_cannot_be_trained_on_are_refused_by_name(tmp_path, change, message):
    folder = write_photos(tmp_path / "photos", {"disc": 6, "square": 6})
    change(folder)
    with pytest.raises(DataError, match=message) as caught:
        train(folder, out=tmp_path / "run", **SMALL)
    assert caught.value.hint
    assert not list((tmp_path / "run").glob("*"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backbone": "efficientnet"}, "a backbone that edgecls knows"),
        ({"backbone": "small_cnn", "fine_tune": 1}, "--fine-tune with a pretrained backbone"),
        ({"epochs": 0}, "--epochs to be 1..10000, got 0"),
        ({"size": 7}, "--size"),
        ({"batch_size": 0}, "--batch-size"),
        ({"seed": -1}, "--seed"),
        ({"resize": "squash"}, "--resize"),
    ],
)
def test_an_option_that_cannot_be_honoured_is_refused_before_any_work(
    photos, tmp_path, options, message
):
    with pytest.raises(OptionError, match=message):
        train(photos, out=tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_more_blocks_than_there_are_is_refused(photos, tmp_path):
    with pytest.raises(OptionError, match="at most 16 blocks"):
        train(photos, out=tmp_path / "run", cache=tmp_path, fine_tune=17, **PRETRAINED)


def test_a_run_inside_the_photos_is_refused(tmp_path):
    folder = write_photos(tmp_path / "photos", {"disc": 6, "square": 6})
    with pytest.raises(OptionError, match="outside of the photos"):
        train(folder, out=folder / "run")
    assert not (folder / "run").exists()


def test_a_run_directory_that_is_a_file_is_refused(photos, tmp_path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(StorageError, match="Cannot create"):
        train(photos, out=tmp_path / "run", **SMALL)


def test_without_the_weights_package_the_extra_is_named(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(lite0, "_PACKAGE", "no_such_package_at_all")
    with pytest.raises(MissingDependencyError) as caught:
        train(photos, out=tmp_path / "run")
    assert "edgecls[train]" in caught.value.hint


def test_a_folder_that_does_not_exist_is_refused_before_a_run_is_created(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        train(tmp_path / "none", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_directory_that_stays_empty_is_removed(tmp_path):
    for label in ("a", "b"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for i in range(6):
            (tmp_path / "photos" / label / f"{i}.jpg").write_text(f"{label}{i}")
    with pytest.raises(DataError, match="at least 5 photos"):
        train(tmp_path / "photos", out=tmp_path / "run", backbone="small_cnn", size=32)
    assert not (tmp_path / "run").exists()
