"""What is said over MQTT, as JSON: events, the state, and how the run is."""

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from edgecls_device.arrays import Frame
from edgecls_device.health import LiveStatus
from edgecls_device.opencv import cv2
from edgecls_device.records import encode
from edgecls_device.results import Decision, Event

__all__ = [
    "NOTHING_SEEN",
    "State",
    "event_payload",
    "mark_late",
    "snapshot_payload",
    "state_of",
    "state_payload",
    "status_payload",
]

SNAPSHOT_WIDTH_PX = 960
SNAPSHOT_QUALITY = 80  # of 100; about 80 kB

State = dict[str, Any]

NOTHING_SEEN: State = {
    "label": None,
    "label_id": -1,
    "score": None,
    "is_unknown": None,
    "since": None,
    "time": None,
}  # before the first result, while the source is lost, and after the end


def state_of(decision: Decision, captured_at: float, label_ids: Mapping[str, int]) -> State:
    """Return what is believed since a frame.

    ``label_id`` is the label's place among the labels, -1 while unknown, so that rules and templates need not
    contain a label, which may be any text.

    Args:
        decision: What is believed.
        captured_at: When the frame was captured, seconds since 1970.
        label_ids: Place of each label.
    """
    return {
        "label": decision.label,
        "label_id": -1 if decision.is_unknown else label_ids.get(decision.label, -1),
        "score": round(decision.score, 4),
        "is_unknown": decision.is_unknown,
        "since": _iso(captured_at - decision.held_s),
        "time": _iso(captured_at),
    }


def state_payload(state: State) -> bytes:
    """Return a state as JSON."""
    return _json({"kind": "edgecls.state", "version": 1, **state})


def event_payload(event: Event) -> bytes:
    """Return an event as JSON, with the ``event_type`` that Home Assistant asks for."""
    happened = event.start if event.end is None else event.end
    body = {"event_type": event.change, "kind": event.kind, "version": event.version}
    return _json({**body, **_rounded(encode(event)), "time": _iso(happened), "is_late": False})


def mark_late(payload: bytes) -> bytes:
    """Return an event that says of itself that it could not be sent when it happened."""
    return _json({**json.loads(payload), "is_late": True})


def status_payload(status: LiveStatus) -> bytes:
    """Return how the run is as JSON; the sinks are told apart by name."""
    body = _rounded(encode(status))
    return _json({"kind": status.kind, "version": status.version, **body})


def snapshot_payload(image: Frame) -> bytes:
    """Return a picture (BGR uint8) as JPEG, at most 960 px wide."""
    height, width = image.shape[:2]
    share = min(SNAPSHOT_WIDTH_PX / width, 1.0)
    size = (round(width * share), max(round(height * share), 1))  # cv2 wants (width, height)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, SNAPSHOT_QUALITY])
    return data.tobytes()


def _iso(seconds: float) -> str:
    """Return a wall-clock time in ISO 8601, UTC, to the millisecond."""
    text = datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return value


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, allow_nan=False).encode(errors="replace")
