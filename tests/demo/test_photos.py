import pytest
from edgecls_device.errors import OptionError
from edgecls_device.images import read_image

from edgecls.data.load import load_photos
from edgecls.demo.photos import are_drawn, draw_photos
from edgecls.demo.shapes import LABELS


def contents(root):
    return {path.relative_to(root): path.read_bytes() for path in sorted(root.rglob("*.jpg"))}


def test_photos_are_class_folders_that_training_reads(tmp_path):
    draw_photos(tmp_path / "photos", seed=0, per_class=5)
    photos = load_photos(tmp_path / "photos")
    assert photos.labels == LABELS
    assert photos.counts == dict.fromkeys(LABELS, 5)
    assert not photos.skipped
    assert read_image(photos.photos[0].path).ndim == 3


def test_photos_do_not_depend_on_threads_and_order(tmp_path, monkeypatch):
    draw_photos(tmp_path / "a", seed=3, per_class=2)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    draw_photos(tmp_path / "b", seed=3, per_class=2)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_photos_that_are_there_are_known(tmp_path):
    root = tmp_path / "photos"
    assert not are_drawn(root, seed=0, per_class=1)
    draw_photos(root, seed=0, per_class=1)
    assert are_drawn(root, seed=0, per_class=1)
    assert not are_drawn(root, seed=1, per_class=1)
    assert not are_drawn(root, seed=0, per_class=2)
    next(root.rglob("*.jpg")).unlink()
    assert not are_drawn(root, seed=0, per_class=1)


def test_photos_of_another_seed_are_replaced(tmp_path):
    root = tmp_path / "photos"
    draw_photos(root, seed=0, per_class=2)
    before = contents(root)
    draw_photos(root, seed=1, per_class=1)
    assert len(contents(root)) == len(LABELS)
    assert not set(before.values()) & set(contents(root).values())
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_a_folder_of_somebody_else_is_left_alone(tmp_path):
    root = tmp_path / "photos"
    (root / "cats").mkdir(parents=True)
    (root / "cats" / "1.jpg").write_bytes(b"mine")
    with pytest.raises(OptionError, match="Expected photos that the demo drew") as caught:
        draw_photos(root, seed=0, per_class=1)
    assert "--out" in caught.value.hint
    assert (root / "cats" / "1.jpg").read_bytes() == b"mine"


def test_stopping_leaves_what_was_there(tmp_path):
    root = tmp_path / "photos"
    draw_photos(root, seed=0, per_class=1)
    before = contents(root)

    def stop(steps=1):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw_photos(root, seed=1, per_class=1, on_progress=stop)
    assert contents(root) == before
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_what_a_killed_run_left_is_removed(tmp_path):
    left_over = tmp_path / ".photos.drawing-abc"
    left_over.mkdir()
    (left_over / "x.jpg").write_bytes(b"half")
    draw_photos(tmp_path / "photos", seed=0, per_class=1)
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]
