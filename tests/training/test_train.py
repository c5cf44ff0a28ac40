import numpy as np
import pytest
from edgecls_device.errors import (
    StorageError,
    TrainingError,
)
from edgecls_device.files import read_bytes
from edgecls_device.golden import golden_inputs
from edgecls_device.records import from_json
from edgecls_device.spec import ModelSpec

from edgecls.data.split import read_split
from edgecls.run_directory import RunDirectory
from edgecls.training import keras_classifier, outputs
from edgecls.training.record import TrainingRecord
from edgecls.training.train import train
from tests.training.conftest import write_photos

pytestmark = pytest.mark.slow

SMALL = {"backbone": "small_cnn", "size": 32, "epochs": 8, "batch_size": 16}
PRETRAINED = {"size": 64, "epochs": 20}


def keras_model(run):
    import keras

    return keras.models.load_model(run.model, safe_mode=True)


def weights(run):
    return keras_model(run).get_weights()


@pytest.fixture(scope="module")
def trained(photos, tmp_path_factory):
    run = RunDirectory(tmp_path_factory.mktemp("runs") / "shapes")
    return run, train(photos, out=run.path, **SMALL)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def on_features(photos, cache, tmp_path_factory):
    run = RunDirectory(tmp_path_factory.mktemp("runs") / "lite0")
    return run, train(photos, out=run.path, cache=cache, **PRETRAINED)


def test_a_small_network_learns_from_scratch(trained):
    _, record = trained
    assert record.test.accuracy > 0.8
    assert [epoch.epoch for epoch in record.history] == list(range(1, 9))
    assert record.history[-1].loss < record.history[0].loss
    assert record.photos["disc"]["train"] + record.photos["disc"]["val"] < 40


def test_a_head_learns_on_a_frozen_backbone(on_features):
    _, record = on_features
    assert record.test.accuracy > 0.8
    assert (record.features_computed, record.features_cached) == (120, 0)
    assert not record.is_fine_tuned


@pytest.mark.parametrize("which", ["trained", "on_features"])
def test_the_files_of_a_run_agree_with_each_other(which, request):
    run, record = request.getfixturevalue(which)
    spec, split = run.read_spec(), read_split(run.split)
    written = from_json(TrainingRecord, read_bytes(run.training, max_bytes=10**7), name="x")
    assert written == record
    assert spec.labels == split.labels == ("disc", "square", "stripes")
    assert spec.name == run.name
    model = keras_model(run)
    assert (model.input.name, model.layers[-2].name, model.layers[-1].name) == (
        "image",
        "logits",
        "scores",
    )
    size = spec.preprocessing.height
    inputs = golden_inputs(spec.golden.seed, size, size, count=len(spec.golden.scores))
    scores = np.asarray(model(inputs.astype(np.float32), training=False))
    assert np.abs(scores - np.array(spec.golden.scores)).max() < 1e-5
    assert not [path for path in run.path.iterdir() if path.name.startswith(".")]
    assert not run.checkpoint.exists()


@pytest.mark.parametrize("which", ["trained", "on_features"])
def test_the_written_model_gives_the_accuracy_in_the_record(which, request):
    from edgecls.training.features import read_pixels

    run, record = request.getfixturevalue(which)
    split, spec = read_split(run.split), run.read_spec()
    model = keras_model(run)
    photos = split.subset("test")
    pixels = np.stack([read_pixels(split.path_of(p), spec.preprocessing) for p in photos])
    best = np.asarray(model(pixels.astype(np.float32))).argmax(axis=1)
    assert np.mean(best == [p.class_id for p in photos]) == pytest.approx(record.test.accuracy)


@pytest.mark.parametrize(("which", "options"), [("trained", SMALL), ("on_features", PRETRAINED)])
def test_the_same_seed_gives_the_same_model(which, options, photos, cache, tmp_path, request):
    run, _ = request.getfixturevalue(which)
    again = RunDirectory(tmp_path / run.name)
    record = train(photos, out=again.path, cache=cache, **options)
    assert record.features_computed == 0
    for first, second in zip(weights(run), weights(again), strict=True):
        assert np.abs(first - second).max() <= 1e-5


def test_broken_photos_are_skipped_and_counted(tmp_path):
    folder = write_photos(tmp_path / "photos", {"disc": 9, "square": 9})
    for name in ("0.png", "1.png"):
        path = folder / "disc" / name
        path.write_bytes(path.read_bytes()[:300])
    record = train(folder, out=tmp_path / "run", **{**SMALL, "epochs": 1})
    assert record.skipped == {"undecodable": 2}
    assert sum(record.photos["disc"].values()) == 7


def test_a_full_disk_leaves_the_run_before_as_it_was(
    photos, cache, on_features, tmp_path, monkeypatch
):
    run = RunDirectory(tmp_path / "run")
    train(photos, out=run.path, cache=cache, **PRETRAINED)
    before = {path.name: path.read_bytes() for path in run.path.iterdir()}

    def full(_model, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(outputs, "save_model", full)
    with pytest.raises(StorageError, match="No space left"):
        train(photos, out=run.path, cache=cache, size=64, epochs=2)
    assert {path.name: path.read_bytes() for path in run.path.iterdir()} == before


def test_a_model_that_gives_no_numbers_is_never_written(photos, cache, tmp_path, monkeypatch):
    monkeypatch.setattr(
        keras_classifier, "golden_inputs", lambda *_: np.full((1, 64, 64, 3), np.nan)
    )
    with pytest.raises(TrainingError, match="NaN"):
        train(photos, out=tmp_path / "run", cache=cache, **PRETRAINED)
    assert not (tmp_path / "run").exists()


def test_what_was_made_of_another_model_is_moved_away(photos, cache, tmp_path, capsys):
    run = RunDirectory(tmp_path / "run")
    train(photos, out=run.path, cache=cache, **PRETRAINED)
    run.exports.mkdir()
    (run.exports / "run.int8.tflite").write_bytes(b"x")
    run.compare.write_text("{}")
    run.benches.mkdir()
    run.configuration.write_text('source = "0"\n')
    train(photos, out=run.path, cache=cache, **PRETRAINED)
    assert run.compare.exists()  # the same model again
    train(photos, out=run.path, cache=cache, size=64, epochs=1)
    assert not run.compare.exists()
    assert not run.exports.exists()
    assert not run.benches.exists()
    assert run.configuration.exists()  # with what a user wrote into it
    assert (run.previous / "exports" / "run.int8.tflite").read_bytes() == b"x"
    assert "compare.json, bench were made of the model before" in capsys.readouterr().err


def test_added_photos_leave_the_others_in_their_split(tmp_path):
    folder = write_photos(tmp_path / "photos", {"disc": 6, "square": 6})
    quick = {**SMALL, "epochs": 1}
    run = RunDirectory(tmp_path / "run")
    train(folder, out=run.path, **quick)
    before = {p.content_hash: p.split for p in read_split(run.split).photos}
    write_photos(folder / ".." / "more", {"disc": 12, "square": 12}, seed=5)
    for path in (tmp_path / "more").rglob("*.png"):
        path.rename(folder / path.parent.name / f"more{path.name}")
    train(folder, out=run.path, **quick)
    after = {p.content_hash: p.split for p in read_split(run.split).photos}
    assert len(after) == 36
    assert {name: after[name] for name in before} == before


def test_fine_tuning_is_kept_only_where_it_measures_better(
    photos, cache, on_features, tmp_path, capsys
):
    run = RunDirectory(tmp_path / "run")
    record = train(photos, out=run.path, cache=cache, fine_tune=1, size=64, epochs=1)
    stages = [epoch.stage for epoch in record.history]
    assert stages[-1] == "fine-tune"
    assert stages.count("fine-tune") == 1
    frozen = weights(on_features[0])[: len(weights(run)) // 2]
    assert all((a == b).all() for a, b in zip(frozen, weights(run), strict=False))  # lower blocks
    assert record.is_fine_tuned != ("is not kept" in capsys.readouterr().err)


def test_a_spec_written_by_training_is_read_back(trained):
    run, record = trained
    spec = from_json(ModelSpec, run.spec.read_text(), name="spec.json")
    assert spec.provenance.photos == {
        name: sum(counts[name] for counts in record.photos.values())
        for name in ("train", "val", "test")
    }
    assert len(spec.provenance.model_fingerprint) == 64


def test_real_photos_are_told_apart_with_the_defaults(cats_dogs, cache, tmp_path):
    folder = tmp_path / "photos"
    for label in ("cats", "dogs"):
        (folder / label).mkdir(parents=True)
        for photo in sorted((cats_dogs / label).iterdir())[:60]:
            (folder / label / photo.name).symlink_to(photo)
    record = train(folder, out=tmp_path / "run", cache=cache)
    assert record.val.photos + record.test.photos >= 15
    right = [part.accuracy * part.photos for part in (record.val, record.test)]
    assert sum(right) >= record.val.photos + record.test.photos - 2
