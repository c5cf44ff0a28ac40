"""Which cameras there are, and what each gives when it is opened for a moment.

Devices are asked and opened in processes of their own with a deadline, so that a driver that hangs does not
hang the doctor.
"""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from edgecls_device.arrays import Frame
from edgecls_device.doctor.trial import try_code
from edgecls_device.errors import EdgeclsError
from edgecls_device.sources.folder import natural_key
from edgecls_device.sources.holders import who_uses
from edgecls_device.sources.options import SourceOptions
from edgecls_device.sources.protocol import Source
from edgecls_device.sources.table import open_source
from edgecls_device.stop import Stop

__all__ = ["CameraReport", "CameraReports", "FormatReport", "examine_cameras", "list_cameras"]

LOOK_S = 1.5
FIRST_FRAME_S = 8.0
ASK_S = 20.0
BLACK_BELOW = 8.0  # of 255
TEST_PICTURE = "test:bars"

_ASK_DEVICE = """
import dataclasses, json
from edgecls_device.sources.camera_choice import offers
from edgecls_device.sources.v4l2 import read_camera
try:
    info = read_camera({path!r})
    formats = [[one.fourcc, one.description, list(offers(one))] for one in info.formats]
    print(json.dumps([info.card, info.driver, info.is_capture, formats]))
except OSError as error:
    print(json.dumps([error.strerror or str(error)]))
"""

_ASK_PICAMERA2 = """
import json
from edgecls_device.errors import MissingDependencyError
from edgecls_device.sources.picamera import load_picamera2
try:
    cameras = load_picamera2().Picamera2.global_camera_info()
    print(json.dumps([[str(one.get("Model", "")) for one in cameras], "", ""]))
except MissingDependencyError as error:
    print(json.dumps([[], error.message, error.hint]))
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class FormatReport:
    """One pixel format of a camera: its four characters, what the driver calls it, and a line for each size."""

    fourcc: str
    description: str = ""
    sizes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraReport:
    """One thing that may be a camera.

    Attributes:
        source: What to give to ``--source``.
        name: What it is called.
        driver: What drives it.
        is_camera: Whether it is meant to give pictures; a metadata node is not.
        is_test: Whether it needs no hardware.
        other_names: Links to it that stay when it is plugged in elsewhere.
        formats: What it says that it gives.
        granted: What it gave, such as ``MJPG 640x480 at 30 fps``; empty if it did not open.
        frames_per_second: As measured; 0 if no frames came.
        brightness: Mean of the last picture that was looked at, 0 (black) to 255.
        remark: What is odd about its pictures.
        problem: Why it does not work; empty if it does.
        hint: What to do about it.
        used_by: Programs that have it open.
    """

    source: str
    name: str = ""
    driver: str = ""
    is_camera: bool = True
    is_test: bool = False
    other_names: tuple[str, ...] = ()
    formats: tuple[FormatReport, ...] = ()
    granted: str = ""
    frames_per_second: float = 0.0
    brightness: float = 0.0
    remark: str = ""
    problem: str = ""
    hint: str = ""
    used_by: tuple[str, ...] = ()

    @property
    def works(self) -> bool:
        """Whether pictures came from it."""
        return bool(self.granted) and not self.problem


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraReports:
    """All of them.

    Attributes:
        cameras: Devices, Raspberry Pi cameras, and a test picture.
        notes: What could not be looked for, and why.
    """

    kind: ClassVar[str] = "edgecls-cameras"
    version: ClassVar[int] = 1

    cameras: tuple[CameraReport, ...]
    notes: tuple[str, ...] = ()

    @property
    def has_camera(self) -> bool:
        """Whether pictures came from a camera that is no test picture."""
        return any(one.works and not one.is_test for one in self.cameras)


def examine_cameras(
    *, devices: Path = Path("/dev"), board: Path = Path("/proc/device-tree/model")
) -> CameraReports:
    """List cameras and open each for a moment.

    Args:
        devices: Where ``video*`` are.
        board: The file that names the board; on a Raspberry Pi missing picamera2 is worth a note.
    """
    notes: list[str] = []
    reports = [_device(path, devices) for path in list_cameras(devices)]
    reports += _picameras(notes, board)
    reports.append(CameraReport(source=TEST_PICTURE, name="test picture", is_test=True))
    return CameraReports(
        cameras=tuple(_tried(one) for one in reports),
        notes=tuple(notes),
    )


def list_cameras(devices: Path = Path("/dev")) -> list[Path]:
    """Return all video devices in the order of their numbers."""
    return sorted(devices.glob("video[0-9]*"), key=natural_key)


def _device(path: Path, devices: Path) -> CameraReport:
    source = path.name.removeprefix("video") if devices == Path("/dev") else str(path)
    trial = try_code(_ASK_DEVICE.format(path=str(path)), within_s=ASK_S)
    names = tuple(_links(path, devices))
    if trial.failure:
        return CameraReport(source=source, problem=f"it was asked, with {trial.failure}")
    answer = json.loads(trial.output)
    if len(answer) == 1:  # opening it says why, with a hint
        return CameraReport(source=source, name=str(path), other_names=names)
    card, driver, is_capture, formats = answer
    return CameraReport(
        source=source,
        name=card,
        driver=driver,
        is_camera=is_capture,
        other_names=names,
        formats=tuple(
            FormatReport(fourcc=fourcc, description=text, sizes=tuple(sizes))
            for fourcc, text, sizes in formats
        ),
        used_by=who_uses(str(path)),
    )


def _links(path: Path, devices: Path) -> Iterator[str]:
    for link in sorted((devices / "v4l" / "by-id").glob("*")):
        if os.path.realpath(link) == os.path.realpath(path):
            yield str(link)


def _picameras(notes: list[str], board: Path) -> Iterator[CameraReport]:
    trial = try_code(_ASK_PICAMERA2)
    if trial.failure:
        notes.append(f"Raspberry Pi cameras cannot be looked for: {trial.failure}")
        return
    models, message, hint = json.loads(trial.output)
    if message and board.exists() and "Raspberry" in board.read_text(errors="replace"):
        notes.append(f"{message} {hint[:1].upper()}{hint[1:]}")
    for number, model in enumerate(models):
        source = f"picamera:{number}" if number else "picamera"
        yield CameraReport(source=source, name=model, driver="libcamera")


def _tried(report: CameraReport) -> CameraReport:
    """Open a camera for a moment and say what came."""
    if report.problem or not report.is_camera:
        return report
    options = SourceOptions(give_up_after_s=0, frozen_after_s=0)
    try:
        source = open_source(report.source, options)
    except EdgeclsError as error:
        return _with(report, problem=error.message, hint=error.hint)
    try:
        rate, image = _watched(source)
    except EdgeclsError as error:
        return _with(report, problem=error.message, hint=error.hint)
    finally:
        source.close()
    if image is None:
        problem = f"Expected a frame within {FIRST_FRAME_S:g} seconds, got none."
        return _with(report, granted=source.description, problem=problem)
    brightness = round(float(image.mean()), 1)
    remark = "the picture is black: is a lens cap on it?" if brightness < BLACK_BELOW else ""
    return _with(
        report,
        granted=source.description,
        frames_per_second=round(rate, 1),
        brightness=brightness,
        remark=remark,
    )


def _watched(source: Source) -> tuple[float, Frame | None]:
    """Return frames a second and the last frame; a camera sets its exposure in the first ones."""
    stop, start_s = Stop(), time.monotonic()
    image, first, first_s = None, 0, 0.0
    while time.monotonic() - (first_s or start_s) < (LOOK_S if first_s else FIRST_FRAME_S):
        frame = source.read(stop)
        if frame is None:
            continue
        image = frame.image
        last, last_s = frame.index, frame.captured_ns / 1e9
        if not first_s:
            first, first_s = last, last_s
    if image is None or last_s <= first_s:
        return 0.0, image
    return (last - first) / (last_s - first_s), image


def _with(report: CameraReport, **found: object) -> CameraReport:
    from dataclasses import replace

    return replace(report, **found)  # type: ignore[arg-type]
