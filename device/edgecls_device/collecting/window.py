"""A window as the shutter: the space bar takes a photo, hold it for more, ``q`` or Esc ends."""

import time

from edgecls_device.arrays import Frame
from edgecls_device.collecting.session import Press, Progress
from edgecls_device.drawn_text import draw_text, fit_text, text_width
from edgecls_device.native_output import captured_stderr
from edgecls_device.opencv import cv2
from edgecls_device.sources.protocol import CapturedFrame

__all__ = ["WindowControls", "draw_progress"]

TITLE = "edgecls data collect"
FLASH_S = 0.15
NEWS_S = 2.0
WHITE, SOFT, GREEN, AMBER = (255, 255, 255), (205, 205, 205), (110, 200, 80), (60, 180, 250)


class WindowControls:
    """Shows the camera with a count; for the main thread. See ``Controls``."""

    def __init__(self) -> None:
        """Get ready; the window opens with the first frame."""
        self._is_open = False
        self._last: Frame | None = None
        self._news, self._news_s = "", float("-inf")

    def show(self, frame: CapturedFrame | None, progress: Progress) -> None:
        """Draw on a copy, since the frame itself may be saved."""
        image = self._last if frame is None else frame.image
        if image is None:
            return
        self._last = image
        now_s = time.monotonic()
        if progress.news:
            self._news, self._news_s = progress.news, now_s
        age_s = now_s - self._news_s
        picture = draw_progress(
            image,
            progress,
            news=self._news if age_s < NEWS_S else "",
            has_flash=age_s < FLASH_S and self._news.startswith("saved"),
        )
        if not self._is_open:
            with captured_stderr():  # Qt complains about fonts that it does not need
                cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
            self._is_open = True
        cv2.imshow(TITLE, picture)

    def poll(self) -> Press:
        """Return what was pressed; closing the window quits."""
        if not self._is_open:
            return ""
        key = cv2.waitKey(1)
        is_visible = cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) >= 1
        if not is_visible or (key != -1 and key & 0xFF in {ord("q"), ord("Q"), 27}):
            return "quit"
        return "take" if key != -1 and key & 0xFF in {ord(" "), 13} else ""

    def close(self) -> None:
        """Close the window."""
        if self._is_open:
            cv2.destroyAllWindows()
            self._is_open = False


def draw_progress(image: Frame, progress: Progress, *, news: str, has_flash: bool) -> Frame:
    """Return a copy of a frame with the count at its foot.

    Args:
        image: BGR uint8.
        progress: What to say.
        news: What happened last.
        has_flash: Whether a photo was just saved: a white frame around the picture.
    """
    picture: Frame = image.copy()
    height, width = picture.shape[:2]
    unit = max(min(height // 22, width // 30), 9)
    strip = picture[height - 3 * unit :]
    strip[:] = cv2.convertScaleAbs(strip, alpha=0.3)
    large = round(unit * 1.3)
    label = fit_text(progress.label, large, width * 2 // 3, bold=True)
    draw_text(picture, label, (unit, height - round(1.6 * unit)), large, WHITE, bold=True)
    count = str(progress.photos)
    left = width - unit - text_width(count, large, bold=True)
    draw_text(picture, count, (left, height - round(1.6 * unit)), large, GREEN, bold=True)
    note = progress.trouble or news or "space: take a photo (hold: more)   q: quit"
    color = AMBER if progress.trouble else SOFT
    small = max(round(unit * 0.75), 8)
    draw_text(
        picture, fit_text(note, small, width - 2 * unit), (unit, height - unit // 2), small, color
    )
    if has_flash:
        cv2.rectangle(picture, (0, 0), (width - 1, height - 1), WHITE, max(unit // 2, 2))
    return picture
