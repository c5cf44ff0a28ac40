import numpy as np
import pytest
from edgecls_device.errors import OptionError, TrainingError
from edgecls_device.spec import Preprocessing

from edgecls.data.load import load_photos
from edgecls.training.backbones import BACKBONES, build
from edgecls.training.end_to_end import EndToEndOptions, LabelledPaths, train_end_to_end, unfreeze
from edgecls.training.head import Head
from edgecls.training.keras_classifier import classifier
from edgecls.training.learner import Learner
from edgecls.training.pictures import Pictures

pytestmark = pytest.mark.slow


def model_of(name, *, size=32, classes=3):
    backbone = build(BACKBONES[name], size=size, pretrained=False)
    length = backbone.output_shape[-1]
    kernel = np.random.default_rng(0).normal(scale=0.01, size=(length, classes))
    return classifier(
        backbone, Head(kernel=kernel.astype(np.float32), bias=np.zeros(classes, np.float32))
    )


@pytest.fixture
def parts(photos):
    every = load_photos(photos).photos
    train, val = every[::2], every[1::4]
    return [
        LabelledPaths(
            paths=[photo.path for photo in part],
            class_ids=np.array([photo.class_id for photo in part], np.int64),
        )
        for part in (train, val)
    ]


def run(model, parts, checkpoint, **changes):
    options = {
        "epochs": 2,
        "batch_size": 16,
        "seed": 0,
        "learning_rate": 1e-3,
        "keeps_start": False,
        "checkpoint": checkpoint,
        "key": "k",
        **changes,
    }
    pictures = Pictures(Preprocessing(height=32, width=32), threads=2)
    return train_end_to_end(model, pictures, *parts, EndToEndOptions(**options))


@pytest.mark.parametrize("name", [name for name in BACKBONES if name != "small_cnn"])
def test_only_the_top_blocks_learn_and_batch_norm_keeps_its_statistics(name):
    import keras

    model, entry = model_of(name), BACKBONES[name]
    unfreeze(model, entry, 1)
    learning = [layer for layer in model.layers if layer.trainable and layer.weights]
    assert "logits" in [layer.name for layer in learning]
    assert 3 <= len(learning) <= 8
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in learning)
    few = len(model.trainable_weights)
    unfreeze(model, entry, 3)
    assert len(model.trainable_weights) > few


def test_frozen_layers_do_not_change_at_all(parts, tmp_path):
    model = model_of("efficientnet_lite0")
    unfreeze(model, BACKBONES["efficientnet_lite0"], 2)
    frozen = [layer for layer in model.layers if not layer.trainable]
    before = [array.copy() for layer in frozen for array in layer.get_weights()]
    top = model.get_layer("logits").get_weights()[0].copy()
    run(model, parts, tmp_path / "c.npz", epochs=1)
    after = [array for layer in frozen for array in layer.get_weights()]
    assert all((a == b).all() for a, b in zip(before, after, strict=True))
    assert (model.get_layer("logits").get_weights()[0] != top).any()


def test_a_start_that_is_better_than_all_epochs_is_kept(parts, tmp_path):
    model = model_of("small_cnn")
    run(model, parts, tmp_path / "c.npz", epochs=8, learning_rate=3e-3)
    good = model.get_weights()
    state = run(model, parts, tmp_path / "c.npz", keeps_start=True, learning_rate=3.0)
    assert state.best_epoch == 0
    assert all((a == b).all() for a, b in zip(good, model.get_weights(), strict=True))


def test_a_learning_rate_that_blows_up_is_a_typed_error(parts, tmp_path):
    model = model_of("small_cnn")
    weights = model.get_weights()
    weights[0][:] = np.nan
    model.set_weights(weights)
    with pytest.raises(TrainingError, match="a loss that is a number, got nan in epoch 1"):
        run(model, parts, tmp_path / "c.npz")


def test_an_epoch_tells_the_mean_of_all_its_steps(parts, tmp_path, monkeypatch):
    (epoch,) = run(model_of("small_cnn"), parts, tmp_path / "c.npz", epochs=1).history
    told, step = [], Learner.step

    def alone(learner, *batch):
        learner.begin((0,))
        told.append(step(learner, *batch))
        return told[-1]

    monkeypatch.setattr(Learner, "step", alone)
    run(model_of("small_cnn"), parts, tmp_path / "d.npz", epochs=1)
    assert len({loss for loss, _ in told}) == len(told) > 1
    assert (epoch.loss, epoch.accuracy) == pytest.approx(tuple(np.mean(told, axis=0)), rel=1e-5)


def test_a_resumed_training_ends_where_a_whole_one_does(parts, tmp_path):
    whole, halves = model_of("small_cnn"), model_of("small_cnn")
    expected = run(whole, parts, tmp_path / "a.npz", epochs=4)

    class StopError(Exception):
        pass

    def stop(epoch):
        if epoch.epoch == 2:
            raise StopError

    pictures = Pictures(Preprocessing(height=32, width=32), threads=2)
    options = EndToEndOptions(
        epochs=4,
        batch_size=16,
        seed=0,
        learning_rate=1e-3,
        keeps_start=False,
        checkpoint=tmp_path / "b.npz",
        key="k",
    )
    with pytest.raises(StopError):
        train_end_to_end(halves, pictures, *parts, options, on_epoch=stop)
    fresh = model_of("small_cnn")
    resumed = run(fresh, parts, tmp_path / "b.npz", epochs=4, is_resumed=True)
    assert [e.loss for e in resumed.history] == pytest.approx(
        [e.loss for e in expected.history], abs=1e-3
    )
    worst = max(
        np.abs(a - b).max() for a, b in zip(whole.get_weights(), fresh.get_weights(), strict=True)
    )
    assert worst < 1e-2


def test_the_checkpoint_of_another_network_is_refused(parts, tmp_path):
    run(model_of("small_cnn"), parts, tmp_path / "c.npz", epochs=1)
    other = model_of("small_cnn", classes=4)
    with pytest.raises(TrainingError, match="fits the model"):
        run(other, parts, tmp_path / "c.npz", is_resumed=True)
    with pytest.raises(OptionError, match="the stopped training"):
        run(other, parts, tmp_path / "c.npz", is_resumed=True, key="other")


def test_pictures_beyond_the_memory_limit_are_read_again(photos):
    paths = sorted(photos.rglob("*.png"))[:9]
    rule = Preprocessing(height=32, width=32)
    roomy = Pictures(rule, threads=2)
    tight = Pictures(rule, threads=2, memory_bytes=2 * 32 * 32 * 3)
    for one, other in zip(roomy.batches(paths, 4), tight.batches(paths, 4), strict=True):
        assert (one == other).all()
    assert len(tight._kept) <= 3  # two, and at most one more by a race of two threads
    assert len(roomy._kept) == 9


def test_batches_keep_the_order_of_the_photos(photos):
    paths = sorted(photos.rglob("*.png"))[:23]
    pictures = Pictures(Preprocessing(height=32, width=32), threads=2)
    batches = list(pictures.batches(paths, 5, change=np.full_like))
    assert [len(batch) for batch in batches] == [5, 5, 5, 5, 3]
    assert np.concatenate(batches)[:, 0, 0, 0].tolist() == list(range(23))
