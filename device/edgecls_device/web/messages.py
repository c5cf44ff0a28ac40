"""What the page is told, as JSON: each message is made once for all viewers."""

import json
import time
from collections.abc import Sequence
from typing import Any

from edgecls_device.classifier import Prediction
from edgecls_device.health import LiveStatus
from edgecls_device.records import encode
from edgecls_device.results import Event, FrameResult
from edgecls_device.web.settings import PageFacts

__all__ = [
    "as_text",
    "error_record",
    "event_message",
    "hello_message",
    "prediction_record",
    "result_message",
    "status_message",
    "status_record",
]

PROTOCOL = 1


def as_text(record: dict[str, Any]) -> str:
    """Return JSON in ASCII; labels in it are text, whoever shows them must not take them for markup."""
    return json.dumps(record, allow_nan=False, separators=(",", ":"))


def hello_message(
    facts: PageFacts, status: LiveStatus, events: Sequence[Event], *, can_collect: bool
) -> str:
    """Return the first message to a viewer."""
    record = {
        "type": "hello",
        "version": PROTOCOL,
        "now": _now(),
        **encode(facts),
        "source": status.source,
        "description": status.description,
        "can_collect": can_collect,
        "events": encode(tuple(events)),
    }
    return as_text(record)


def result_message(result: FrameResult) -> str:
    """Return the message that goes before the picture of ``result``."""
    frame, prediction, decision = result.frame, result.prediction, result.decision
    height, width = frame.image.shape[:2]
    record = {
        "type": "result",
        "frame": frame.index,
        "time": round(frame.captured_at, 3),
        "label": decision.label,
        "score": round(decision.score, 4),
        "is_unknown": decision.is_unknown,
        "held_s": round(decision.held_s, 2),
        "top": _top(prediction),
        "width": width,
        "height": height,
        "age_ms": round(result.age_ms, 2),
        "frames_per_second": round(result.frames_per_second, 2),
        "is_still": result.is_still,
        "is_stale": frame.is_stale,
        "inference_ms": round(prediction.inference_ms, 2),
        "preprocess_ms": round(prediction.preprocess_ms, 2),
    }
    return as_text(record)


def status_record(status: LiveStatus) -> dict[str, Any]:
    """Return a status as plain JSON types, with its kind and version."""
    record: dict[str, Any] = encode(status)
    return {"kind": status.kind, "version": status.version, **record}


def status_message(status: LiveStatus) -> str:
    """Return the message of how the run is."""
    return as_text({"type": "status", "now": _now(), **encode(status)})


def event_message(event: Event) -> str:
    """Return the message of a label that came or went."""
    return as_text({"type": "event", **encode(event)})


def prediction_record(prediction: Prediction) -> dict[str, Any]:
    """Return what a photo shows as plain JSON types; times in milliseconds."""
    return {
        "label": prediction.label,
        "score": round(prediction.score, 6),
        "class_id": prediction.class_id,
        "is_unknown": prediction.is_unknown,
        "top": _top(prediction),
        "preprocess_ms": round(prediction.preprocess_ms, 3),
        "inference_ms": round(prediction.inference_ms, 3),
    }


def error_record(message: str, hint: str = "") -> dict[str, str]:
    """Return an error as every answer gives it."""
    return {"error": message, "hint": hint}


def _now() -> float:
    """Return this machine's clock, by which a page whose clock differs tells how old a picture is."""
    return round(time.time(), 3)


def _top(prediction: Prediction) -> list[dict[str, Any]]:
    return [
        {"label": item.label, "score": round(item.score, 6), "class_id": item.class_id}
        for item in prediction.top
    ]
