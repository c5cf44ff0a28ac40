"""Frames and predictions at scripted times."""

import numpy as np
import pytest
from edgecls_device.classifier import Prediction
from edgecls_device.sources.protocol import CapturedFrame

from tests.device.tiny_models import tiny_spec

LABELS = ("red", "green", "blue")
IMAGE = np.zeros((48, 64, 3), np.uint8)
BEGIN = 1_700_000_000.0


def spec(threshold=0.7, **changes):
    return tiny_spec(unknown_threshold=threshold, **changes)


def clock(time_s, *, within=0.001):
    """Return the wall clock at a scripted time."""
    return pytest.approx(BEGIN + time_s, abs=within)


def frame(time_s, *, image=IMAGE, position_s=None, is_stale=False, captured_at=None):
    return CapturedFrame(
        image=image,
        index=0,
        source="cam",
        captured_at=BEGIN + time_s if captured_at is None else captured_at,
        captured_ns=round(time_s * 1e9),
        position_s=position_s,
        is_stale=is_stale,
    )


def prediction(scores, *, threshold=0.7, labels=LABELS):
    values = np.asarray(scores, np.float32)
    best = int(values.argmax())
    is_unknown = bool(values[best] < threshold)
    return Prediction(
        label="unknown" if is_unknown else labels[best],
        score=float(values[best]),
        class_id=best,
        is_unknown=is_unknown,
        labels=tuple(labels),
        k=1,
        preprocess_ms=0.0,
        inference_ms=0.0,
        scores=values,
    )


def sure(label, score=0.96):
    """Return scores that say ``label``; None for none."""
    if label is None:
        return [0.34, 0.33, 0.33]
    rest = (1 - score) / (len(LABELS) - 1)
    return [score if name == label else rest for name in LABELS]


def play(decider, script, *, fps=20, begin_s=0.0, end=True):
    """Give a decider ``(seconds, scores)`` after one another; return ``(time, decision, events)`` a frame."""
    steps, time_s = [], begin_s
    for seconds, scores in script:
        for _ in range(round(seconds * fps)):
            steps.append((time_s, *decider.decide(frame(time_s), prediction(scores))))
            time_s += 1 / fps
    if end:
        steps.append((time_s, None, decider.interrupt("stopped")))
    return steps


def events_of(steps):
    return [event for _, _, events in steps for event in events]


def told(steps):
    """Return the events in short: (change, label)."""
    return [(event.change, event.label) for event in events_of(steps)]
