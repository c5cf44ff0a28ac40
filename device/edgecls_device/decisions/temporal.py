"""Decisions that do not flicker, and events: smoothing, then hysteresis, then what came and what went."""

import os
import time
from typing import Literal

from edgecls_device.arrays import Scores
from edgecls_device.classifier import Prediction
from edgecls_device.decisions.frame_clock import FrameClock
from edgecls_device.decisions.hysteresis import Belief, Hysteresis, thresholds
from edgecls_device.decisions.settings import DecisionSettings
from edgecls_device.decisions.smoothing import open_smoother
from edgecls_device.decisions.stay import Stay
from edgecls_device.postprocessing import UNKNOWN_LABEL
from edgecls_device.results import Decision, Event
from edgecls_device.sources.protocol import CapturedFrame
from edgecls_device.spec import ModelSpec

__all__ = ["TemporalDecider"]


class TemporalDecider:
    """Believes a label once it has won for a while. See ``Decider`` for the contract.

    Time is the frames' own: the place in a video, else when a frame was captured. What comes out depends on
    frames and predictions only, but for the ids of events. An event's ``start`` is the wall clock of its first
    frame; in a video, when that would be on the screen if it were played from when it was opened.

    A *still* frame, which comes with an earlier frame's prediction, adds nothing to the smoothing: one
    noisy frame would otherwise count a hundred times. Time goes on, so what won before the scene went still
    may be entered while it is.

    A *stale* frame (the camera gives the same picture over and over) says nothing about now: what is going on
    ends as ``source_lost``, and the decision is unknown until the picture changes.
    """

    def __init__(self, settings: DecisionSettings, spec: ModelSpec, source_name: str) -> None:
        """Believe nothing yet.

        Args:
            settings: What the user says.
            spec: Says the labels, and from which score on they are known.
            source_name: For events.

        Raises:
            OptionError: If the score for leaving is above the one for entering.
        """
        self._labels = spec.output_labels
        self._source_name = source_name
        self._clock = FrameClock()
        self._smoother = open_smoother(settings)
        self._hysteresis = Hysteresis(thresholds(settings, spec), self._labels)
        self._run_id = os.urandom(4).hex()
        self._stays = 0
        self._epoch: float | None = None
        self._last_prediction: Prediction | None = None
        self._scores: Scores | None = None
        self._belief: Belief | None = None
        self._since_s = 0.0
        self._stale_since_s: float | None = None
        self._stay: Stay | None = None

    def decide(
        self, frame: CapturedFrame, prediction: Prediction
    ) -> tuple[Decision, tuple[Event, ...]]:
        """Take the prediction for the next frame."""
        now_s = self._clock.advance(frame)
        if self._epoch is None:
            self._epoch = frame.captured_at
        if frame.is_stale:
            return self._decide_stale(prediction, now_s)
        self._stale_since_s = None
        is_still = prediction is self._last_prediction
        self._last_prediction = prediction
        if self._scores is None or not is_still:
            self._scores = self._smoother.take(prediction, now_s)
        belief = self._hysteresis.take(self._scores, now_s)
        events: list[Event] = []
        if belief is not self._belief:
            events += self._end_stay("gone")
            self._belief, self._since_s = belief, now_s
            self._stay = self._begin_stay(belief, frame, now_s)
            if self._stay is not None:
                events.append(self._stay.entered(now_s))
        elif self._stay is not None:
            self._stay.frames += 1
        return self._decision(belief, self._scores, now_s), tuple(events)

    def interrupt(self, reason: Literal["source_lost", "stopped"]) -> tuple[Event, ...]:
        """End what is going on, and forget the past."""
        events = self._end_stay(reason)
        self._smoother.forget()
        self._hysteresis.forget()
        self._scores = self._belief = self._last_prediction = None
        return events

    def _decide_stale(
        self, prediction: Prediction, now_s: float
    ) -> tuple[Decision, tuple[Event, ...]]:
        if self._stale_since_s is None:
            self._stale_since_s = now_s
        events = self.interrupt("source_lost")
        decision = Decision(
            label=UNKNOWN_LABEL,
            score=prediction.score,
            is_unknown=True,
            held_s=now_s - self._stale_since_s,
        )
        return decision, events

    def _decision(self, belief: Belief, scores: Scores, now_s: float) -> Decision:
        is_unknown = belief.class_id is None
        class_id = int(scores.argmax()) if belief.class_id is None else belief.class_id
        return Decision(
            label=UNKNOWN_LABEL if is_unknown else self._labels[class_id],
            score=float(scores[class_id]),
            is_unknown=is_unknown,
            held_s=now_s - self._since_s,
        )

    def _begin_stay(self, belief: Belief, frame: CapturedFrame, now_s: float) -> Stay | None:
        if belief.class_id is None:
            return None
        self._stays += 1
        start = self._wall_time(belief.first_s, frame, now_s)
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(start))
        return Stay(
            id=f"{stamp}-{self._run_id}-{self._stays}",
            label=self._labels[belief.class_id],
            source=self._source_name,
            start=start,
            belief=belief,
        )

    def _wall_time(self, time_s: float, frame: CapturedFrame, now_s: float) -> float:
        """Return a frame time as seconds since 1970; a video counts as played from when it was opened."""
        if frame.position_s is not None and self._epoch is not None:
            return self._epoch + time_s
        return frame.captured_at - (now_s - time_s)

    def _end_stay(self, reason: Literal["gone", "source_lost", "stopped"]) -> tuple[Event, ...]:
        stay, self._stay = self._stay, None
        return () if stay is None else (stay.left(reason),)
