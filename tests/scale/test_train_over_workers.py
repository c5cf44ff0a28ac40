"""Training whose features worker processes compute; starts TensorFlow."""

import sqlite3

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("ai_edge_litert")

from edgecls_device.errors import OptionError

from edgecls.distributed.group import Alone
from edgecls.scale.executors import open_executor
from edgecls.training import extractor as extractors
from edgecls.training.backbones import BACKBONES, build
from edgecls.training.extractor import portable_copy
from edgecls.training.train import train
from tests.training.conftest import write_photos

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("photos"), {"disc": 12, "square": 12})


def cached(cache):
    (path,) = cache.glob("*.sqlite")
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT * FROM features ORDER BY content_hash").fetchall()
    finally:
        connection.close()


def test_a_training_over_workers_is_that_of_one_process_bit_for_bit(folder, tmp_path):
    def run(name, **options):
        record = train(
            folder,
            out=tmp_path / name / "run",
            size=32,
            epochs=2,
            cache=tmp_path / name / "cache",
            **options,
        )
        spec = (tmp_path / name / "run" / "spec.json").read_text()
        return record, [line for line in spec.splitlines() if "model_fingerprint" in line]

    here, here_model = run("here")
    over, over_model = run("over", executor=lambda: open_executor("local", workers=2))
    assert (over.features_computed, over.features_cached) == (24, 0)
    assert cached(tmp_path / "over" / "cache") == cached(tmp_path / "here" / "cache")
    assert over_model == here_model
    assert over.history == here.history
    again, _ = run("over", executor=lambda: pytest.fail("all features are cached"))
    assert (again.features_computed, again.features_cached) == (0, 24)


def no_worker():
    pytest.fail("no worker is needed")


def test_workers_that_would_have_nothing_to_do_are_refused(folder, tmp_path):
    with pytest.raises(OptionError, match="small_cnn"):
        train(folder, out=tmp_path / "run", backbone="small_cnn", executor=no_worker)

    class Two(Alone):
        size = 2

    with pytest.raises(OptionError, match="2 processes"):
        train(folder, out=tmp_path / "run", group=Two(), executor=no_worker)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("damage", ["none", "truncated", "of other weights"])
def test_the_copy_for_workers_is_the_backbone_whatever_lies_in_its_place(tmp_path, damage):
    backbone = build(BACKBONES["small_cnn"], size=32)
    copy = tmp_path / "copy.tflite"
    runtime, whole = portable_copy(backbone, copy)
    assert runtime == "litert"
    if damage == "truncated":
        copy.write_bytes(whole[: len(whole) // 2])
    if damage == "of other weights":
        other = build(BACKBONES["small_cnn"], size=32)
        other.set_weights([array * 1.1 for array in other.get_weights()])
        copy.write_bytes(extractors._convert(other))
    before = copy.stat().st_mtime_ns
    _, again = portable_copy(backbone, copy)
    assert len(again) == len(whole)
    assert copy.read_bytes() == again
    assert (copy.stat().st_mtime_ns == before) == (damage == "none")
