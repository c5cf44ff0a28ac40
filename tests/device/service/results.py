"""A result as the loop gives it."""

import numpy as np
from edgecls_device.classifier import Prediction
from edgecls_device.results import Decision, FrameResult
from edgecls_device.sources.protocol import captured_now


def result(label="cat", *, index=0):
    """Return a result for a black frame."""
    prediction = Prediction(
        label=label,
        score=0.9,
        class_id=0,
        is_unknown=False,
        preprocess_ms=1.0,
        inference_ms=4.0,
        scores=np.zeros(3, np.float32),
    )
    return FrameResult(
        frame=captured_now(np.zeros((4, 4, 3), np.uint8), index=index, source="camera"),
        prediction=prediction,
        decision=Decision(label=label, score=0.9, is_unknown=False, held_s=1.0),
        age_ms=12.0,
        frames_per_second=30.0,
        dropped={},
    )
