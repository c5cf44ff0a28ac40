"""What an exporter makes, and what one export yielded."""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["ExportRun", "ExportedArtifact", "Images", "ModelBody"]

Images: TypeAlias = NDArray[np.uint8]
"""Prepared photos: shape ``(count, height, width, 3)``, uint8, RGB, 0..255."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelBody:
    """A converted model, still without its spec.

    Attributes:
        data: The content of a ``.tflite`` or ``.onnx`` file.
        logit_step: Quantization scale of the logits before the softmax; 0 where they are float.
    """

    data: bytes
    logit_step: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportedArtifact:
    """One finished file: reloaded, compared with Keras, and found good.

    Attributes:
        path: The file.
        format: ``tflite`` or ``onnx``.
        recipe: ``float32``, ``float16`` or ``int8``.
        size_bytes: Its size.
        seconds: Time it took, conversion and checks.
        backend: The runtime it was checked on.
        photos: Number of photos it was checked on, besides the golden samples.
        agreement: Share of these photos with the same best class as Keras, 0..1; None without photos.
        worst_error: Largest difference of a score from Keras on these photos; on the golden samples
            where there are no photos.
        mean_error: Mean over the same inputs of each one's largest difference.
    """

    path: str
    format: str
    recipe: str
    size_bytes: int
    seconds: float
    backend: str
    photos: int
    agreement: float | None
    worst_error: float
    mean_error: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportRun:
    """All files of one ``edgecls export``.

    Attributes:
        artifacts: In the order of the table of exporters.
        failures: ``file name: reason`` of each that could not be made.
    """

    kind: ClassVar[str] = "edgecls.export"
    version: ClassVar[int] = 1

    artifacts: tuple[ExportedArtifact, ...]
    failures: tuple[str, ...] = ()
