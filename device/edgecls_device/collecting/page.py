"""The live page as the shutter: the camera's picture and a button for each class, on any phone or desktop."""

import time
from collections import deque

import numpy as np

from edgecls_device.classifier import Prediction
from edgecls_device.collecting.photo_store import PhotoStore
from edgecls_device.collecting.session import Controls, Press, Progress
from edgecls_device.health import StatusBoard
from edgecls_device.postprocessing import UNKNOWN_LABEL
from edgecls_device.results import Decision, FrameResult
from edgecls_device.sources.protocol import DELIVERING, CapturedFrame, SourceStatus
from edgecls_device.web.server import WebServer
from edgecls_device.web.settings import PageFacts, WebSettings

__all__ = ["PageControls"]

RATE_WINDOW = 30  # frames
_NOTHING = Prediction(
    label=UNKNOWN_LABEL,
    score=0.0,
    class_id=0,
    is_unknown=True,
    preprocess_ms=0.0,
    inference_ms=0.0,
    scores=np.zeros(0, np.float32),
)
"""What is said of a frame where there is no model."""


class PageControls:
    """Serves the live page without a model beside other controls. See ``Controls``.

    The page saves by itself, through the store that the session counts with.
    """

    def __init__(
        self, settings: WebSettings, store: PhotoStore, label: str, beside: Controls
    ) -> None:
        """Listen.

        Args:
            settings: Where.
            store: Takes what the page saves.
            label: The class that is collected; other class folders that are there have a button too.
            beside: Where a person looks and presses besides.

        Raises:
            OptionError: If the address cannot be had.
            StorageError: If the store cannot be read.
        """
        self._beside = beside
        self._board = StatusBoard()
        others = [name for name in store.counts() if name != label]
        facts = PageFacts(title=f"Collect {label}", labels=(label, *others))
        self.server = WebServer(settings, self._board, facts=facts, store=store)
        self._times_s: deque[float] = deque(maxlen=RATE_WINDOW)
        self._start_s = time.monotonic()
        self._frames = 0
        self.server.start()

    def begin(self, source: str, description: str) -> None:
        """Say what is seen."""
        self._board.begin(source, description)

    def show(self, frame: CapturedFrame | None, progress: Progress) -> None:
        """Give the page the newest frame."""
        status = DELIVERING
        if frame is None and progress.trouble:
            status = SourceStatus(state="lost", trouble=progress.trouble)
        if frame is not None:
            self._frames += 1
            self._give(frame)
        self._board.note_round(status, self._frames, {})
        self._beside.show(frame, progress)

    def poll(self) -> Press:
        """Return what was pressed elsewhere."""
        return self._beside.poll()

    def close(self) -> None:
        """End the page."""
        self._board.note_stopping()
        self.server.close()
        self._beside.close()

    def _give(self, frame: CapturedFrame) -> None:
        now_s = time.monotonic()
        self._times_s.append(now_s)
        spent_s = now_s - self._times_s[0]
        result = FrameResult(
            frame=frame,
            prediction=_NOTHING,
            decision=Decision(
                label="collecting", score=0.0, is_unknown=True, held_s=now_s - self._start_s
            ),
            age_ms=(time.monotonic_ns() - frame.captured_ns) / 1e6,
            frames_per_second=(len(self._times_s) - 1) / spent_s if spent_s > 0 else 0.0,
            dropped={},
        )
        self.server.sink.write(result)
        self._board.note_result(result)
