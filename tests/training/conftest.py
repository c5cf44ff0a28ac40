"""Tiny photos that are learnt in seconds: coloured discs, squares and stripes on noise."""

import cv2
import numpy as np
import pytest

SIDE = 48


def draw(kind, random):
    picture = random.integers(0, 90, (SIDE, SIDE, 3), dtype=np.uint8)
    at = tuple(int(x) for x in random.integers(18, 30, 2))
    bright = int(random.integers(170, 256))
    if kind == "disc":
        cv2.circle(picture, at, 12, (bright, 40, 40), -1)
    elif kind == "square":
        corner, opposite = (at[0] - 11, at[1] - 11), (at[0] + 11, at[1] + 11)
        cv2.rectangle(picture, corner, opposite, (40, bright, 40), -1)
    else:
        picture[at[1] - 8 : at[1] + 8 : 4] = (40, 40, bright)
    return picture


def write_photos(root, counts, *, seed=0):
    random = np.random.default_rng(seed)
    for kind, count in counts.items():
        (root / kind).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            cv2.imwrite(str(root / kind / f"{i}.png"), draw(kind, random))
    return root


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """40 photos in each of three classes; not to be changed."""
    root = tmp_path_factory.mktemp("photos")
    return write_photos(root, {"disc": 40, "square": 40, "stripes": 40})
