import numpy as np
import pytest
from edgecls_device.postprocessing import softmax
from edgecls_export.confidence import cross_entropy

from edgecls.training.head import Examples, HeadOptions, class_weights, train_head

OPTIONS = HeadOptions(epochs=40, batch_size=16, seed=3)


def examples(per_class, *, seed=0, spread=0.6, classes=3, length=20, scale=40.0):
    """Features around one centre per class, far from 0 and of any size."""
    centers = np.random.default_rng(7).normal(size=(classes, length))
    random = np.random.default_rng(seed)
    class_ids = np.repeat(np.arange(classes), per_class)
    features = centers[class_ids] + random.normal(scale=spread, size=(len(class_ids), length))
    features = ((features + 5) * scale).astype(np.float32)
    return Examples(features=features, class_ids=class_ids)


def accuracy(head, part):
    return (head.logits(part.features).argmax(axis=1) == part.class_ids).mean()


@pytest.mark.parametrize("scale", [1e-3, 1, 1000])
def test_a_head_learns_from_plain_features_of_any_size(scale):
    train, val = examples(40, scale=scale), examples(10, seed=1, scale=scale)
    head, history = train_head(train, val, 3, OPTIONS)
    assert accuracy(head, examples(50, seed=2, scale=scale)) > 0.98
    assert history[-1].loss < history[0].loss


def test_the_same_seed_gives_the_same_head():
    train, val = examples(20), examples(5, seed=1)
    first, history = train_head(train, val, 3, OPTIONS)
    second, again = train_head(train, val, 3, OPTIONS)
    assert (first.kernel == second.kernel).all()
    assert history == again


def test_another_seed_gives_another_head():
    train, val = examples(20), examples(5, seed=1)
    other = HeadOptions(epochs=40, batch_size=16, seed=4)
    assert (
        train_head(train, val, 3, OPTIONS)[0].kernel != train_head(train, val, 3, other)[0].kernel
    ).any()


def test_the_best_head_is_kept_and_training_stops_early():
    """Validation labels that are shuffled cannot be learnt: the loss only rises."""
    val = examples(30, seed=1)
    random = np.random.default_rng(0).permutation(val.class_ids)
    val = Examples(features=val.features, class_ids=random)
    head, history = train_head(examples(30), val, 3, HeadOptions(epochs=500, batch_size=8, seed=0))
    assert len(history) < 100
    kept = cross_entropy(softmax(head.logits(val.features)), val.class_ids)
    assert kept <= min(epoch.val_loss for epoch in history) + 1e-4


@pytest.mark.parametrize("per_class", [1, 3])
def test_a_few_photos_start_at_the_prototypes(per_class):
    """No epoch at all: what is returned is the start."""
    train, val = examples(per_class, spread=0.3), examples(1, seed=1, spread=0.3)
    start, _ = train_head(train, val, 3, HeadOptions(epochs=0, batch_size=16, seed=0))
    assert accuracy(start, examples(50, seed=2, spread=0.3)) > 0.95


def test_many_photos_start_from_nothing():
    start, _ = train_head(examples(20), examples(5), 3, HeadOptions(epochs=0, batch_size=1, seed=0))
    assert (start.kernel == 0).all()


def test_a_rare_class_weighs_more_and_the_mean_weight_is_one():
    class_ids = np.repeat([0, 1], [90, 10])
    weights = class_weights(class_ids, 2)
    assert weights.tolist() == pytest.approx([100 / 180, 5.0])
    assert weights[class_ids].mean() == pytest.approx(1)


def test_classes_of_about_one_size_all_weigh_one():
    assert class_weights(np.repeat([0, 1], [15, 10]), 2).tolist() == [1, 1]


def test_a_rare_class_is_found_as_often_as_a_common_one():
    """Two overlapping classes, 10 to 1: without weights the common one would win where they overlap."""
    common, rare = (
        examples(300, spread=2.0, classes=2),
        examples(300, seed=5, spread=2.0, classes=2),
    )
    keep = np.concatenate(
        [np.flatnonzero(common.class_ids == 0), np.flatnonzero(rare.class_ids)[:30]]
    )
    features = np.where((common.class_ids == 0)[:, None], common.features, rare.features)
    train = Examples(features=features[keep], class_ids=common.class_ids[keep])
    head, _ = train_head(train, train, 2, HeadOptions(epochs=30, batch_size=32, seed=0))
    test = examples(500, seed=9, spread=2.0, classes=2)
    found = head.logits(test.features).argmax(axis=1) == test.class_ids
    recalls = [found[test.class_ids == class_id].mean() for class_id in (0, 1)]
    assert recalls[1] == pytest.approx(recalls[0], abs=0.12)
