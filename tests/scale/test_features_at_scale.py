import io
import json
import os
import shlex
import subprocess
import sys
import tarfile
from contextlib import contextmanager
from dataclasses import replace

import cv2
import numpy as np
import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("ai_edge_litert")

from edgecls_device.errors import ArtifactError, ExecutorError, MissingDependencyError
from edgecls_device.spec import Preprocessing

from edgecls.data.load import load_photos
from edgecls.scale import extracting
from edgecls.scale.executors import open_executor
from edgecls.scale.extracting import features_over
from edgecls.scale.features_task import FeaturesTask
from edgecls.scale.job import run_job
from edgecls.scale.sources import find_pieces
from edgecls.training import extractor as extractors
from edgecls.training.feature_cache import FeatureCache
from edgecls.training.features import compute_features
from tests.data.conftest import edgecls  # noqa: F401
from tests.device.tiny_models import FLOAT, tflite_model
from tests.scale.in_this_process import InThisProcess
from tests.scale.tars import write_tar
from tests.training.conftest import write_photos

RULE = Preprocessing(height=8, width=8)
MEAN_COLOUR = tflite_model(outputs=(3,), dtype=FLOAT)
TASK = FeaturesTask(model=MEAN_COLOUR, preprocessing=RULE, runtime="litert", extractor="colour")


class Opened:
    """Opens an executor, and counts how often."""

    def __init__(self, executor=None):
        self.count = 0
        self.executor = executor or InThisProcess()

    @contextmanager
    def __call__(self):
        self.count += 1
        yield self.executor


@pytest.fixture
def folder(tmp_path):
    return write_photos(tmp_path / "photos", {"disc": 40, "square": 40})


def here(photo_set, path):
    """The features that are computed in this process."""
    with FeatureCache(path, length=3) as cache:
        return compute_features(
            photo_set.photos,
            cache,
            RULE,
            lambda: extractors._tflite_extractor(MEAN_COLOUR, "litert", 2),
            threads=2,
        )


def over(photo_set, path, opened, make_task=lambda: TASK):
    with FeatureCache(path, length=3) as cache:
        return features_over(opened, photo_set.photos, photo_set.root, cache, make_task)


def same(one, other):
    assert one.vectors.keys() == other.vectors.keys()
    return all(np.array_equal(one.vectors[name], other.vectors[name]) for name in one.vectors)


def test_workers_give_the_features_of_this_process_bit_for_bit(folder, tmp_path):
    photo_set = load_photos(folder)
    wanted = here(photo_set, tmp_path / "here.sqlite")
    found = over(photo_set, tmp_path / "over.sqlite", lambda: open_executor("local", workers=2))
    assert same(found, wanted)
    assert (found.computed, found.cached, found.undecodable) == (80, 0, {})


def test_what_is_in_the_cache_opens_no_worker(folder, tmp_path):
    photo_set, path, opened = load_photos(folder), tmp_path / "x.sqlite", Opened()
    first = over(photo_set, path, opened)
    second = over(photo_set, path, opened, make_task=lambda: pytest.fail("nothing is missing"))
    assert opened.count == 1
    assert same(first, second)
    assert (second.computed, second.cached) == (0, 80)
    write_photos(folder, {"stripes": 6}, seed=9)
    third = over(load_photos(folder), path, opened)
    assert (third.computed, third.cached) == (6, 80)


class StopsAfterOne(InThisProcess):
    def run(self, work, pieces):
        yield work(pieces[0])
        raise KeyboardInterrupt


def test_what_a_worker_had_finished_before_ctrl_c_is_kept(folder, tmp_path):
    photo_set, path = load_photos(folder), tmp_path / "x.sqlite"
    with pytest.raises(KeyboardInterrupt):
        over(photo_set, path, Opened(StopsAfterOne()))
    rest = over(photo_set, path, Opened())
    assert (rest.cached, rest.computed) == (64, 16)


def test_photos_that_do_not_decode_are_named_and_do_not_stop_the_others(folder, tmp_path):
    broken = folder / "disc" / "0.png"
    broken.write_bytes(broken.read_bytes()[:200])
    photo_set = load_photos(folder)
    vanished, changed = photo_set.photos[-1].path, photo_set.photos[-2].path
    vanished.unlink()
    changed.write_bytes(photo_set.photos[5].path.read_bytes())
    found = over(photo_set, tmp_path / "x.sqlite", Opened())
    assert set(found.undecodable) == {broken, vanished, changed}
    assert "cut off" in found.undecodable[broken]
    assert "changed" in found.undecodable[changed]
    assert len(found.vectors) == 77


class WithoutTheDisk(InThisProcess):
    """Its workers are machines on which the folder is another one, and empty."""

    def __init__(self, place):
        self.place = place

    def run(self, work, pieces):
        self.place.mkdir(exist_ok=True)
        return super().run(work, [replace(p, location=str(self.place)) for p in pieces])


def test_a_worker_without_the_photos_is_an_error_and_not_fewer_photos(folder, tmp_path):
    opened = Opened(WithoutTheDisk(tmp_path / "elsewhere"))
    with pytest.raises(ExecutorError, match="every worker") as caught:
        over(load_photos(folder), tmp_path / "x.sqlite", opened)
    assert "same path" in caught.value.hint


def test_rows_tell_label_hash_and_vector_and_fit_no_label_at_all(folder, tmp_path):
    photos = sorted((folder / "disc").iterdir())[:3]
    zero, one, two = (photo.read_bytes() for photo in photos)
    members = {"0.png": zero, "0.cls": b"7", "1.png": one, "1.txt": b"disc", "2.png": two}
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name, data in {**members, "9.jpg": b"broken"}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    pieces = find_pieces(tmp_path / "a.tar")
    results = run_job(pieces, TASK, results=tmp_path / "results", executor=InThisProcess())
    rows = {row["key"]: row for row in results.rows()}
    assert {key: row["label"] for key, row in rows.items()} == {
        "0": "7",
        "1": "disc",
        "2": None,
        "9": None,
    }
    assert (results.photos, results.failed) == (4, 1)
    assert "Expected a JPEG" in rows["9"]["error"]
    assert rows["9"]["vector"] is None
    picture = cv2.resize(cv2.imread(str(photos[0])), (8, 8), interpolation=cv2.INTER_AREA)
    assert rows["0"]["vector"] == pytest.approx(picture.mean(axis=(0, 1))[::-1], abs=2)
    assert rows["0"]["content_hash"] == load_photos(folder).photos[0].content_hash


def test_other_features_are_another_job():
    assert (
        TASK.fingerprint
        == FeaturesTask(
            model=MEAN_COLOUR, preprocessing=RULE, runtime="litert", extractor="colour"
        ).fingerprint
    )
    changes = (
        {"model": MEAN_COLOUR + b"\0"},
        {"preprocessing": Preprocessing(height=8, width=8, resize="stretch")},
        {"runtime": "tflite-runtime"},
        {"extractor": "another"},
        {"versions": ("ai_edge_litert 9",)},
    )
    fields = {
        "model": MEAN_COLOUR,
        "preprocessing": RULE,
        "runtime": "litert",
        "extractor": "colour",
    }
    fingerprints = {FeaturesTask(**{**fields, **change}).fingerprint for change in changes}
    assert len(fingerprints | {TASK.fingerprint}) == 6


def test_a_model_that_the_runtime_refuses_is_said_when_it_is_opened():
    broken = FeaturesTask(model=b"x" * 100, preprocessing=RULE, runtime="litert", extractor="x")
    with pytest.raises(ArtifactError):
        broken.open()


@pytest.fixture
def colours(monkeypatch, tmp_path):
    """A "backbone" without TensorFlow: the mean colour."""

    class Network:
        output_shape = (None, 3)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("edgecls.cli.data_features.build", lambda *_, **__: Network())
    monkeypatch.setattr("edgecls.cli.data_features.extractor_fingerprint", lambda *_: "colours")
    monkeypatch.setattr(extracting, "portable_copy", lambda *_: ("litert", MEAN_COLOUR))
    monkeypatch.setattr(
        "edgecls.training.settings.Preprocessing",
        lambda **options: Preprocessing(**{**options, "height": 8, "width": 8}),
    )


def test_the_command_writes_parts_and_says_how_to_read_them(folder, tmp_path, edgecls, colours):  # noqa: F811
    (folder / "disc" / "page.jpg").write_bytes(b"<html>")
    out = tmp_path / "it's features"
    code, text, _ = edgecls("data", "features", folder, "--out", out)
    assert code == 0
    assert "1 parts with 81 photos" in text
    assert "1 photos could not be used" in text
    assert "photos per second" in text
    line = next(line for line in text.splitlines() if line.startswith("Read them: python "))
    words = shlex.split(line.removeprefix("Read them: python "))
    read = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True)
    assert "vector: list<" in read.stdout
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    code, again, _ = edgecls("data", "features", folder, "--out", out, "--json")
    record = json.loads(again)
    assert code == 0
    assert (record["computed"], record["photos"], record["failed"]) == (0, 81, 1)
    assert (record["features"], record["parts"]) == (3, 1)
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before
    code, _, err = edgecls("data", "features", folder, "--out", out, "--resize", "stretch")
    assert code == 2
    assert "--out" in err.partition("hint: ")[2]


def test_a_shard_that_was_replaced_counts_as_computed(folder, tmp_path, edgecls, colours):  # noqa: F811
    shards, out = tmp_path / "shards", tmp_path / "out"
    photos = sorted((folder / "disc").iterdir())
    for name, some in {"a": photos[:3], "b": photos[3:5]}.items():
        write_tar(shards / f"{name}.tar", [(photo.name, photo.read_bytes()) for photo in some])
    assert edgecls("data", "features", shards, "--out", out)[0] == 0
    write_tar(shards / "b.tar", [(photo.name, photo.read_bytes()) for photo in photos[5:9]])
    os.utime(shards / "b.tar", (1, 1))  # lest it be of the same tick of the clock and the same size
    code, text, err = edgecls("data", "features", shards, "--out", out)
    assert code == 0
    assert "1 of 2 pieces have changed" in err
    assert "Computed 4 in " in text
    code, text, _ = edgecls("data", "features", shards, "--out", out)
    assert "All of it was there already." in text


def test_photos_none_of_which_decode_are_an_error(tmp_path, edgecls, colours):  # noqa: F811
    for label in "ab":
        (tmp_path / "photos" / label).mkdir(parents=True)
        (tmp_path / "photos" / label / "1.jpg").write_bytes(b"x")
    code, _, err = edgecls("data", "features", tmp_path / "photos", "--out", tmp_path / "out")
    assert code == 3
    assert "edgecls data check" in err


def test_a_backbone_that_has_learnt_nothing_is_refused(tmp_path, edgecls):  # noqa: F811
    code, _, err = edgecls(
        "data", "features", tmp_path, "--out", tmp_path / "out", "--backbone", "small_cnn"
    )
    assert code == 2
    assert "pretrained" in err
    assert "mobilenet_v2" in err.partition("hint: ")[2]


def test_without_a_runtime_there_is_no_task(monkeypatch, tmp_path):
    monkeypatch.setattr("edgecls_device.backends.table.installed_backends", lambda _: ())
    with pytest.raises(MissingDependencyError):
        extractors.portable_copy(None, tmp_path / "x.tflite")


@pytest.mark.parametrize(
    "more",
    [
        ("--distributed", "--executor", "local"),
        ("--distributed", "--workers", "2"),
        ("--executor", "local", "--address", "127.0.0.1:6379"),
    ],
)
def test_workers_that_contradict_other_options_of_a_training_are_refused(tmp_path, edgecls, more):  # noqa: F811
    code, out, err = edgecls("train", tmp_path, "--out", tmp_path / "run", *more)
    assert (code, out) == (2, "")
    assert "leave --" in err.partition("hint: ")[2]
    assert not (tmp_path / "run").exists()
