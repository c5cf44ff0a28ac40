"""Numbers as a person reads them: few digits, a unit, and a dash where nothing was measured."""

import math

from edgecls_bench.measurement import Latency

__all__ = [
    "MISSING",
    "change_text",
    "clip_text",
    "count_text",
    "date_text",
    "interval_text",
    "megabytes_text",
    "milliseconds_text",
    "p99_of",
    "p99_text",
    "percent_text",
    "points_text",
    "rate_text",
    "ratio_text",
    "score_text",
    "seconds_text",
]

MISSING = "\N{EN DASH}"
_NBSP = "\N{NO-BREAK SPACE}"


def percent_text(share: float | None, *, photos: int = 0) -> str:
    """Return a share 0..1 as percent; two decimals only where 1000 photos or more carry them."""
    if share is None or not math.isfinite(share):
        return MISSING
    digits = 2 if photos >= 1000 else 1
    return f"{100 * share:.{digits}f}{_NBSP}%"


def points_text(difference: float) -> str:
    """Return a difference of two shares as percentage points, unsigned."""
    points = abs(100 * difference)
    return f"{points:.2f} points" if points < 1 else f"{points:.1f} points"


def change_text(drop: float) -> str:
    """Return what a lost share changes, as percentage points; signed unless it rounds to 0."""
    text = f"{-100 * drop:+.2f}"
    return text[1:] if float(text) == 0 else text


def score_text(score: float | None) -> str:
    """Return a probability with three decimals; what rounds to 0 is shown as below 0.001."""
    if score is None or not math.isfinite(score):
        return MISSING
    return "<0.001" if 0 < score < 0.0005 else f"{score:.3f}"


def milliseconds_text(duration_ms: float | None) -> str:
    """Return a duration with three digits, in ms or, from 10 s on, in s."""
    if duration_ms is None or not math.isfinite(duration_ms):
        return MISSING
    if duration_ms >= 10_000:
        return f"{duration_ms / 1000:.1f}{_NBSP}s"
    return f"{duration_ms:.{_digits(duration_ms)}f}{_NBSP}ms"


def interval_text(interval_ms: tuple[float, ...]) -> str:
    """Return an interval in ms without its unit, both ends with as many decimals; empty without one."""
    if len(interval_ms) != 2 or not all(map(math.isfinite, interval_ms)):
        return ""
    low, high = interval_ms
    digits = _digits(high)
    return f"{low:.{digits}f} to {high:.{digits}f}"


def _digits(duration_ms: float) -> int:
    return 2 if duration_ms < 10 else 1 if duration_ms < 100 else 0


def p99_of(latency: Latency) -> float | None:
    """Return the 99th percentile in ms; None where too few samples carry it."""
    return latency.p99_ms if latency.has_p99 or not latency.samples else None


def p99_text(latency: Latency) -> str:
    """Return the 99th percentile, or a dash where too few samples carry it."""
    return milliseconds_text(p99_of(latency))


def seconds_text(duration_s: float) -> str:
    """Return a duration in s, or in minutes and seconds from two minutes on."""
    if duration_s < 120:
        return f"{duration_s:.1f}{_NBSP}s"
    return f"{int(duration_s // 60)}{_NBSP}min {int(duration_s % 60)}{_NBSP}s"


def megabytes_text(size_bytes: float | None) -> str:
    """Return a size in decimal units: kB, MB or GB."""
    if size_bytes is None or not math.isfinite(size_bytes):
        return MISSING
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if size_bytes >= size:
            value = size_bytes / size
            return f"{value:.{1 if value < 100 else 0}f}{_NBSP}{unit}"
    return f"{size_bytes / 1000:.0f}{_NBSP}kB"


def ratio_text(ratio: float | None) -> str:
    """Return a ratio as whole percent."""
    return MISSING if ratio is None or not math.isfinite(ratio) else f"{100 * ratio:.0f}{_NBSP}%"


def rate_text(per_second: float | None) -> str:
    """Return something per second, without its unit, with three digits."""
    if per_second is None or not math.isfinite(per_second):
        return MISSING
    return f"{per_second:.{2 if per_second < 10 else 1 if per_second < 100 else 0}f}"


def count_text(number: int, noun: str = "") -> str:
    """Return a number with its thousands apart, and the noun's regular plural where it needs one."""
    text = f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    if not noun:
        return text
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{text} {noun if number == 1 else plural}"


def date_text(created: str) -> str:
    """Return the date and minute of an ISO 8601 time, which records give in UTC."""
    return f"{created[:10]} {created[11:16]} UTC" if len(created) >= 16 else created


def clip_text(text: str, length: int) -> str:
    """Return ``text`` with its middle left out if it is longer than ``length`` characters."""
    if len(text) <= length:
        return text
    tail = length // 3
    return f"{text[: length - tail - 1]}\N{HORIZONTAL ELLIPSIS}{text[-tail:]}"
