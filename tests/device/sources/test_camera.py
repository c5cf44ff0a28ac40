import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from edgecls_device.errors import SourceError
from edgecls_device.sources import camera as camera_module
from edgecls_device.sources.camera import CameraCapture, inspect_camera, open_camera_capture
from edgecls_device.sources.camera_choice import CameraChoice
from edgecls_device.sources.holders import who_uses
from edgecls_device.sources.options import SourceOptions
from edgecls_device.sources.v4l2 import CameraInfo

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /dev")


class FakeVideoCapture:
    """What cv2.VideoCapture is for a camera that grants what it likes."""

    def __init__(self, images):
        self.images = list(images)
        self.asked = {}

    def set(self, name, value):
        self.asked[name] = value
        return True

    def get(self, name):
        granted = {
            cv2.CAP_PROP_FOURCC: float(cv2.VideoWriter.fourcc(*"YUYV")),
            cv2.CAP_PROP_FPS: 30.0,
        }
        return granted.get(name, 0.0)

    def read(self):
        image = self.images.pop(0) if self.images else None
        return image is not None, image

    def release(self):
        self.images = None


IMAGE = np.zeros((480, 640, 3), np.uint8)
AS_GRANTED = CameraChoice(fourcc="YUYV", size=(480, 640), fps=29.97)


def test_a_camera_has_a_short_buffer_and_says_what_it_granted():
    fake = FakeVideoCapture([IMAGE])
    capture = CameraCapture("camera", fake, AS_GRANTED)
    assert fake.asked == {cv2.CAP_PROP_BUFFERSIZE: 1}
    assert capture.description == "YUYV 640x480 at 30 fps"
    assert capture.read() is IMAGE
    assert capture.read() is None


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (CameraChoice(fourcc="MJPG", size=(480, 640), fps=30), "MJPG 640x480 at 30 fps"),
        (CameraChoice(fourcc="YUYV", size=(720, 1280)), "YUYV 1280x720"),
        (CameraChoice(fourcc="YUYV", fps=15), "YUYV 640x480 at 15 fps"),
    ],
)
def test_a_camera_that_grants_something_else_says_what_was_asked_for(asked, told):
    capture = CameraCapture("camera", FakeVideoCapture([IMAGE]), asked)
    assert capture.description == f"YUYV 640x480 at 30 fps (asked for {told})"


def test_a_camera_that_opens_but_gives_nothing_names_picamera2():
    with pytest.raises(SourceError, match="although it opened") as caught:
        CameraCapture("camera", FakeVideoCapture([]), AS_GRANTED)
    assert "picamera2" in caught.value.hint


@pytest.mark.skipif(Path("/dev/video97").exists(), reason="there is such a camera")
def test_a_camera_that_is_not_there_is_an_error():
    with pytest.raises(SourceError, match="no such device") as caught:
        open_camera_capture("97", {})
    assert caught.value.hint


def test_a_camera_that_may_not_be_used_names_the_group(monkeypatch, tmp_path):
    monkeypatch.setattr(camera_module.os, "access", lambda *_: False)
    device = tmp_path / "video0"
    device.touch()
    with pytest.raises(SourceError, match="permission denied") as caught:
        inspect_camera(str(device))
    assert "usermod -aG video" in caught.value.hint


def test_a_device_that_is_no_camera_is_an_error():
    with pytest.raises(SourceError, match="no video device"):
        inspect_camera(os.devnull)


@pytest.mark.parametrize(
    ("info", "message", "hint"),
    [
        ({"driver": "uvcvideo", "is_capture": False}, "gives no pictures", "another number"),
        ({"driver": "unicam", "is_capture": True}, "raw side of a Rasp", "--source picamera"),
    ],
)
def test_a_node_that_is_no_usable_camera_says_what_to_use(monkeypatch, info, message, hint):
    found = CameraInfo(path=os.devnull, card="X", bus="", **info)
    monkeypatch.setattr(camera_module, "read_camera", lambda path, **_: found)
    with pytest.raises(SourceError, match=message) as caught:
        inspect_camera(os.devnull)
    assert hint in caught.value.hint


def test_the_program_that_has_a_device_open_is_named():
    code = "f = open('/dev/full', 'wb', buffering=0); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        other.stdout.readline()
        users = who_uses("/dev/full")
        other.communicate(b"\n")
    assert any(f"(process {other.pid})" in user for user in users)
    assert who_uses(__file__) == who_uses("/no/such/device") == ()


def test_wishes_travel_to_another_process_as_plain_json():
    wishes = SourceOptions(camera_size=(480, 640), camera_fps=15, camera_format="mjpg").wishes()
    assert SourceOptions.of_wishes(wishes) == SourceOptions(
        camera_size=(480, 640), camera_fps=15, camera_format="MJPG"
    )
    assert SourceOptions.of_wishes({}) == SourceOptions()
