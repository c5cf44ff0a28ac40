"""No decisions at all: every frame is looked at whole, and its prediction is the decision.

Right for photos, where one frame says nothing about the next.
"""

from typing import Literal

from edgecls_device.classifier import Prediction
from edgecls_device.decisions.protocol import Look
from edgecls_device.results import Decision, Event
from edgecls_device.sources.protocol import CapturedFrame

__all__ = ["EachAlone", "EveryFrame"]


class EveryFrame:
    """Looks at every frame, whole. See ``Chooser`` for the contract."""

    def look(self, frame: CapturedFrame) -> Look:
        """Say that it is to be classified."""
        return Look(action="classify", image=frame.image)


class EachAlone:
    """Believes every prediction. See ``Decider`` for the contract."""

    def decide(
        self, frame: CapturedFrame, prediction: Prediction
    ) -> tuple[Decision, tuple[Event, ...]]:
        """Return the prediction as the decision."""
        del frame
        decision = Decision(
            label=prediction.label,
            score=prediction.score,
            is_unknown=prediction.is_unknown,
            held_s=0.0,
        )
        return decision, ()

    def interrupt(self, reason: Literal["source_lost", "stopped"]) -> tuple[Event, ...]:
        """Do nothing: there is no past."""
        del reason
        return ()
