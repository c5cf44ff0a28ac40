import numpy as np
import pytest

from edgecls.training.augmentation import augmentation


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)


def test_a_picture_keeps_its_size_and_its_original(picture):
    before = picture.copy()
    changed = augmentation(0, 1)(picture, 0)
    assert changed.shape == picture.shape
    assert changed.dtype == np.uint8
    assert (picture == before).all()


def test_seed_epoch_and_number_decide_about_the_change(picture):
    first = augmentation(0, 1)(picture, 0)
    assert (augmentation(0, 1)(picture, 0) == first).all()
    for other in (
        augmentation(1, 1)(picture, 0),
        augmentation(0, 2)(picture, 0),
        augmentation(0, 1)(picture, 1),
    ):
        assert (other != first).any()


def test_some_pictures_are_mirrored_and_none_is_upside_down():
    picture = np.zeros((40, 40, 3), np.uint8)
    picture[:20, :20] = 255
    bright = [augmentation(0, 1)(picture, i).mean(axis=2) for i in range(40)]
    corners = [
        int(np.argmax([b[:10, :10].mean(), b[:10, -10:].mean(), b[-10:].mean()])) for b in bright
    ]
    assert set(corners) == {0, 1}


def test_light_never_wraps_around():
    white, black = np.full((8, 8, 3), 255, np.uint8), np.zeros((8, 8, 3), np.uint8)
    assert min(augmentation(0, 1)(white, i).min() for i in range(50)) > 200
    assert max(augmentation(0, 1)(black, i).max() for i in range(50)) < 60
