"""What ``training.json`` holds: settings, history and results of one training."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

__all__ = ["Epoch", "Evaluation", "TrainingRecord"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Epoch:
    """One pass over the training photos.

    Attributes:
        stage: ``head`` (on cached features) or ``fine-tune`` (end to end).
        epoch: Counted from 1 within its stage.
        loss: Cross-entropy on the training photos.
        accuracy: On the training photos, 0..1.
        val_loss: Cross-entropy on the validation photos.
        val_accuracy: On the validation photos, 0..1.
    """

    stage: Literal["head", "fine-tune"]
    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """Results of the finished Keras model on one split.

    Attributes:
        photos: Number of photos.
        accuracy: Share of photos whose best class is right, 0..1.
        loss: Cross-entropy of the probabilities after temperature.
        calibration_error: Expected calibration error after temperature, 15 bins, 0..1.
    """

    photos: int
    accuracy: float
    loss: float
    calibration_error: float


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingRecord:
    """One training, from the command to the finished model.

    Attributes:
        created: Time of the end, ISO 8601, UTC.
        backbone: Name of the backbone.
        weights: Where its weights come from.
        settings: Every option, by name, as text.
        photos: Label -> split -> number of photos.
        skipped: Number of photos left out, by reason.
        features_cached: Photos whose features were found in the cache.
        features_computed: Photos whose features were computed.
        history: Every epoch, in order.
        is_fine_tuned: Whether a part of the backbone was trained and the result was better, and so kept.
        val: Results on the validation split.
        test: Results on the test split.
        temperature: Fitted on the validation split.
        unknown_threshold: Fitted on the validation split.
        timings_s: Stage -> seconds, in order.
        packages: Versions of the packages that made it.
    """

    kind: ClassVar[str] = "edgecls.training"
    version: ClassVar[int] = 1

    created: str
    backbone: str
    weights: str
    settings: dict[str, str] = field(default_factory=dict)
    photos: dict[str, dict[str, int]] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    features_cached: int = 0
    features_computed: int = 0
    history: tuple[Epoch, ...] = ()
    is_fine_tuned: bool = False
    val: Evaluation
    test: Evaluation
    temperature: float
    unknown_threshold: float
    timings_s: dict[str, float] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)
