"""Results and events as the loop gives them to sinks."""

import numpy as np
from edgecls_device.classifier import Prediction
from edgecls_device.results import Decision, Event, FrameResult, RunSummary
from edgecls_device.sources.protocol import CapturedFrame

from tests.device.conftest import picture

SUMMARY = RunSummary(
    captured=1, results=1, dropped={}, seconds=1.0, classify_p50_ms=4.25, ended_by="end"
)


def prediction(*items, is_unknown=False):
    labels = tuple(label for label, _ in items)
    return Prediction(
        label="unknown" if is_unknown else labels[0],
        score=items[0][1],
        class_id=0,
        is_unknown=is_unknown,
        labels=labels,
        k=len(items),
        preprocess_ms=0.25,
        inference_ms=4.0,
        scores=np.array([score for _, score in items], np.float32),
    )


def decision_of(one, held_s=0.0):
    return Decision(label=one.label, score=one.score, is_unknown=one.is_unknown, held_s=held_s)


def result(
    *items,
    index=0,
    position_s=None,
    seconds=0.0,
    image=None,
    is_unknown=False,
    dropped=None,
    decision=None,
    is_still=False,
    is_stale=False,
):
    """Return a result; ``items`` are labels and scores, ``seconds`` is when it was captured."""
    frame = CapturedFrame(
        image=picture("green") if image is None else image,
        index=index,
        source="photos/a.jpg",
        captured_at=1_700_000_000.5 + seconds,
        captured_ns=int(seconds * 1e9),
        position_s=position_s,
        is_stale=is_stale,
    )
    shown = prediction(*(items or (("cat", 0.75), ("dog", 0.25))), is_unknown=is_unknown)
    return FrameResult(
        frame=frame,
        prediction=shown,
        decision=decision or decision_of(shown),
        age_ms=5.0,
        frames_per_second=12.5,
        dropped=dropped or {},
        is_still=is_still,
    )


def event(change="entered", *, label="cat", number=1, seconds=0.0, ended_by="gone"):
    """Return an event of a stay that began at ``seconds`` and took twelve."""
    is_left = change == "left"
    start = 1_700_000_000.5 + seconds
    return Event(
        id=f"20231114T221320Z-1a2b3c4d-{number}",
        change=change,
        label=label,
        source="0",
        start=start,
        end=start + 12.0 if is_left else None,
        duration_s=12.0 if is_left else 0.0,
        peak_score=0.98,
        frames=120 if is_left else 1,
        ended_by=ended_by if is_left else "",
    )
