"""Images that show a quantizer which values to expect."""

import numpy as np

from edgecls_export.exported import Images

__all__ = ["evenly", "with_full_range"]


def with_full_range(images: Images) -> Images:
    """Return calibration images in which the values 0 and 255 are sure to occur.

    Then the input's range is exactly 0..255, its scale exactly 1 and its zero point 0: pixels go in as they
    are. Two corner pixels of the first image are set; no activation notices.
    """
    images = images.copy()
    images[0, 0, 0] = 0
    images[0, -1, -1] = 255
    return images


def evenly(images: Images, count: int) -> Images:
    """Return at most ``count`` of the images, evenly chosen; at least one image is needed."""
    chosen = np.unique(np.linspace(0, len(images) - 1, count).astype(int))
    return np.asarray(images[chosen])
