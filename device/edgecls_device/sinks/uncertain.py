"""Frames of which the model is not sure, kept so that a person sorts them and the next model knows them."""

from pathlib import Path
from typing import Any

from edgecls_device.arrays import Frame
from edgecls_device.classifier import Classifier, Prediction
from edgecls_device.collecting.photo_file import encode_photo
from edgecls_device.collecting.sorting_folder import SortingFolder
from edgecls_device.decisions.frame_clock import FrameClock
from edgecls_device.decisions.region import Region
from edgecls_device.errors import OptionError
from edgecls_device.likeness import SeenPictures, thumbnail
from edgecls_device.postprocessing import UNKNOWN_LABEL
from edgecls_device.results import Decision, FrameResult
from edgecls_device.sinks.direct import DirectSink
from edgecls_device.sinks.json_lines import frame_record
from edgecls_device.spec import ModelSpec

__all__ = ["LOW_MARGIN", "UncertainSink"]

LOW_MARGIN = 0.2
APART_S = 10.0
LOOK_EVERY_S = 0.5


class UncertainSink(DirectSink):
    """Keeps uncertain frames in a :class:`SortingFolder`. See ``Sink`` for the contract.

    A frame is uncertain if it is ``unknown``, if the two best scores are less than 0.2 apart (``low_margin``),
    or if a second model names another label (``disagreement``). One is kept of each stay of a label, and one
    every 10 seconds while no label is believed; near duplicates of the last 200 are left out. At most two
    frames a second are looked at.

    What is kept is what the model saw: the frame without drawings, or its region of interest if there is
    one, before the model's own resizing. Training brings photos to the input size by the same rule.

    It may take a while and stands behind a ``BackgroundSink``.

    Attributes:
        kept: Frames kept so far.
        similar: Frames left out as near duplicates.
    """

    name = "uncertain"

    def __init__(
        self,
        directory: Path | str,
        *,
        quota_bytes: int,
        spec: ModelSpec,
        second: Classifier | None = None,
        region: Region | None = None,
        low_margin: float = LOW_MARGIN,
    ) -> None:
        """Create the directory.

        Args:
            directory: See :class:`SortingFolder`.
            quota_bytes: Most that its frames may take.
            spec: Of the model whose results come.
            second: Another model for the same labels; taken over: used from one thread, and closed.
            region: The part of each frame that the model looks at; None for all of it.
            low_margin: Difference of the two best scores below which a frame is uncertain.

        Raises:
            OptionError: If the second model has other labels.
            StorageError: If the directory cannot be created or written.
        """
        if second is not None:
            _check_labels(spec, second.spec)
        self._folder = SortingFolder(directory, quota_bytes=quota_bytes)
        self._second = second
        self._region = region
        self._low_margin = low_margin
        self._seen = SeenPictures()
        self._clock = FrameClock()
        self._looked_s = self._kept_s = float("-inf")
        self._has_kept = False
        self._source = ""
        self._decision: Decision | None = None
        self.kept = 0
        self.similar = 0

    def write(self, result: FrameResult) -> None:
        """Keep the frame, if the model is not sure and no other of this stay is kept."""
        now_s = self._clock.advance(result.frame)
        self._follow(result)
        if result.is_still or result.frame.is_stale or not self._is_due(now_s):
            return
        self._looked_s = now_s
        image = result.image if self._region is None else self._region.cut(result.image)
        reasons, facts = self._doubts(result.prediction, image)
        if not reasons:
            return
        small = thumbnail(image)
        if self._seen.same_as(small):
            self.similar += 1
            return
        self._keep(result, image, {"why": reasons, **facts})
        self._seen.add(small, "")
        self._has_kept, self._kept_s = True, now_s

    def close(self) -> None:
        """Free the second model."""
        if self._second is not None:
            self._second.close()

    def _follow(self, result: FrameResult) -> None:
        """Notice when another stay begins: another label, the same one anew, or another photo."""
        before, now = self._decision, result.decision
        is_same = before is not None and before.label == now.label and before.held_s <= now.held_s
        if not is_same or result.frame.source != self._source:
            self._has_kept = False
        if result.frame.source != self._source:
            self._looked_s = self._kept_s = float("-inf")
        self._decision, self._source = now, result.frame.source

    def _is_due(self, now_s: float) -> bool:
        if self._decision is not None and self._decision.is_unknown:
            is_wanted = now_s - self._kept_s >= APART_S
        else:
            is_wanted = not self._has_kept
        return is_wanted and now_s - self._looked_s >= LOOK_EVERY_S

    def _doubts(self, prediction: Prediction, image: Frame) -> tuple[list[str], dict[str, Any]]:
        """Return why a frame is uncertain, and what the second model says."""
        reasons, facts = [], {}
        if prediction.is_unknown:
            reasons.append("unknown")
        best, *others = sorted(prediction.scores.tolist(), reverse=True)
        if others and best - others[0] < self._low_margin:
            reasons.append("low_margin")
        if self._second is not None:
            other = self._second.classify(image, k=1).top[0]
            facts["second"] = {"label": other.label, "score": round(other.score, 6)}
            if other.label != prediction.top[0].label:
                reasons.append("disagreement")
        return reasons, facts

    def _keep(self, result: FrameResult, image: Frame, facts: dict[str, Any]) -> None:
        record = frame_record(result)
        told = ("time", "source", "frame", "position_s", "label", "score", "top")
        label = UNKNOWN_LABEL if result.prediction.is_unknown else result.prediction.top[0].label
        self._folder.keep(
            encode_photo(image),
            label,
            captured_at=result.frame.captured_at,
            facts={**{key: record[key] for key in told}, **facts},
        )
        self.kept += 1


def _check_labels(spec: ModelSpec, second: ModelSpec) -> None:
    if set(spec.output_labels) != set(second.output_labels):
        message = f"Expected a second model with the labels {_shown(spec)}, got one with {_shown(second)}."
        raise OptionError(message, hint="give two models trained on the same classes")


def _shown(spec: ModelSpec) -> str:
    few = ", ".join(spec.output_labels[:6])
    more = len(spec.output_labels) - 6
    return f"{few} and {more} more" if more > 0 else few
