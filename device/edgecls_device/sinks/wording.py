"""Results and events in words, for terminals, logs and pictures."""

import time

from edgecls_device.results import Event, FrameResult

__all__ = ["clock", "duration", "event_words", "score_words", "source_words", "told_at"]


def event_words(event: Event) -> str:
    """Return an event as ``entered cat`` or ``left cat after 12 s, peak 98 %``."""
    if event.change == "entered":
        return f"entered {event.label}"
    why = {"source_lost": ", since the source was lost", "stopped": ", since the run ended"}
    peak = score_words(event.peak_score)
    text = f"left {event.label} after {duration(event.duration_s)}, peak {peak}"
    return text + why.get(event.ended_by, "")


def score_words(score: float) -> str:
    """Return a score as whole per cent."""
    return f"{score * 100:.0f} %"


def source_words(result: FrameResult) -> str:
    """Return what is odd about a frame: ``same picture``, ``still``, or nothing."""
    if result.frame.is_stale:
        return "same picture"
    return "still" if result.is_still else ""


def duration(seconds: float, *, whole: bool = False) -> str:
    """Return a time for people: ``0.4 s`` (whole: ``0 s``), ``12 s``, ``3 min 5 s``, ``2 h 10 min``."""
    if seconds < 9.95 and not whole:
        return f"{max(seconds, 0.0):.1f} s"
    rounded = round(seconds)
    for size, unit, smaller, name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min")):
        if rounded >= size:
            return f"{rounded // size} {unit} {rounded % size // smaller} {name}"
    return f"{rounded // 60} min {rounded % 60} s" if rounded >= 60 else f"{rounded} s"


def clock(seconds: float) -> str:
    """Return the local time of day."""
    return time.strftime("%H:%M:%S", time.localtime(seconds))


def told_at(event: Event, result: FrameResult | None) -> float:
    """Return when an event became known, so that lines are in the order of their times."""
    if result is not None:
        return result.frame.captured_at
    return event.start if event.end is None else event.end
