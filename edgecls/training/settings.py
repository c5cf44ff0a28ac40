"""What a training is asked to do: every option, checked before any slow work."""

from dataclasses import dataclass
from typing import Literal, get_args

from edgecls_device.errors import OptionError
from edgecls_device.spec import Preprocessing

from edgecls.training.backbones import DEFAULT_BACKBONE, Backbone, backbone_named

__all__ = ["ResizeRule", "TrainingSettings"]

ResizeRule = Literal["crop", "stretch", "letterbox"]

CROP_FRACTION = 14 / 15
"""How much of a photo's short side is kept where photos are cropped: of a camera's 480 lines 448, twice 224.

A frame is halved then, which is exact, smooth and a third of the work of another ratio. The border that is lost
is 3 % of it on each side; on 2000 photos of cats and dogs that cost two or three (``benchmarks/NOTES.md``).
"""

HEAD_EPOCHS, FINE_TUNE_EPOCHS, SCRATCH_EPOCHS = 60, 5, 30


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingSettings:
    """Options of one training.

    Attributes:
        backbone: Name of the backbone.
        epochs: Most passes over the training photos in the last stage; None for that stage's own default
            (head 60, fine-tuning 5, from scratch 30).
        fine_tune: How many of the top blocks to train end to end afterwards; 0 for none.
        seed: What every random choice is drawn from.
        resize: How a photo becomes the input size.
        size: Input height and width in pixels; None for the backbone's own.
        batch_size: Photos per step on each device.
        devices: Of all processes that train together.

    Raises:
        OptionError: If one of them cannot be honoured.
    """

    backbone: str = DEFAULT_BACKBONE
    epochs: int | None = None
    fine_tune: int = 0
    seed: int = 0
    resize: ResizeRule = "crop"
    size: int | None = None
    batch_size: int = 32
    devices: int = 1

    def __post_init__(self) -> None:
        entry = backbone_named(self.backbone)
        _check("--epochs", self.epochs, 1, 10_000)
        _check("--fine-tune", self.fine_tune, 0, 1000)
        _check("--seed", self.seed, 0, 2**31 - 1)
        _check("--size", self.size, 32, 1024)
        _check("--batch-size", self.batch_size, 1, 4096)
        if self.resize not in get_args(ResizeRule):
            message = f"Expected --resize to be one of {', '.join(get_args(ResizeRule))}, got {self.resize!r}."
            raise OptionError(message, hint="crop is right for most photos")
        if self.fine_tune and not entry.is_pretrained:
            message = f"Expected --fine-tune with a pretrained backbone, got {self.backbone}."
            raise OptionError(
                message, hint=f"leave it out: {self.backbone} is trained end to end anyway"
            )

    @property
    def entry(self) -> Backbone:
        """The backbone's place in the table."""
        return backbone_named(self.backbone)

    @property
    def preprocessing(self) -> Preprocessing:
        """How a photo becomes the model's input."""
        size = self.size or self.entry.size
        kept = CROP_FRACTION if self.resize == "crop" else 1.0
        return Preprocessing(height=size, width=size, resize=self.resize, crop_fraction=kept)

    @property
    def head_epochs(self) -> int:
        """Most epochs for the head on frozen features."""
        return HEAD_EPOCHS if self.epochs is None or self.fine_tune else self.epochs

    @property
    def end_to_end_epochs(self) -> int:
        """Epochs for fine-tuning, or for training from scratch."""
        default = FINE_TUNE_EPOCHS if self.entry.is_pretrained else SCRATCH_EPOCHS
        return default if self.epochs is None else self.epochs

    def as_text(self) -> dict[str, str]:
        """Return every option by name, defaults filled in, as text; the batch is that of all devices."""
        epochs = self.end_to_end_epochs if self.is_end_to_end else self.head_epochs
        return {
            "backbone": self.backbone,
            "epochs": str(epochs),
            "fine_tune": str(self.fine_tune),
            "seed": str(self.seed),
            "resize": self.resize,
            "size": str(self.preprocessing.height),
            "batch_size": str(self.global_batch_size),
        }

    @property
    def global_batch_size(self) -> int:
        """Photos per step on all devices together: what decides about the result, however they are divided."""
        return self.batch_size * self.devices

    @property
    def is_end_to_end(self) -> bool:
        """Whether a part of the backbone is trained."""
        return self.fine_tune > 0 or not self.entry.is_pretrained


def _check(option: str, value: int | None, least: int, most: int) -> None:
    if value is not None and not least <= value <= most:
        message = f"Expected {option} to be {least}..{most}, got {value}."
        raise OptionError(message, hint="see: edgecls train --help")
