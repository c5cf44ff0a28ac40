"""What all ways get: the same frames, one photo, the labels, and files that others can read too.

In a process of its own, so that the one that measures stays small: a process inherits its parent's peak memory.

    python prepare.py runs/pets WORK
"""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
from edgecls_device.artifact import read_artifact
from edgecls_device.errors import BenchmarkError
from edgecls_device.files import write_atomically
from edgecls_device.sources.pattern_pictures import PATTERNS, SHAPE_S
from foreign_onnx import write_foreign
from plan import SIZES

FPS = 30.0
PATTERN = "shapes"  # sheets of paper with drawn shapes before a camera: test:shapes of edgecls run
QUALITY = 90


def main() -> None:
    run, work = Path(sys.argv[1]), Path(sys.argv[2])
    work.mkdir(parents=True, exist_ok=True)
    tflite = one(run, "int8.tflite")
    files = {"int8.tflite": str(tflite.absolute())}
    for recipe in ("float32", "int8"):
        files[f"{recipe}.onnx"] = str(write_foreign(one(run, f"{recipe}.onnx"), work))
    labels = read_artifact(tflite).spec.labels
    write_atomically(work / "labels.txt", "\n".join(labels) + "\n")
    for width, height in SIZES:
        np.save(work / f"{width}x{height}.npy", frames(width, height))
    width, height = SIZES[0]
    settings = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    cv2.imwrite(str(work / "photo.jpg"), frames(width, height)[0], settings)
    sys.stdout.write(json.dumps({"files": files, "labels": labels}) + "\n")


def one(run: Path, ending: str) -> Path:
    """Return the export with that ending.

    Raises:
        BenchmarkError: If there is none, or more.
    """
    found = sorted((run / "exports").glob(f"*.{ending}"))
    if len(found) != 1:
        message = f"Expected one file exports/*.{ending} in {str(run)!r}, got {len(found)}."
        raise BenchmarkError(message, hint=f"edgecls export {run}")
    return found[0]


def frames(width: int, height: int) -> np.ndarray:
    """Return one frame of each of four shapes, BGR uint8 ``(4, height, width, 3)``."""
    draw = PATTERNS[PATTERN]((height, width), FPS)
    return np.stack([draw(round(i * SHAPE_S * FPS)) for i in range(4)])


if __name__ == "__main__":
    main()
