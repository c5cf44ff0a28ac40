"""What ``compare --explain`` finds, as a record."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias

from edgecls_bench.machine import Machine

__all__ = ["CalibrationFit", "Diagnosis", "Finding", "LayerError", "WeightSpread"]

FindingKind: TypeAlias = Literal[
    "labels",
    "spec",
    "pixels",
    "input range",
    "scores",
    "calibration pixels",
    "calibration photos",
    "calibration range",
    "per-tensor weights",
    "float operations",
    "layer error",
    "few photos",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that is wrong, or worth knowing.

    Attributes:
        kind: Which check found it.
        is_fault: Whether the artifact should not be used as it is; else it is a note.
        weight: What orders findings: the larger, the more of the difference it explains.
        sentence: What was found.
        remedy: What to do, as a command where there is one.
        evidence: The figures behind it, by name.
    """

    kind: FindingKind
    is_fault: bool
    weight: float
    sentence: str
    remedy: str
    evidence: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerError:
    """How far one layer's values are from those of the reference.

    Attributes:
        name: Of the artifact's tensor.
        operation: What computes it.
        is_quantized: Whether it is held as integers.
        sqnr_db: Signal to error, ``10 log10(sum x^2 / sum (x - y)^2)``; None where there is no error.
        lost_db: How much less that is than what the errors of its inputs alone would make of it; negative where
            the layer averages errors out. Down to 40 dB nothing counts as lost: that is what rounding to 8 bits
            leaves. None where there is no error.
        low: Least value it can hold, None where it is float.
        high: Largest value it can hold.
        seen_low: Least value of the reference on the photos.
        seen_high: Largest value of the reference.
        clipped_photos: Share of photos with a value beyond what it can hold, by more than a step.
        clipping_share: Share of the error that clipping alone makes, 0..1.
    """

    name: str
    operation: str
    is_quantized: bool
    sqnr_db: float | None
    lost_db: float | None
    low: float | None
    high: float | None
    seen_low: float
    seen_high: float
    clipped_photos: float
    clipping_share: float


@dataclass(frozen=True, kw_only=True, slots=True)
class WeightSpread:
    """The channels of one weight tensor.

    Attributes:
        name: Of the tensor.
        operation: What uses it.
        channels: Number of output channels.
        scales: Number of quantization scales: 1 or one per channel.
        ratio: Largest magnitude of the widest channel over that of the median one.
        lost_db: Weight precision that one scale for all channels costs against one each; 0 with one each.
    """

    name: str
    operation: str
    channels: int
    scales: int
    ratio: float
    lost_db: float


@dataclass(frozen=True, kw_only=True, slots=True)
class CalibrationFit:
    """How well the ranges in the file fit photos that were prepared in one way.

    Attributes:
        preparation: ``right`` or the name of a wrong way.
        distance: Mean difference of logarithms, each at most 1, between ranges in the file and those of the
            reference on the photos.
        witnessed: Share of ends of ranges that are those of photos at hand; None without any that tell.
    """

    preparation: str
    distance: float
    witnessed: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnosis:
    """Why an artifact does not answer as its reference does, or that it does.

    Attributes:
        created: ISO 8601, UTC.
        artifact: File name.
        sha256: Of the file.
        reference: File name of the float32 artifact it was held against.
        recipe: As its spec says.
        photos: Photos that both looked at.
        layer_photos: Photos whose values were followed through the layers.
        is_healthy: Whether no finding is a fault.
        cause: The main cause in a sentence, or that it is healthy.
        agreement: Share of photos with the same best label.
        agreement_interval: Its 95 % interval.
        mean_score_error: Mean over photos of the largest score difference.
        accuracy: Share of photos with the right label; None without classes.
        reference_accuracy: The same for the reference.
        integer_operations: Operations that work on integers.
        float_operations: Operations that work on floats, without conversions.
        conversions: Operations that turn floats into integers or back.
        findings: Ordered by weight, faults first.
        layers: In the order of the file.
        weights: In the order of the file.
        calibration: Best fit first.
        machine: What it was measured on.
    """

    kind: ClassVar[str] = "edgecls.diagnosis"
    version: ClassVar[int] = 1

    created: str
    artifact: str
    sha256: str
    reference: str
    recipe: str
    photos: int
    layer_photos: int
    is_healthy: bool
    cause: str
    agreement: float
    agreement_interval: tuple[float, float]
    mean_score_error: float
    accuracy: float | None
    reference_accuracy: float | None
    integer_operations: int
    float_operations: int
    conversions: int
    findings: tuple[Finding, ...]
    layers: tuple[LayerError, ...]
    weights: tuple[WeightSpread, ...]
    calibration: tuple[CalibrationFit, ...]
    machine: Machine
