import cv2
import numpy as np
import pytest

from edgecls.demo.camera import View, homography
from edgecls.demo.render import encode_photo, render_photo
from edgecls.demo.shapes import LABELS

DRAWN = tuple(label for label in LABELS if label != "empty")


def detail_along(frame, outline):
    """Local contrast within 4 pixels of the outline, relative to that in the whole frame."""
    grey = cv2.cvtColor(cv2.GaussianBlur(frame, (0, 0), 1.5), cv2.COLOR_BGR2GRAY).astype(np.float32)
    contrast = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 9))
    mask = np.zeros(grey.shape, np.uint8)
    cv2.polylines(mask, [np.rint(outline).astype(np.int32)], True, 255, 8)
    return contrast[mask > 0].mean() / contrast.mean()


@pytest.mark.parametrize("label", LABELS)
def test_every_shape_renders_as_a_photo_of_a_camera(label):
    photo = render_photo(label, seed=0, index=0)
    height, width = photo.frame.shape[:2]
    assert photo.frame.dtype == np.uint8
    assert 240 <= height <= 480
    assert 320 <= width <= 640
    assert photo.frame.std() > 2
    assert 3_000 < len(encode_photo(photo)) < 200_000


def test_the_same_seed_gives_the_same_bytes():
    first, again = (encode_photo(render_photo("star", seed=4, index=2)) for _ in range(2))
    assert first == again


@pytest.mark.parametrize(
    "other", [{"seed": 5, "index": 2}, {"seed": 4, "index": 3}], ids=["seed", "index"]
)
def test_another_seed_or_index_gives_another_photo(other):
    photo = encode_photo(render_photo("star", seed=4, index=2))
    assert photo != encode_photo(render_photo("star", **other))


@pytest.mark.parametrize("label", DRAWN)
def test_a_shape_is_where_the_truth_says(label):
    photos = [render_photo(label, seed=1, index=i) for i in range(8)]
    there = np.median([detail_along(p.frame, p.outline) for p in photos])
    beside = np.median([detail_along(p.frame, p.outline + np.array([22, 17])) for p in photos])
    assert there > 1.4
    assert there > 1.3 * beside


@pytest.mark.parametrize("label", DRAWN)
def test_a_shape_lies_in_the_middle_part_that_a_model_sees(label):
    for index in range(12):
        photo = render_photo(label, seed=2, index=index)
        height, width = photo.frame.shape[:2]
        side = min(height, width)
        center = (photo.outline.min(axis=0) + photo.outline.max(axis=0)) / 2
        assert np.abs(center - (width / 2, height / 2)).max() < 0.35 * side
        assert np.ptp(photo.outline, axis=0).max() > 0.2 * side


def test_empty_paper_has_no_outline():
    assert len(render_photo("empty", seed=0, index=0).outline) == 0


def test_a_view_puts_its_target_where_it_says_whatever_the_tilt():
    view = View(
        size=(480, 640), target=(300.0, 200.0), at=(0.4, 0.6), scale=0.7, turn=0.3, tilt=0.5
    )
    point = cv2.perspectiveTransform(np.array([[[300.0, 200.0]]]), homography(view))
    np.testing.assert_allclose(point[0, 0], (0.4 * 640, 0.6 * 480), atol=1e-6)


def test_a_view_from_above_is_scaled_and_turned_only():
    view = View(size=(480, 640), target=(0.0, 0.0), scale=2.0, turn=np.pi / 2)
    points = cv2.perspectiveTransform(np.array([[[10.0, 0.0], [0.0, 10.0]]]), homography(view))
    np.testing.assert_allclose(points[0] - (320, 240), [[0, 20], [-20, 0]], atol=1e-6)
