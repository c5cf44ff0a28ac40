import cv2
import numpy as np
import pytest
from edgecls_device.likeness import thumbnail

from edgecls.data import similar
from edgecls.data.similar import groups, similar_pairs


@pytest.fixture
def scene(picture):
    """A picture with coarse and fine structure, like a photo."""

    def make(seed):
        fine = np.random.default_rng(seed + 5000).integers(0, 256, (48, 64, 3), dtype=np.uint8)
        fine = cv2.resize(fine, (256, 192), interpolation=cv2.INTER_CUBIC)
        return cv2.addWeighted(picture(seed, 192, 256), 0.8, fine, 0.2, 0)

    return make


def saved_at_quality_40(image):
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], 1)


def at_half_the_size(image):
    return cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def brighter(image):
    return cv2.convertScaleAbs(image, alpha=1.15, beta=8)


def grey(image):
    return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)


def noisy(image):
    noise = np.random.default_rng(1).normal(0, 10, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("change", [saved_at_quality_40, at_half_the_size, brighter, grey, noisy])
def test_the_same_picture_is_found_however_it_was_saved(scene, change):
    pictures = [scene(i) for i in range(30)]
    thumbnails = np.stack([thumbnail(p) for p in [*pictures, *map(change, pictures)]])
    pairs = list(similar_pairs(thumbnails))
    assert {(p.first, p.second) for p in pairs} == {(i, i + 30) for i in range(30)}
    assert all(pair.is_same_picture for pair in pairs)


def test_another_object_before_the_same_background_is_not_the_same_picture(scene):
    empty, cup = scene(1), scene(1)
    cv2.circle(cup, (130, 100), 22, (255, 255, 255), -1)
    cv2.circle(cup, (130, 100), 14, (20, 20, 160), -1)
    (pair,) = similar_pairs(np.stack([thumbnail(empty), thumbnail(cup)]))
    assert not pair.is_same_picture


def test_blank_pictures_resemble_nothing_even_under_the_same_lamp():
    flat = [np.full((64, 64, 3), v, np.uint8) for v in (0, 128, 128, 255)]
    ramp = np.linspace(0, 6, 64).astype(np.uint8)[np.newaxis, :, np.newaxis]
    lit = [np.full((64, 64, 3), v, np.uint8) + ramp for v in (100, 180, 230)]
    assert list(similar_pairs(np.stack([thumbnail(b) for b in flat + lit]))) == []


def test_nothing_and_one_picture_have_no_pairs(scene):
    assert list(similar_pairs(np.empty((0, 32, 32), np.uint8))) == []
    assert list(similar_pairs(thumbnail(scene(1))[np.newaxis])) == []


def test_tiles_give_what_one_comparison_gives(scene, monkeypatch):
    pictures = [scene(i % 25) for i in range(75)]
    thumbnails = np.stack([thumbnail(noisy(p)) for p in pictures])
    whole = {(p.first, p.second) for p in similar_pairs(thumbnails)}
    monkeypatch.setattr(similar, "_TILE", 8)
    assert {(p.first, p.second) for p in similar_pairs(thumbnails)} == whole
    assert len(whole) == 75


def test_a_camera_that_stood_still_gives_one_group_and_not_a_million_pairs(scene, monkeypatch):
    monkeypatch.setattr(similar, "_MOST_PAIRS_OF_TILE", 100)
    frames = np.stack([thumbnail(noisy(scene(1)))] * 60 + [thumbnail(scene(2))])
    pairs = list(similar_pairs(frames))
    assert len(pairs) == 59
    assert groups(pairs) == [tuple(range(60))]


def test_groups_join_what_pairs_connect(scene):
    def pair(a, b):
        return similar.Pair(first=a, second=b, cosine=1.0, difference=0.0)

    assert groups([pair(4, 7), pair(1, 2), pair(2, 7), pair(8, 9)]) == [(1, 2, 4, 7), (8, 9)]
