"""What can be said without hardware; a real Video4Linux2 device is tried in tests/vm."""

from pathlib import Path

import pytest
from edgecls_device.doctor import cameras
from edgecls_device.doctor.cameras import CameraReport, examine_cameras, list_cameras

FAKE_PICAMERA2 = Path(__file__).parents[1] / "sources" / "fake_picamera2"


@pytest.fixture(autouse=True)
def short_looks(monkeypatch):
    monkeypatch.setattr(cameras, "LOOK_S", 0.4)


def test_the_test_picture_is_opened_for_a_moment_and_measured(tmp_path):
    found = examine_cameras(devices=tmp_path, board=tmp_path / "none")
    (picture,) = found.cameras
    assert (picture.source, picture.is_test, picture.works) == ("test:bars", True, True)
    assert picture.granted == "test picture bars 640x480 at 30 fps"
    assert 10 < picture.frames_per_second < 60
    assert 50 < picture.brightness < 200
    assert not found.has_camera


def test_what_is_no_camera_is_listed_with_the_reason(tmp_path):
    (tmp_path / "video10").touch()
    (tmp_path / "video2").symlink_to("/dev/null")
    (tmp_path / "v4l" / "by-id").mkdir(parents=True)
    (tmp_path / "v4l" / "by-id" / "usb-Cam-index0").symlink_to(tmp_path / "video2")
    assert [path.name for path in list_cameras(tmp_path)] == ["video2", "video10"]
    report = cameras._device(tmp_path / "video2", tmp_path)
    assert report.other_names == (str(tmp_path / "v4l" / "by-id" / "usb-Cam-index0"),)
    assert (report.formats, report.works) == ((), False)


def test_a_camera_that_cannot_be_opened_says_why():
    report = cameras._tried(CameraReport(source="97"))
    assert "no such device" in report.problem
    assert report.hint
    assert not report.works


def test_a_metadata_node_is_not_opened():
    report = CameraReport(source="97", is_camera=False)
    assert cameras._tried(report) == report


def test_a_black_picture_asks_for_the_lens_cap(tmp_path, clip):
    dark = tmp_path / "dark.avi"
    from tests.device import conftest

    conftest.COLORS["black"] = (0, 0, 0)
    conftest.write_clip(dark, ["black"] * 30)
    report = cameras._tried(CameraReport(source=f"loop:{dark}"))
    assert "lens cap" in report.remark
    assert cameras._tried(CameraReport(source=f"loop:{clip}")).remark == ""


def test_raspberry_pi_cameras_are_listed(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(FAKE_PICAMERA2)
    monkeypatch.setenv("FAKE_PICAMERAS", "2")
    notes = []
    found = list(cameras._picameras(notes, tmp_path))
    assert [(one.source, one.name) for one in found] == [
        ("picamera", "imx708"),
        ("picamera:1", "imx708"),
    ]
    assert cameras._tried(found[0]).granted == "imx708 BGR 640x480 at 30 fps"
    assert notes == []


def test_on_a_raspberry_pi_missing_picamera2_is_a_note(tmp_path):
    if Path("/usr/lib/python3/dist-packages/picamera2").exists():
        pytest.skip("the system has picamera2")
    board = tmp_path / "model"
    board.write_text("Raspberry Pi 5 Model B Rev 1.0\0")
    notes = []
    assert list(cameras._picameras(notes, board)) == []
    assert "sudo apt install python3-picamera2" in notes[0].lower() or "picamera2" in notes[0]
