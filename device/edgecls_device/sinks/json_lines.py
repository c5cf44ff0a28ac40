"""One JSON object a frame, for machines."""

import json
from datetime import datetime, timezone
from typing import Any, TextIO

from edgecls_device.results import FrameResult
from edgecls_device.sinks.direct import DirectSink

__all__ = ["JsonLinesSink", "frame_record"]


class JsonLinesSink(DirectSink):
    """Writes to a text stream, flushed after each frame. See ``Sink`` for the contract."""

    name = "json"

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, result: FrameResult) -> None:
        """Write one line."""
        text = json.dumps(frame_record(result), ensure_ascii=False, allow_nan=False)
        self._stream.write(text + "\n")
        self._stream.flush()


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
