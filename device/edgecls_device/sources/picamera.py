"""A Raspberry Pi camera through picamera2: ``picamera``, or ``picamera:1`` for the second.

picamera2 comes with the system (apt) and is made for the system's Python. An environment without
``--system-site-packages`` does not see it; then, and only in the capture process, the system's packages are
put behind those of the environment, if its Python is of the same version.

Its format "RGB888" is blue, green, red in memory, as OpenCV has it, so nothing is converted. See the Picamera2
manual, appendix A: https://datasheets.raspberrypi.com/camera/picamera2-manual.pdf
"""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from edgecls_device.arrays import Frame
from edgecls_device.errors import MissingDependencyError, OptionError, SourceError
from edgecls_device.sources.camera_choice import describe
from edgecls_device.sources.live_opening import open_live
from edgecls_device.sources.live_source import LiveSource
from edgecls_device.sources.options import NO_OPTIONS, SourceOptions
from edgecls_device.stop import Stop

__all__ = ["PicameraCapture", "load_picamera2", "open_picamera", "open_picamera_capture"]

USUAL_SIZE, USUAL_FPS = (480, 640), 30.0
SYSTEM_PACKAGES, SYSTEM_PYTHON = Path("/usr/lib/python3/dist-packages"), Path("/usr/bin/python3")


def open_picamera(
    text: str, options: SourceOptions = NO_OPTIONS, *, stop: Stop | None = None
) -> LiveSource:
    """Open a Raspberry Pi camera.

    Raises:
        MissingDependencyError: If picamera2 is not installed, or does not fit this environment.
        OptionError: If the camera cannot give what was wished.
        SourceError: If there is no such camera, or it is in use.
    """
    _number(text)
    return open_live("picamera", text, options, stop=stop)


def open_picamera_capture(text: str, wishes: Mapping[str, Any]) -> "PicameraCapture":
    """Open a Raspberry Pi camera in the capture process; see :func:`open_picamera`."""
    number, options = _number(text), SourceOptions.of_wishes(wishes)
    picamera2 = load_picamera2()
    cameras = picamera2.Picamera2.global_camera_info()
    if number >= len(cameras):
        raise _no_camera(text, cameras)
    try:
        camera = picamera2.Picamera2(number)
    except (RuntimeError, IndexError, OSError) as error:
        message = f"Expected a Raspberry Pi camera that is free, got: {error}."
        hint = "close the program that uses it, e.g. rpicam-hello or another edgecls"
        raise SourceError(message, hint=hint) from error
    model = str(cameras[number].get("Model", "camera"))
    return PicameraCapture(text, camera, model, options)


def load_picamera2(*, packages: Path = SYSTEM_PACKAGES, system_python: Path = SYSTEM_PYTHON) -> Any:
    """Import picamera2, if need be from the system's packages.

    Args:
        packages: Where the system has its packages.
        system_python: The system's Python, a link whose target says its version.

    Raises:
        MissingDependencyError: If it is not there, or does not fit this environment.
    """
    os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:ERROR")
    try:
        return import_module("picamera2")
    except ModuleNotFoundError as error:
        if error.name != "picamera2":
            raise _unfit(error) from error
    except (ImportError, ValueError) as error:  # numpy says ValueError if compiled for another
        raise _unfit(error) from error
    if not (packages / "picamera2").is_dir() or not _is_same_python(system_python):
        raise _missing(packages, system_python)
    sys.path.append(str(packages))
    try:
        return import_module("picamera2")
    except (ImportError, ValueError) as error:
        raise _unfit(error) from error


class PicameraCapture:
    """An open Raspberry Pi camera. See ``Capture`` for the contract."""

    def __init__(self, name: str, camera: Any, model: str, options: SourceOptions) -> None:
        """Configure and start it.

        Raises:
            OptionError: If it cannot give what was wished.
            SourceError: If it does not start.
        """
        self.name = name
        self._camera: Any = camera
        height, width = options.camera_size or USUAL_SIZE
        self.frame_rate = options.camera_fps or USUAL_FPS
        try:
            camera.configure(
                camera.create_video_configuration(
                    main={"size": (width, height), "format": "RGB888"},
                    controls={"FrameRate": self.frame_rate},
                )
            )
            self._check_rate(model)
            camera.start()
        except (RuntimeError, OSError, ValueError) as error:
            self.close()
            if isinstance(error, OptionError):
                raise
            message = f"Expected the camera {model!r} to start with {width}x{height}, got: {error}."
            raise SourceError(message, hint="try another --camera-size, or leave it out") from error
        granted_width, granted_height = camera.camera_configuration()["main"]["size"]
        told = describe("BGR", (granted_height, granted_width), self.frame_rate)
        self.description = f"{model} {told}"
        if (granted_height, granted_width) != (height, width):
            self.description += f" (asked for {width}x{height})"

    def read(self) -> Frame:
        """Wait for the next frame.

        Raises:
            SourceError: If the camera fails.
        """
        try:
            image = self._camera.capture_array("main")
        except (RuntimeError, OSError) as error:
            message = f"Expected frames from {self.name!r}, got: {error}."
            raise SourceError(message, hint="check the ribbon cable") from error
        frame: Frame = np.ascontiguousarray(image)
        return frame

    def close(self) -> None:
        """Free the camera."""
        self._camera.stop()
        self._camera.close()

    def _check_rate(self, model: str) -> None:
        """Refuse a rate that the sensor cannot give at this size; it would be bent without a word."""
        limits = self._camera.camera_controls.get("FrameDurationLimits")
        if not limits:
            return
        fastest, slowest = (1e6 / max(float(limit), 1.0) for limit in limits[:2])
        if not slowest * 0.98 <= self.frame_rate <= fastest * 1.02:
            message = (
                f"Expected --camera-fps of {slowest:.3g} to {fastest:.3g} of {model!r} at this size, "
                f"got {self.frame_rate:g}."
            )
            raise OptionError(message, hint="ask for less, or for a smaller --camera-size")


def _number(text: str) -> int:
    match = re.fullmatch(r"picamera(?::([0-9]{1,2}))?", text)
    if match is None:
        message = f"Expected a Raspberry Pi camera as picamera or picamera:NUMBER, got {text!r}."
        raise OptionError(message, hint="for example: --source picamera")
    return int(match[1] or 0)


def _no_camera(text: str, cameras: Sequence[Mapping[str, Any]]) -> SourceError:
    names = ", ".join(f"picamera:{i} ({one.get('Model', '?')})" for i, one in enumerate(cameras))
    message = f"Expected a Raspberry Pi camera {text!r}, got {names or 'none at all'}."
    hint = "check the ribbon cable, then: rpicam-hello --list-cameras"
    return SourceError(message, hint=hint if not cameras else "use one of these")


def _is_same_python(system_python: Path) -> bool:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return system_python.resolve().name == version


def _missing(packages: Path, system_python: Path) -> MissingDependencyError:
    message = "Raspberry Pi cameras need picamera2, which comes with the system and is not there."
    hint = "sudo apt install python3-picamera2"
    if (packages / "picamera2").is_dir():
        version = system_python.resolve().name.removeprefix("python")
        message = (
            f"Raspberry Pi cameras need picamera2, which the system has for Python {version}; "
            f"this is {sys.version_info.major}.{sys.version_info.minor}."
        )
        hint = f"make the environment with: {system_python} -m venv --system-site-packages .venv"
    else:
        hint += "; in an environment made with: python3 -m venv --system-site-packages"
    return MissingDependencyError(message, hint=hint)


def _unfit(error: Exception) -> MissingDependencyError:
    message = f"picamera2 is there but cannot be loaded here: {error}."
    hint = (
        "its packages are made for the system's NumPy: pip install 'numpy<2' "
        "'opencv-python-headless<4.12', in an environment made with --system-site-packages"
    )
    return MissingDependencyError(message, hint=hint)
