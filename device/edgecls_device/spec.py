"""ModelSpec: everything a program must know to feed a model and to read its answer.

Most failures in this field are two programs that disagree about pixels. So there is one record, it travels
inside the model file, and every stage (training-time evaluation, calibration, comparison, benchmarks,
device) reads it through the same code. Layout, colour order and value range are declared, never inferred.
"""

import math
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from edgecls_device.errors import DataError, SpecError
from edgecls_device.labels import check_labels

__all__ = ["GoldenSamples", "Group", "InputTensor", "ModelSpec", "Preprocessing", "Provenance"]

MAX_SIDE_PX = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class Preprocessing:
    """How a frame of any size becomes the model's input size.

    Attributes:
        height: Input height in pixels.
        width: Input width in pixels.
        resize: ``crop`` takes the largest centred box with the input's aspect ratio, times
            ``crop_fraction``; ``stretch`` ignores the aspect ratio; ``letterbox`` pads with grey 127.
        crop_fraction: Fraction of that box which is kept, ``0 < crop_fraction <= 1``.
        interpolation: ``bilinear`` (exact 2x2 averaging while the picture is at least twice too large,
            then OpenCV's ``INTER_LINEAR_EXACT``) or ``nearest``: the two that give the same bytes on
            x86 and ARM.
    """

    height: int
    width: int
    resize: Literal["crop", "stretch", "letterbox"] = "crop"
    crop_fraction: float = 1.0
    interpolation: Literal["bilinear", "nearest"] = "bilinear"

    def __post_init__(self) -> None:
        for name, side in (("height", self.height), ("width", self.width)):
            _expect(1 <= side <= MAX_SIDE_PX, name, f"1..{MAX_SIDE_PX} pixels", side)
        _expect(
            0 < self.crop_fraction <= 1,
            "crop_fraction",
            "above 0 and at most 1",
            self.crop_fraction,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class InputTensor:
    """What the model's input tensor holds. Our own artifacts take the defaults.

    Attributes:
        dtype: ``uint8`` (pixels 0..255), ``int8`` (quantized) or ``float32``.
        layout: ``nhwc`` or ``nchw``.
        color: Channel order, ``rgb`` or ``bgr``.
        mean: For other models than ours: subtracted from pixels 0..255, one number or one per channel.
        std: For other models than ours: then divided by, one number or one per channel.
    """

    dtype: Literal["uint8", "int8", "float32"] = "uint8"
    layout: Literal["nhwc", "nchw"] = "nhwc"
    color: Literal["rgb", "bgr"] = "rgb"
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        _expect(len(self.mean) in {0, 1, 3}, "mean", "0, 1 or 3 numbers", self.mean)
        _expect(len(self.std) == len(self.mean), "std", "as many numbers as mean", self.std)
        _expect(all(math.isfinite(x) for x in self.mean), "mean", "finite", self.mean)
        _expect(all(math.isfinite(x) and x > 0 for x in self.std), "std", "above 0", self.std)


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Several classes shown as one label.

    Attributes:
        label: What is shown.
        members: Class ids in the model's output.
    """

    label: str
    members: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class GoldenSamples:
    """Inputs made from a seed (see :mod:`edgecls_device.golden`) and the scores they must give.

    Attributes:
        seed: What the inputs are made from.
        scores: One row per input: the model's own output, before temperature and groups.
        tolerance: How far a score may be off on another machine.
    """

    seed: int = 0
    scores: tuple[tuple[float, ...], ...] = ()
    tolerance: float = 1e-3


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """Where a model comes from.

    Attributes:
        backbone: Name of the backbone.
        weights: Where its weights come from.
        dataset: Name of the data set's folder.
        dataset_fingerprint: SHA-256 over the sorted content hashes and labels of the photos.
        photos: Number of photos per split.
        settings: Training settings, by option name.
        packages: Versions of the packages that made it.
        model_fingerprint: SHA-256 over the weights of the Keras model, the same in a run and its exports.
        recipe: Export recipe, empty before export.
        calibration_fingerprint: SHA-256 over the calibration inputs, empty where none are used.
        keras_temperature: Temperature of the Keras model, before it was refitted to an exported file.
        keras_unknown_threshold: Its unknown-threshold, likewise.
    """

    backbone: str = ""
    weights: str = ""
    dataset: str = ""
    dataset_fingerprint: str = ""
    photos: dict[str, int] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)
    model_fingerprint: str = ""
    recipe: str = ""
    calibration_fingerprint: str = ""
    keras_temperature: float | None = None
    keras_unknown_threshold: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSpec:
    """The whole contract of one model.

    Attributes:
        name: Short name, used for files.
        labels: One label per output class, in output order.
        preprocessing: How a frame becomes the input size.
        input: What the input tensor holds.
        output: ``probabilities`` or, for other models than ours, ``logits``.
        groups: If any, their labels are shown instead of ``labels``.
        temperature: Probabilities are sharpened or softened by it: ``softmax(log(p) / temperature)``.
        unknown_threshold: A best score below it is shown as unknown; 0 turns that off.
        golden: Inputs and the scores they must give.
        provenance: Where the model comes from.
    """

    kind: ClassVar[str] = "edgecls.spec"
    version: ClassVar[int] = 1

    name: str
    labels: tuple[str, ...]
    preprocessing: Preprocessing
    input: InputTensor = field(default_factory=InputTensor)
    output: Literal["probabilities", "logits"] = "probabilities"
    groups: tuple[Group, ...] = ()
    temperature: float = 1.0
    unknown_threshold: float = 0.0
    golden: GoldenSamples = field(default_factory=GoldenSamples)
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        try:
            check_labels(self.labels)
            if self.groups:
                check_labels([group.label for group in self.groups])
        except DataError as error:
            raise SpecError(error.message, hint=error.hint) from error
        _expect(
            math.isfinite(self.temperature) and self.temperature > 0,
            "temperature",
            "above 0",
            self.temperature,
        )
        _expect(
            0 <= self.unknown_threshold <= 1, "unknown_threshold", "0..1", self.unknown_threshold
        )
        taken: set[int] = set()
        for group in self.groups:
            members = set(group.members)
            _expect(
                bool(members), "groups", f"at least one class in {group.label!r}", group.members
            )
            _expect(
                members <= set(range(len(self.labels))),
                "groups",
                f"class ids below {len(self.labels)}",
                group,
            )
            _expect(not members & taken, "groups", "each class in one group at most", group)
            taken |= members
        for row in self.golden.scores:
            _expect(
                len(row) == len(self.labels),
                "golden.scores",
                f"{len(self.labels)} scores a row",
                len(row),
            )

    @property
    def output_labels(self) -> tuple[str, ...]:
        """The labels a user sees: those of the groups, if there are any."""
        return tuple(group.label for group in self.groups) or self.labels


def _expect(condition: bool, name: str, wanted: str, got: object) -> None:
    if not condition:
        message = f"Expected {name} to be {wanted}, got {got!r}."
        raise SpecError(message, hint="correct the spec, or export the model again")
