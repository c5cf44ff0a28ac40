"""A child process that waits for its start and then classifies without a pause: one of several side by side."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from edgecls_bench.probe import Probe, open_classifier, run_probe, tell

__all__ = ["GIVE_UP", "READY", "Share", "main"]

READY = "ready"
GIVE_UP = "give up"
WARMUP_RUNS = 3
LOOK_S = 0.01
BEAT_S = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """What one worker did.

    Attributes:
        frames: Classified.
        seconds: From the common start to its last frame; 0 if it was sent home.
    """

    frames: int = 0
    seconds: float = 0.0


def main(arguments: Sequence[str]) -> None:
    """Classify until time is up; the arguments are those of :class:`Probe`, the file of the start, the seconds.

    The file holds a moment of the system's monotonic clock, which all processes share, or :data:`GIVE_UP`.
    """
    probe, start, seconds = Probe.from_arguments(arguments), Path(arguments[5]), float(arguments[6])

    def work() -> None:
        frame = probe.read_frame()
        with open_classifier(probe) as classifier:
            for _ in range(WARMUP_RUNS):
                classifier.classify(frame)
            tell(READY)
            share = _work(lambda: classifier.classify(frame), start, seconds)
        tell(json.dumps(asdict(share)))

    run_probe(work)


def _work(classify: Callable[[], object], start: Path, seconds: float) -> Share:
    beat = _Beat()
    while (told := _read(start)) is None:
        time.sleep(LOOK_S)
        beat.tell()
    if told == GIVE_UP:
        return Share()
    begin_s = float(told)
    time.sleep(max(0.0, begin_s - time.monotonic()))
    frames = 0
    while (now_s := time.monotonic()) < begin_s + seconds:
        classify()
        frames += 1
        beat.tell()
    return Share(frames=frames, seconds=now_s - begin_s)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        return None


class _Beat:
    """A sign of life every second."""

    def __init__(self) -> None:
        self._last_s = time.monotonic()

    def tell(self) -> None:
        now_s = time.monotonic()
        if now_s - self._last_s > BEAT_S:
            self._last_s = now_s
            tell(".")
