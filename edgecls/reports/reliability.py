"""Reliability diagrams: how often a score is right, before and after scores were refitted to an artifact."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgecls_bench.comparison import ComparisonCase
from edgecls_bench.metrics import calibration_error

from edgecls.reports.axes import Axis, linear_axis
from edgecls.reports.calibration import BINS, ScoreBin, score_bins
from edgecls.reports.intervals import wilson_interval
from edgecls.reports.number_text import percent_text
from edgecls.reports.plot_frame import LEFT_PX, RIGHT_PX

__all__ = ["Diagram", "DiagramBin", "Reliability", "reliability"]

TOP_PX, MIDDLE_PX = 44.0, 250.0  # the diagram
BARS_PX, BOTTOM_PX = 274.0, 322.0  # the number of photos in each bin, as bars
HEIGHT_PX = 366.0
FEW_PHOTOS = 200
"""With fewer, the error measures chance: a perfect model of 95 % would show about 2 % on 200 photos."""

SMALL_ERROR = 0.02
MIN_MEANINGFUL_CHANGE = 0.002


@dataclass(frozen=True, kw_only=True, slots=True)
class DiagramBin:
    """One bin in pixels.

    Attributes:
        x: Of the point, its mean score.
        y: Of the point, its accuracy.
        low: Lower end of the accuracy's 95 % interval.
        high: Upper end of it.
        left: Of the bar.
        width: Of the bar.
        top: Of the bar; its height is the share of photos.
        count: Photos, as short text.
        tooltip: What a pointer resting on it reads.
    """

    x: float
    y: float
    low: float
    high: float
    left: float
    width: float
    top: float
    count: str
    tooltip: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagram:
    """One diagram.

    Attributes:
        title: Which scores it shows.
        error: Expected calibration error, 0..1.
        x: Score, percent.
        y: Right answers, percent.
        bins: Those that hold photos, by rising score.
        bars_top: Where the tallest bar ends, pixels.
        bars_bottom: Where the bars stand.
        height: Of the plot, pixels.
        summary: The plot in words, for screen readers.
    """

    title: str
    error: float
    x: Axis
    y: Axis
    bins: tuple[DiagramBin, ...]
    bars_top: float
    bars_bottom: float
    height: float
    summary: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Reliability:
    """The scores of one artifact on one backend.

    Attributes:
        name: Its short name.
        before: With the temperature of the Keras model; None if scores were not refitted.
        after: With its own.
        sentence: What the errors mean.
        note: A warning where there are few photos; else empty.
    """

    name: str
    before: Diagram | None
    after: Diagram
    sentence: str
    note: str


def reliability(name: str, case: ComparisonCase, class_ids: Sequence[int]) -> Reliability | None:
    """Return the diagrams of one artifact; None for photos without classes, of which none is right or wrong."""
    if not class_ids or len(class_ids) != len(case.predicted):
        return None
    is_right = [p == t for p, t in zip(case.predicted, class_ids, strict=True)]
    was_refitted = bool(case.keras_confidence) and case.keras_confidence != case.confidence
    before = (
        _diagram("Before: the temperature of the Keras model", case.keras_confidence, is_right)
        if was_refitted
        else None
    )
    title = f"After: its own temperature, {case.temperature:.3f}"
    if not was_refitted:
        title = f"Temperature {case.temperature:.3f}"
    after = _diagram(title, case.confidence, is_right)
    return Reliability(
        name=name,
        before=before,
        after=after,
        sentence=_sentence(before, after, case, is_right),
        note=_note(len(class_ids)),
    )


def _diagram(title: str, confidence: Sequence[float], is_right: Sequence[bool]) -> Diagram:
    bins = score_bins(confidence, is_right)
    x = linear_axis(0.0, 100.0, start=LEFT_PX, end=RIGHT_PX)
    y = linear_axis(0.0, 100.0, start=MIDDLE_PX, end=TOP_PX)
    fullest = max((b.photos for b in bins), default=1)
    error = calibration_error(confidence, is_right)
    drawn = tuple(_drawn_bin(b, x, y, fullest) for b in bins)
    return Diagram(
        title=title,
        error=error,
        x=x,
        y=y,
        bins=drawn,
        bars_top=BARS_PX,
        bars_bottom=BOTTOM_PX,
        height=HEIGHT_PX,
        summary=f"{title}. Calibration error {percent_text(error)}; "
        + "; ".join(b.tooltip for b in drawn),
    )


def _drawn_bin(score_bin: ScoreBin, x: Axis, y: Axis, fullest: int) -> DiagramBin:
    low, high = wilson_interval(round(score_bin.accuracy * score_bin.photos), score_bin.photos)
    place = min(int(score_bin.confidence * BINS), BINS - 1)
    left, right = x(100 * place / BINS), x(100 * (place + 1) / BINS)
    return DiagramBin(
        x=x(100 * score_bin.confidence),
        y=y(100 * score_bin.accuracy),
        low=y(100 * low),
        high=y(100 * high),
        left=left + 1,
        width=round(right - left - 2, 1),
        top=round(BOTTOM_PX - max(1.0, (BOTTOM_PX - BARS_PX) * score_bin.photos / fullest), 1),
        count=_short_count(score_bin.photos),
        tooltip=(
            f"score {score_bin.confidence:.2f}: {100 * score_bin.accuracy:.0f} % "
            f"of {score_bin.photos} photos right"
        ),
    )


def _short_count(count: int) -> str:
    """Return a count that is at most four characters wide: 950, 1.2k, 12k."""
    if count < 1000:
        return str(count)
    return f"{count / 1000:.1f}k" if count < 9950 else f"{count / 1000:.0f}k"


def _sentence(
    before: Diagram | None, after: Diagram, case: ComparisonCase, is_right: Sequence[bool]
) -> str:
    error = percent_text(after.error)
    gap = sum(case.confidence) / len(is_right) - sum(is_right) / len(is_right)
    way = "too high" if gap > 0 else "too low"
    if after.error < SMALL_ERROR:
        meaning = (
            f"Its scores mean what they say: the share of right answers is {error} off on average."
        )
    else:
        meaning = (
            f"The share of right answers is {error} off what its scores say; they are mostly {way}."
        )
    if before is None:
        return f"{meaning} They were not refitted: it uses the Keras model's temperature."
    was = percent_text(before.error)
    change = after.error - before.error
    if abs(change) < MIN_MEANINGFUL_CHANGE:
        return f"{meaning} Refitting changed little: it was {was} before."
    effect = "brought this down" if change < 0 else "made this worse on these photos: up"
    return f"{meaning} Refitting its temperature {effect} from {was}."


def _note(photos: int) -> str:
    if photos >= FEW_PHOTOS:
        return ""
    return (
        f"On {photos} photos only, much of the error is chance; {FEW_PHOTOS} or more say something."
    )
