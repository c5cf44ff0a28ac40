"""Which frames are looked at, and which part of them."""

from typing import TYPE_CHECKING

from edgecls_device.arrays import Frame
from edgecls_device.decisions.frame_clock import FrameClock
from edgecls_device.decisions.protocol import Look
from edgecls_device.decisions.settings import DecisionSettings
from edgecls_device.errors import FrameError, OptionError
from edgecls_device.sources.protocol import CapturedFrame

if TYPE_CHECKING:
    from edgecls_device.decisions.motion import MotionDetector

__all__ = ["FrameChooser"]

STILL_AFTER_S = 2.0
LOOK_AGAIN_AFTER_S = 10.0


class FrameChooser:
    """Takes every n-th frame, cuts out the region of interest, and passes over still scenes.

    See ``Chooser`` for the contract. A scene is still after 2 seconds of frame time without motion inside the
    region. Even then it is looked at again every 10 seconds, for as long as the smoothing's window, so that
    neither a change too slow to be seen as motion is missed nor a single noisy frame decides.
    """

    def __init__(self, settings: DecisionSettings) -> None:
        """Get ready; the motion detector is made only if there is a share to compare with."""
        self._settings = settings
        self._seen = 0
        self._has_fitted = False
        self._clock = FrameClock()
        self._motion_s = 0.0
        self._looked_s = 0.0
        self._look_again_s: float | None = None
        self._again_for_s = 0.0 if settings.smoothing == "none" else settings.window_s
        self._detector = None if settings.motion_share is None else _open_detector()

    def look(self, frame: CapturedFrame) -> Look:
        """Look at the next frame.

        Raises:
            FrameError: If it is no picture, or too small for the region where earlier ones were not.
            OptionError: If the region lies outside the first frame.
        """
        self._seen += 1
        if (self._seen - 1) % self._settings.every:
            return Look(action="skip", image=frame.image)
        if not frame.image.size or frame.image.ndim not in {2, 3}:
            message = f"Expected a frame with pixels, got one of shape {frame.image.shape}."
            raise FrameError(message, hint="check that the source gives pictures")
        image = self._cut(frame.image)
        if self._detector is not None and self._is_still(self._detector, frame, image):
            return Look(action="still", image=image)
        return Look(action="classify", image=image)

    def _cut(self, image: Frame) -> Frame:
        if self._settings.roi is None:
            return image
        try:
            part = self._settings.roi.cut(image)
        except FrameError as error:
            if self._has_fitted:
                raise
            raise OptionError(error.message, hint=error.hint) from error
        self._has_fitted = True
        return part

    def _is_still(self, detector: "MotionDetector", frame: CapturedFrame, image: Frame) -> bool:
        now_s = self._clock.advance(frame)
        share = detector.changed_share(image, self._clock.step_s)
        if share >= (self._settings.motion_share or 0.0):
            self._motion_s = now_s
        if now_s - self._motion_s < STILL_AFTER_S:
            self._looked_s, self._look_again_s = now_s, None
            return False
        if now_s - self._looked_s < LOOK_AGAIN_AFTER_S:
            return True
        if self._look_again_s is None:
            self._look_again_s = now_s
        if now_s - self._look_again_s <= self._again_for_s:
            return False
        self._looked_s, self._look_again_s = now_s, None
        return True


def _open_detector() -> "MotionDetector":
    from edgecls_device.decisions.motion import MotionDetector

    return MotionDetector()
