"""What stands between frames and the model, and between the model and the sinks."""

from dataclasses import dataclass
from typing import Literal, Protocol

from edgecls_device.arrays import Frame
from edgecls_device.classifier import Prediction
from edgecls_device.results import Decision, Event
from edgecls_device.sources.protocol import CapturedFrame

__all__ = ["Chooser", "Decider", "Look"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Look:
    """What to do with a frame.

    Attributes:
        action: ``classify`` it, ``skip`` it (every n-th is taken), or call it ``still``: nothing moved.
        image: The part to classify, BGR uint8; a view of the frame.
    """

    action: Literal["classify", "skip", "still"]
    image: Frame


class Chooser(Protocol):
    """Says which frames are looked at, and which part of them."""

    def look(self, frame: CapturedFrame) -> Look:
        """Look at the next frame.

        Raises:
            FrameError: If it is no picture, or the region of interest lies outside of it.
            OptionError: If the region lies outside of the very first frame: it was meant for another camera.
        """


class Decider(Protocol):
    """Turns predictions into decisions that do not flicker, and into events."""

    def decide(
        self, frame: CapturedFrame, prediction: Prediction
    ) -> tuple[Decision, tuple[Event, ...]]:
        """Take the prediction for the next frame; a still frame comes with an earlier prediction."""

    def interrupt(self, reason: Literal["source_lost", "stopped"]) -> tuple[Event, ...]:
        """End what is going on, and forget the past: frames that come later are another scene."""
