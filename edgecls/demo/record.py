"""What ``demo.json`` holds: the results of the whole chain in one place."""

from dataclasses import dataclass, field
from typing import ClassVar

__all__ = ["DemoArtifact", "DemoRecord"]


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoArtifact:
    """One exported file and what it costs.

    Attributes:
        path: The file.
        format: ``tflite`` or ``onnx``.
        recipe: ``float32``, ``float16`` or ``int8``.
        backend: The runtime it was tried on.
        size_bytes: Its size.
        accuracy: Share of test photos whose best label is right, 0..1.
        agreement: Share of test photos with the same best label as float32, 0..1.
        p50_ms: Median from frame to label on one thread; None if it could not be measured.
    """

    path: str
    format: str
    recipe: str
    backend: str
    size_bytes: int
    accuracy: float
    agreement: float | None
    p50_ms: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoRecord:
    """One ``edgecls demo``.

    Attributes:
        created: Time of the end, ISO 8601, UTC.
        out: The run directory.
        seed: What photos and clip were drawn from.
        photos: Number of photos.
        test_photos: Number of them that nothing but the last evaluation has seen.
        accuracy: Of the Keras model on the test photos, 0..1.
        artifacts: The exported files.
        report: The HTML report.
        clip: The rendered clip.
        annotated: The clip with labels on it.
        clip_frames: Frames of the clip that went through the live loop.
        seconds: Step -> seconds, in order.
    """

    kind: ClassVar[str] = "edgecls.demo"
    version: ClassVar[int] = 1

    created: str
    out: str
    seed: int
    photos: int
    test_photos: int
    accuracy: float
    artifacts: tuple[DemoArtifact, ...]
    report: str
    clip: str
    annotated: str
    clip_frames: int
    seconds: dict[str, float] = field(default_factory=dict)
