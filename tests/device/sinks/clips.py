"""Clips read back."""

import cv2


def frames_in(path):
    """Return how many frames decode, and the rate."""
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    count = 0
    while capture.read()[0]:
        count += 1
    rate = capture.get(cv2.CAP_PROP_FPS)
    capture.release()
    return count, rate
