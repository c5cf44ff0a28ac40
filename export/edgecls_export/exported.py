"""What an exporter makes, and what one export yielded."""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CalibrationStability",
    "ExportRun",
    "ExportedArtifact",
    "Images",
    "LadderStep",
    "ModelBody",
]

Images: TypeAlias = NDArray[np.uint8]
"""Prepared photos: shape ``(count, height, width, 3)``, uint8, RGB, 0..255."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelBody:
    """A converted model, still without its spec.

    Attributes:
        data: The content of a ``.tflite`` or ``.onnx`` file.
        logit_step: Quantization scale of the logits before the softmax; 0 where they are float.
        tolerance: How far golden scores may at least be off on another machine, where more than the logits
            is rounded; 0 if the logits and the precision tell.
        note: What the exporter decided that its recipe alone does not tell, as sentences; empty without any.
    """

    data: bytes
    logit_step: float = 0.0
    tolerance: float = 0.0
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportedArtifact:
    """One finished file: reloaded, compared with Keras, and found good.

    Attributes:
        path: The file.
        format: ``tflite`` or ``onnx``.
        recipe: Its name in the table of exporters.
        size_bytes: Its size.
        seconds: Time it took, conversion and checks.
        backend: The runtime it was checked on.
        photos: Number of photos it was checked on, besides the golden samples.
        agreement: Share of these photos with the same best class as Keras, 0..1; None without photos.
        worst_error: Largest difference of a score from Keras on these photos; on the golden samples
            where there are no photos.
        mean_error: Mean over the same inputs of each one's largest difference.
        calibration_photos: Number of photos that value ranges were measured on, or that it was tuned on.
        temperature: Of its spec: refitted to this file where there were labelled photos.
        unknown_threshold: Of its spec: refitted likewise.
        note: What the exporter decided that the recipe alone does not tell, as sentences, such as whether
            tuning gained anything; empty without any.
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
    calibration_photos: int = 0
    temperature: float = 1.0
    unknown_threshold: float = 0.0
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class CalibrationStability:
    """One recipe calibrated on two disjoint halves of the calibration photos.

    Attributes:
        format: ``tflite`` or ``onnx``.
        recipe: Which was tried.
        photos_per_half: Calibration photos of each.
        check_photos: Photos that both were compared on.
        agreements: Share of them with the same best class as Keras, for each half, 0..1.
        mutual_agreement: Share with the same best class in both halves.
        mean_difference: Mean over photos of the largest score difference between both halves.
        is_stable: Whether other photos would have calibrated as well.
    """

    format: str
    recipe: str
    photos_per_half: int
    check_photos: int
    agreements: tuple[float, float]
    mutual_agreement: float
    mean_difference: float
    is_stable: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class LadderStep:
    """One recipe that ``--recipe auto`` tried, or did not try though it could be smaller than what is kept.

    Attributes:
        format: ``tflite`` or ``onnx``.
        recipe: What was tried.
        verdict: ``holds``, ``fails``, ``too few photos``, ``not made`` or ``not tried``.
        reason: Why it was kept or left, as a sentence.
        size_bytes: Size of the file; None where it was not made.
        is_kept: Whether it is the file that was kept.
    """

    format: str
    recipe: str
    verdict: str
    reason: str
    size_bytes: int | None
    is_kept: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportRun:
    """All files of one ``edgecls export``.

    Attributes:
        artifacts: In the order of the table of exporters.
        failures: ``file name: reason`` of each that could not be made.
        stability: How much the choice of calibration photos matters; None where that was not tried.
        ladder: What ``--recipe auto`` tried, in order; empty without it.
    """

    kind: ClassVar[str] = "edgecls.export"
    version: ClassVar[int] = 1

    artifacts: tuple[ExportedArtifact, ...]
    failures: tuple[str, ...] = ()
    stability: CalibrationStability | None = None
    ladder: tuple[LadderStep, ...] = ()
