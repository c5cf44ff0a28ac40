"""Pictures with the structure of photos: no two seeds resemble each other."""

import cv2
import numpy as np


def scene(seed, *, height=120, width=160):
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    fine = np.random.default_rng(seed + 5000).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    large, small = (
        cv2.resize(p, (width, height), interpolation=cv2.INTER_CUBIC) for p in (coarse, fine)
    )
    return cv2.addWeighted(large, 0.8, small, 0.2, 0)


def noisy(image, *, sigma=5.0, seed=1):
    noise = np.random.default_rng(seed).normal(0, sigma, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)
