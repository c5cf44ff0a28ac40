"""Drawn photos: of a seed alone, unlike each other, and there again after any interruption."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from edgecls_device.errors import ExecutorError, OptionError
from edgecls_device.images import decode_image

from edgecls.scale import synthetic
from edgecls.scale.reading import read_piece
from edgecls.scale.sources import find_pieces
from edgecls.scale.synthetic import SyntheticPhotos, synthesize
from edgecls.scale.synthetic_drawing import SHAPES, draw_photos
from tests.data.conftest import edgecls  # noqa: F401


def drawn(begin, end, *, seed=0, size=64, classes=3):
    return list(draw_photos(begin, end, seed=seed, size=size, classes=classes))


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("shard-*"))}


def test_a_photo_depends_on_seed_and_number_alone():
    photos = drawn(0, 30)
    assert drawn(7, 19) == photos[7:19]
    assert drawn(29, 30) == photos[29:]
    assert drawn(5, 5) == []
    assert not {data for _, data in drawn(0, 30, seed=1)} & {data for _, data in photos}


def test_no_two_photos_are_the_same():
    assert len({data for _, data in drawn(0, 3000)}) == 3000
    assert len({data for _, data in drawn(10**9 - 500, 10**9, size=16)}) == 500


@pytest.mark.parametrize("size", [16, 64, 200])
def test_photos_are_pictures_of_the_size_in_turn_of_each_class(size):
    photos = drawn(0, 16, size=size, classes=8)
    assert [label for label, _ in photos] == list(SHAPES) * 2
    for _, data in photos:
        frame = decode_image(data)
        assert frame.shape == (size, size, 3)
        assert frame.std() > 10


def test_classes_can_be_told_apart_by_more_than_colour():
    """The nearest mean of blurred edges is right far more often than chance."""

    def edges(data):
        grey = decode_image(data).mean(axis=2)
        rows, columns = np.gradient(grey)
        strength = np.hypot(rows, columns).reshape(16, 4, 16, 4).mean(axis=(1, 3))
        return (strength / np.linalg.norm(strength)).ravel()

    train = [(label, edges(data)) for label, data in drawn(0, 450)]
    means = {label: np.mean([e for who, e in train if who == label], axis=0) for label, _ in train}
    test = [(label, edges(data)) for label, data in drawn(450, 600)]
    right = [label == max(means, key=lambda who: means[who] @ e) for label, e in test]
    assert np.mean(right) > 0.6


def test_shards_are_the_same_on_one_process_and_on_two(tmp_path):
    wanted = SyntheticPhotos(photos=130, seed=3, size=16, photos_per_shard=50)
    seen = []
    alone = synthesize(tmp_path / "a", wanted, workers=1, on_progress=seen.append)
    synthesize(tmp_path / "b", wanted, workers=2)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert (alone.shards, alone.written, sum(seen)) == (3, 3, 130)
    assert alone.size_bytes == sum(map(len, contents(tmp_path / "a").values()))
    photos = [photo for piece in find_pieces(tmp_path / "a") for photo in read_piece(piece)]
    expected = drawn(0, 130, seed=3, size=16)
    assert [(photo.label, photo.data) for photo in photos] == expected
    assert [photo.key for photo in photos] == [
        f"{label}/{i:08}" for i, (label, _) in enumerate(expected)
    ]


def test_a_repeat_draws_what_is_missing(tmp_path):
    wanted = SyntheticPhotos(photos=100, size=16, photos_per_shard=20)
    synthesize(tmp_path, wanted, workers=1)
    before = contents(tmp_path)
    (tmp_path / "shard-000001.tar").unlink()
    (tmp_path / ".shard-000004.left.tar").touch()
    seen = []
    done = synthesize(tmp_path, wanted, workers=1, on_progress=seen.append)
    assert (done.written, sum(seen)) == (1, 100)
    assert contents(tmp_path) == before
    assert synthesize(tmp_path, wanted).written == 0


def test_another_set_is_not_mixed_in(tmp_path):
    synthesize(tmp_path / "a", SyntheticPhotos(photos=10, size=16), workers=1)
    with pytest.raises(OptionError, match="seed 0 instead of 1"):
        synthesize(tmp_path / "a", SyntheticPhotos(photos=10, size=16, seed=1), workers=1)
    (tmp_path / "a" / "shards.json").write_text("{}")
    with pytest.raises(OptionError, match="got others"):
        synthesize(tmp_path / "a", SyntheticPhotos(photos=10, size=16), workers=1)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "notes.txt").touch()
    with pytest.raises(OptionError, match="empty folder"):
        synthesize(tmp_path / "b", SyntheticPhotos(photos=10, size=16), workers=1)


@pytest.mark.parametrize(
    "option",
    [
        *({"photos": 0}, {"size": 8}, {"seed": -1}, {"photos_per_shard": 0}),
        *({"labels": ("circle",)}, {"labels": ("cats", "dogs")}),
    ],
)
def test_what_cannot_be_drawn_is_refused(option):
    with pytest.raises(OptionError, match="Expected"):
        SyntheticPhotos(**{"photos": 10} | option)


def test_a_killed_process_is_a_typed_error(tmp_path, monkeypatch):
    pool = synthetic.ProcessPoolExecutor

    class Killing(pool):
        def submit(self, *arguments):
            return super().submit(_die)

    monkeypatch.setattr(synthetic, "ProcessPoolExecutor", Killing)
    wanted = SyntheticPhotos(photos=40, size=16, photos_per_shard=20)
    with pytest.raises(ExecutorError, match="killed"):
        synthesize(tmp_path, wanted, workers=2)


def _die():
    os.kill(os.getpid(), signal.SIGKILL)


def test_killed_in_the_middle_it_goes_on_to_the_same_shards(tmp_path):
    words = [sys.executable, "-m", "edgecls", "data", "synthesize", str(tmp_path / "a")]
    words += ["--photos", "100000", "--size", "16", "--photos-per-shard", "100", "--workers", "1"]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as process:
        while not (tmp_path / "a" / "shard-000003.tar").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    names = sorted(path.name for path in (tmp_path / "a").glob("shard-*"))
    first = dict(list(contents(tmp_path / "a").items())[:4])
    assert 4 <= len(names) < 1000
    wanted = SyntheticPhotos(photos=400, size=16, photos_per_shard=100)
    synthesize(tmp_path / "b", wanted, workers=1)
    assert contents(tmp_path / "b") == first


def test_the_command_says_what_it_drew(tmp_path, edgecls):  # noqa: F811
    options = ("--photos", 30, "--size", 16, "--classes", 4, "--photos-per-shard", 20)
    code, out, _ = edgecls("data", "synthesize", tmp_path / "a", *options)
    assert code == 0
    assert "30 photos of circle, square, triangle, star in 2 shards" in out
    code, out, _ = edgecls("data", "synthesize", tmp_path / "a", *options, "--json")
    assert (code, json.loads(out)["written"]) == (0, 0)
    code, _, err = edgecls("data", "synthesize", tmp_path / "a", "--photos", 31)
    assert code == 2
    assert "photos 30 instead of 31" in err
