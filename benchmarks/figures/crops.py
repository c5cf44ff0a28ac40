"""Crops of real photos, the same ones every time, and other photos to calibrate on.

Half of the photos, by the hash of their content, give crops: 30 to 100 % of the area, an aspect ratio of 3/4 to
4/3, half of them mirrored, contrast and brightness changed by up to a fifth. The other half is linked as it is.

    python benchmarks/figures/crops.py photos/ crops/ --count 4000
"""

import argparse
import hashlib
import math
from pathlib import Path

import cv2
import numpy as np
from edgecls_device.errors import DataError
from edgecls_device.images import IMAGE_SUFFIXES

LEAST_AREA, WIDEST = 0.3, 4 / 3
SHORT_SIDE_PX = 256
QUALITY = 95


def main() -> None:
    parser = argparse.ArgumentParser(description="Make crops of photos.")
    parser.add_argument("photos", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(*make_crops(options.photos, options.out, count=options.count, seed=options.seed))


def make_crops(photos: Path, out: Path, *, count: int, seed: int = 0) -> tuple[Path, Path]:
    """Write crops, and links to other photos; return both folders.

    Raises:
        DataError: If there are not two photos that can be read.
    """
    measured, kept = halves(photos)
    crops, calibration = out / "crops", out / "calibration"
    for folder in (crops, calibration):
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
    for number, path in enumerate(kept):
        (calibration / f"{number:05d}{path.suffix}").symlink_to(path.absolute())
    rng = np.random.default_rng(seed)
    for number in range(count):
        frame = cv2.imread(str(measured[number % len(measured)]))
        if frame is not None:
            quality = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
            cv2.imwrite(str(crops / f"{number:05d}.jpg"), crop(frame, rng), quality)
    return crops, calibration


def halves(photos: Path) -> tuple[list[Path], list[Path]]:
    """Return the photos to crop and the others, by the hash of each."""
    ordered = by_content(photos)
    if len(ordered) < 2:
        message = f"Expected at least two photos in {str(photos)!r}, got {len(ordered)}."
        raise DataError(message, hint="give a folder of a few hundred photos")
    middle = len(ordered) // 2
    return ordered[:middle], ordered[middle:]


def by_content(photos: Path) -> list[Path]:
    """Return the photos of a folder, at any depth, in the order of their hashes: as good as shuffled."""
    paths = [path for path in photos.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES]
    by_hash = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in sorted(paths)}
    return [by_hash[key] for key in sorted(by_hash)]


def crop(frame, rng: np.random.Generator):
    """Return a random crop of a BGR frame, uint8 ``(H, W, 3)``; its short side is 256 pixels."""
    height, width = frame.shape[:2]
    area = height * width * rng.uniform(LEAST_AREA, 1)
    aspect = math.exp(rng.uniform(-math.log(WIDEST), math.log(WIDEST)))
    box_height = min(height, round(math.sqrt(area / aspect)))
    box_width = min(width, round(math.sqrt(area * aspect)))
    top = int(rng.integers(height - box_height + 1))
    left = int(rng.integers(width - box_width + 1))
    part = frame[top : top + box_height, left : left + box_width]
    if rng.random() < 0.5:
        part = part[:, ::-1]
    scale = SHORT_SIDE_PX / min(part.shape[:2])
    size = (round(scale * part.shape[1]), round(scale * part.shape[0]))
    part = cv2.resize(np.ascontiguousarray(part), size, interpolation=cv2.INTER_LINEAR)
    contrast, brightness = rng.uniform(0.8, 1.2), 255 * rng.uniform(-0.1, 0.1)
    return np.clip(np.rint(part * contrast + brightness), 0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
