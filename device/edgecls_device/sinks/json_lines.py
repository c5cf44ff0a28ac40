"""One JSON object a line for each result and event, for machines."""

import json
from datetime import datetime, timezone
from typing import Any, TextIO

from edgecls_device.records import encode, to_json
from edgecls_device.results import Event, FrameResult
from edgecls_device.sinks.direct import DirectSink
from edgecls_device.sinks.stream import TextOut

__all__ = ["JsonLinesSink", "event_line", "frame_line", "frame_record"]


class JsonLinesSink(DirectSink):
    """Writes to a text stream, each line at once and in UTF-8. See ``Sink`` for the contract."""

    name = "json"
    needs_pixels = False

    def __init__(self, stream: TextIO) -> None:
        self._out = TextOut(stream, encoding="utf-8")

    def write(self, result: FrameResult) -> None:
        """Write one line."""
        self._out.write(frame_line(result))

    def notify(self, event: Event, result: FrameResult | None) -> None:
        """Write one line, with ``"kind": "edgecls.event"``."""
        del result
        self._out.write(event_line(event))


def frame_line(result: FrameResult) -> str:
    """Return a result as one line of JSON. Letters that are no text (lone surrogates) are escaped."""
    return _whole(json.dumps(frame_record(result), ensure_ascii=False, allow_nan=False) + "\n")


def event_line(event: Event) -> str:
    """Return an event as one line of JSON, as ``records.from_json`` reads it."""
    return _whole(to_json(event, indent=None))


def frame_record(result: FrameResult) -> dict[str, Any]:
    """Return a result as plain JSON types; times in milliseconds, ``time`` in ISO 8601 UTC.

    ``label`` and ``score`` are what the model says of this frame alone, ``decision`` what is believed.
    """
    frame, prediction = result.frame, result.prediction
    captured = datetime.fromtimestamp(frame.captured_at, timezone.utc)
    height, width = frame.image.shape[:2]
    decision = encode(result.decision)
    return {
        "kind": "edgecls.frame",
        "frame": frame.index,
        "source": frame.source,
        "time": captured.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "position_s": None if frame.position_s is None else round(frame.position_s, 3),
        "width": width,
        "height": height,
        "label": prediction.label,
        "score": round(prediction.score, 6),
        "class_id": prediction.class_id,
        "is_unknown": prediction.is_unknown,
        "top": [
            {"label": item.label, "score": round(item.score, 6), "class_id": item.class_id}
            for item in prediction.top
        ],
        "decision": {
            **decision,
            "score": round(decision["score"], 6),
            "held_s": round(decision["held_s"], 3),
        },
        "is_still": result.is_still,
        "is_stale": frame.is_stale,
        "preprocess_ms": round(prediction.preprocess_ms, 3),
        "inference_ms": round(prediction.inference_ms, 3),
        "age_ms": round(result.age_ms, 3),
        "frames_per_second": round(result.frames_per_second, 2),
        "dropped": result.dropped,
    }


def _whole(line: str) -> str:
    return line.encode("utf-8", "backslashreplace").decode()
