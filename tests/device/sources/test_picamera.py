"""Against a stand-in for picamera2 (see fake_picamera2): no Raspberry Pi camera was tried here."""

import importlib.util
import sys
from pathlib import Path

import pytest
from edgecls_device.errors import MissingDependencyError, OptionError, SourceError
from edgecls_device.sources.options import SourceOptions
from edgecls_device.sources.picamera import load_picamera2
from edgecls_device.sources.table import open_source, source_kind
from edgecls_device.stop import Stop

FAKE = Path(__file__).parent / "fake_picamera2"

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("picamera2") is not None, reason="there is a real picamera2"
)


@pytest.fixture
def fake_picamera2(monkeypatch):
    monkeypatch.syspath_prepend(FAKE)  # the capture process gets the same path


def first_frame(source):
    while (frame := source.read(Stop())) is None:
        pass
    return frame


def test_a_pi_camera_gives_frames_and_rgb888_is_not_turned_round(fake_picamera2):
    source = open_source("picamera")
    frame = first_frame(source)
    source.close()
    assert source.description == "imx708 BGR 640x480 at 30 fps"
    assert source.is_live
    assert frame.image.shape == (480, 640, 3)
    assert frame.image[0, 0].tolist() == [200, 0, 0]


def test_wishes_reach_a_pi_camera_and_what_it_grants_is_told(fake_picamera2, monkeypatch):
    monkeypatch.setenv("FAKE_PICAMERAS", "2")
    source = open_source("picamera:1", SourceOptions(camera_size=(101, 203), camera_fps=50))
    frame = first_frame(source)
    source.close()
    assert frame.image.shape == (100, 202, 3)
    assert source.description == "imx708 BGR 202x100 at 50 fps (asked for 203x101)"


def test_a_rate_that_a_pi_camera_cannot_give_is_refused(fake_picamera2):
    with pytest.raises(OptionError, match=r"--camera-fps of 1 to 56 of 'imx708'.*got 100"):
        open_source("picamera", SourceOptions(camera_fps=100))


def test_a_pi_camera_that_is_not_there_is_an_error(fake_picamera2, monkeypatch):
    monkeypatch.setenv("FAKE_PICAMERAS", "0")
    with pytest.raises(SourceError, match="none at all") as caught:
        open_source("picamera")
    assert "ribbon cable" in caught.value.hint


def test_a_pi_camera_in_use_is_an_error(fake_picamera2, monkeypatch):
    monkeypatch.setenv("FAKE_PICAMERA_BUSY", "1")
    with pytest.raises(SourceError, match="that is free"):
        open_source("picamera")


def test_without_picamera2_the_command_that_installs_it_is_named():
    if Path("/usr/lib/python3/dist-packages/picamera2").exists():
        pytest.skip("the system has picamera2")
    with pytest.raises(MissingDependencyError) as caught:
        open_source("picamera")
    assert "sudo apt install python3-picamera2" in caught.value.hint
    assert "--system-site-packages" in caught.value.hint


def test_pi_formats_and_names_that_there_are_not_are_refused():
    assert source_kind("picamera:0") == "picamera"
    with pytest.raises(OptionError, match="picamera:NUMBER"):
        open_source("picamera:front")
    with pytest.raises(OptionError, match="--camera-format"):
        open_source("picamera", SourceOptions(camera_format="YUYV"))


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A system's packages and its Python, of our version; the import path is put back afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    python = tmp_path / f"python{sys.version_info.major}.{sys.version_info.minor}"
    python.touch()
    (tmp_path / "python3").symlink_to(python)
    packages = tmp_path / "dist-packages"
    (packages / "picamera2").mkdir(parents=True)
    (packages / "picamera2" / "__init__.py").write_text("FROM = 'system'\n")
    return {"packages": packages, "system_python": tmp_path / "python3"}


def test_picamera2_of_the_system_is_found_from_an_environment_without_its_packages(system):
    assert load_picamera2(**system).FROM == "system"
    assert sys.path[-1] == str(system["packages"])


def test_picamera2_of_another_python_is_not_loaded(system):
    other = system["packages"].parent / "python3.2"
    other.touch()
    with pytest.raises(MissingDependencyError, match=r"for Python 3\.2") as caught:
        load_picamera2(packages=system["packages"], system_python=other)
    assert "--system-site-packages" in caught.value.hint
    assert str(system["packages"]) not in sys.path


def test_picamera2_that_does_not_fit_this_numpy_says_so(system):
    text = "raise ValueError('numpy.dtype size changed')\n"
    (system["packages"] / "picamera2" / "__init__.py").write_text(text)
    with pytest.raises(MissingDependencyError, match="size changed") as caught:
        load_picamera2(**system)
    assert "numpy<2" in caught.value.hint
