"""The one place that imports OpenCV, with its limits set before.

OpenCV reads its pixel limit when it is loaded; an 854 kB PNG can otherwise take gigabytes. Its own
warnings are silenced because every failure is reported as a typed error.
"""

import os

from edgecls_device.errors import MissingDependencyError

__all__ = ["MAX_IMAGE_PIXELS", "cv2", "require_window"]

MAX_IMAGE_PIXELS = 100_000_000

os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_IMAGE_PIXELS))
os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
os.environ.setdefault("OPENCV_VIDEOIO_DEBUG", "0")

try:
    import cv2
except ModuleNotFoundError as error:
    message = "OpenCV (the package cv2) is not installed."
    hint = (
        "pip install 'edgecls[device]'   (32-bit Raspberry Pi OS: sudo apt install python3-opencv)"
    )
    raise MissingDependencyError(message, hint=hint) from error
except ImportError as error:
    message = f"OpenCV is installed but cannot be loaded: {error}."
    hint = "pip uninstall -y opencv-python && pip install --force-reinstall opencv-python-headless"
    raise MissingDependencyError(message, hint=hint) from error


def require_window() -> None:
    """Check that this OpenCV can open windows.

    Raises:
        MissingDependencyError: If it is a headless build.
    """
    build = cv2.getBuildInformation()
    gui = next(
        (line for line in build.splitlines() if line.strip().startswith("GUI:")), "GUI: NONE"
    )
    if gui.split(":", 1)[1].strip().upper() in {"NONE", "NO"}:
        message = "Expected an OpenCV that can open windows for --show, got a headless build."
        hint = "pip uninstall -y opencv-python-headless && pip install 'edgecls[desktop]'"
        raise MissingDependencyError(message, hint=hint)
