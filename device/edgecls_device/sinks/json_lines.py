"""One JSON object a frame, for machines."""

import json
from datetime import datetime, timezone
from typing import Any, TextIO

from edgecls_device.results import FrameResult
from edgecls_device.sinks.direct import DirectSink
from edgecls_device.sinks.stream import TextOut

__all__ = ["JsonLinesSink", "frame_record"]


class JsonLinesSink(DirectSink):
    """Writes to a text stream, flushed after each frame. See ``Sink`` for the contract."""

    name = "json"
    needs_pixels = False

    def __init__(self, stream: TextIO) -> None:
        self._out = TextOut(stream, encoding="utf-8")

    def write(self, result: FrameResult) -> None:
        """Write one line."""
        self._out.write(line_of(frame_record(result)))


def line_of(record: dict[str, Any]) -> str:
    """Return a record as one line."""
    return json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"


def frame_record(result: FrameResult) -> dict[str, Any]:
    """Return a result as plain JSON types; times in milliseconds, ``time`` in ISO 8601 UTC."""
    frame, prediction = result.frame, result.prediction
    captured = datetime.fromtimestamp(frame.captured_at, timezone.utc)
    height, width = frame.image.shape[:2]
    return {
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
        "preprocess_ms": round(prediction.preprocess_ms, 3),
        "inference_ms": round(prediction.inference_ms, 3),
        "age_ms": round(result.age_ms, 3),
        "frames_per_second": round(result.frames_per_second, 2),
        "dropped": result.dropped,
    }
