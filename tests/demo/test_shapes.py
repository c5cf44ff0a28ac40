from itertools import pairwise

import numpy as np
import pytest

from edgecls.demo.pens import Pen, ink
from edgecls.demo.shapes import LABELS, draw, part_of

DRAWN = tuple(label for label in LABELS if label != "empty")
PEN = Pen(kind="felt", color=(0.0, 0.0, 0.0), width_px=6.0, density=1.0)


def distances(points, others):
    return np.sqrt(((points[:, np.newaxis] - others) ** 2).sum(axis=2)).min(axis=1)


def dense(outline):
    steps = np.linspace(0, 1, 20, endpoint=False)[:, np.newaxis]
    return np.concatenate([a + steps * (b - a) for a, b in pairwise(outline)])


@pytest.mark.parametrize("label", DRAWN)
@pytest.mark.parametrize("seed", range(5))
def test_ink_is_where_the_outline_says(label, seed):
    drawing = draw(label, np.random.default_rng(seed)).placed((200.0, 180.0), 100.0)
    sheet = np.full((360, 400, 3), 255, np.float32)
    ink(sheet, drawing.strokes, PEN, np.random.default_rng(seed))
    y, x = np.nonzero(sheet[:, :, 0] < 128)
    inked = np.stack([x, y], axis=1).astype(float)
    far = distances(dense(drawing.outline), inked)
    assert np.quantile(far, 0.8) < 12  # the hand's error; corners may be left open


def test_ink_far_from_the_outline_is_seen_by_that_test():
    drawing = draw("circle", np.random.default_rng(0)).placed((200.0, 180.0), 100.0)
    moved = dense(drawing.outline) + np.array([40, 0])
    assert np.quantile(distances(moved, np.concatenate(drawing.strokes)), 0.8) > 12


def test_empty_paper_has_no_strokes():
    drawing = draw("empty", np.random.default_rng(0))
    assert drawing.strokes == ()
    assert drawing.placed((10.0, 10.0), 5.0).outline.shape == (0, 2)


@pytest.mark.parametrize("label", DRAWN)
def test_a_shape_has_the_corners_of_its_name(label):
    outline = draw(label, np.random.default_rng(3)).outline
    np.testing.assert_allclose(outline[0], outline[-1])
    corners = {"triangle": {3}, "square": {4}, "star": {10, 12}, "circle": {80}}[label]
    assert len(outline) - 1 in corners


def test_the_parts_of_a_drawing_grow_into_the_whole():
    strokes = draw("star", np.random.default_rng(1)).strokes
    lengths = [sum(len(s) for s in part_of(strokes, share)) for share in (0, 0.3, 0.7, 1)]
    assert lengths == sorted(lengths)
    assert lengths[0] == 0
    assert lengths[-1] == sum(len(s) for s in strokes)


def test_a_drawing_beside_the_sheet_leaves_no_ink():
    sheet = np.full((50, 50, 3), 200, np.float32)
    drawing = draw("square", np.random.default_rng(0)).placed((500.0, 20.0), 30.0)
    ink(sheet, drawing.strokes, PEN, np.random.default_rng(0))
    assert (sheet == 200).all()


def test_chalk_covers_dark_paper_and_ink_does_not():
    strokes = [np.array([[10.0, 25.0], [40.0, 25.0]])]
    for covers, is_brighter in ((True, True), (False, False)):
        sheet = np.full((50, 50, 3), 40, np.float32)
        pen = Pen(kind="chalk", color=(240.0,) * 3, width_px=6.0, density=1.0, covers=covers)
        ink(sheet, strokes, pen, np.random.default_rng(0))
        assert (sheet[25, 25, 0] > 100) == is_brighter
