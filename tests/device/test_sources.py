import os
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from edgecls_device.errors import ImageError, SourceError
from edgecls_device.sources import camera as camera_module
from edgecls_device.sources.camera import CameraCapture
from edgecls_device.sources.stream import shown_url
from edgecls_device.sources.table import SOURCES, open_source, open_unless_stopped, source_kind
from edgecls_device.stop import Stop

GOING = Stop()


def frames_of(source):
    found = []
    while True:
        frame = source.read(GOING)
        if frame is not None:
            found.append(frame)
        elif source.status.state == "ended":
            return found


def color_of(frame):
    return ["blue", "green", "red"][int(frame.image.reshape(-1, 3).mean(axis=0).argmax())]


def test_the_text_says_which_kind_of_source_is_meant(photo, folder, clip):
    texts = ["0", "/dev/video2", "rtsp://x/y", str(folder), str(photo), str(clip)]
    kinds = ["camera", "camera", "stream", "folder", "photo", "video"]
    assert [source_kind(text) for text in texts] == kinds
    assert set(kinds) == set(SOURCES)


def test_a_photo_is_one_frame(photo):
    source = open_source(str(photo))
    (frame,) = frames_of(source)
    assert (color_of(frame), frame.index, frame.source) == ("red", 0, str(photo))
    assert (source.is_live, source.captured, source.dropped) == (False, 1, {})


def test_a_photo_is_known_by_its_content_too(photo, tmp_path):
    other = tmp_path / "no suffix"
    other.write_bytes(photo.read_bytes())
    assert len(frames_of(open_source(str(other)))) == 1


def test_a_broken_photo_is_an_image_error(tmp_path):
    path = tmp_path / "x.jpg"
    path.write_bytes(b"\xff\xd8 and no more")
    with pytest.raises(ImageError):
        open_source(str(path))


def test_a_folder_is_in_natural_order_with_subfolders(folder):
    frames = frames_of(open_source(str(folder)))
    assert [color_of(frame) for frame in frames] == ["red", "green", "blue"]
    assert [frame.index for frame in frames] == [0, 1, 2]


def test_photos_that_do_not_decode_are_named_and_counted(folder):
    (folder / "a3.jpg").write_bytes(b"broken")
    source = open_source(str(folder))
    assert len(frames_of(source)) == 3
    assert (source.captured, source.dropped) == (4, {"undecodable": 1})
    assert "a3.jpg" in source.problems[0]


def test_a_folder_of_only_broken_photos_is_an_error(tmp_path):
    (tmp_path / "a.png").write_bytes(b"broken")
    source = open_source(str(tmp_path))
    with pytest.raises(SourceError, match="cannot be decoded"):
        frames_of(source)


def test_a_folder_without_photos_is_an_error(tmp_path):
    with pytest.raises(SourceError, match="without any") as caught:
        open_source(str(tmp_path))
    assert ".jpg" in caught.value.hint


def test_a_video_gives_every_frame_with_its_place(clip):
    source = open_source(str(clip))
    frames = frames_of(source)
    assert [color_of(frame) for frame in frames] == ["red"] * 30 + ["blue"] * 30
    assert [frames[i].position_s for i in (0, 1, 59)] == pytest.approx([0, 0.1, 5.9])
    assert (source.frame_rate, source.captured) == (10.0, 60)


def test_a_video_that_is_cut_off_ends_and_says_so(clip):
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) // 2])
    source = open_source(str(clip))
    assert 0 < len(frames_of(source)) < 40
    assert "says it has 60 frames" in source.problems[0]


@pytest.mark.parametrize("content", [b"", b"hello" * 100, b"RIFF\0\0\0\0AVI "])
def test_a_file_that_is_no_video_is_an_error(tmp_path, content):
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="neither"):
        open_source(str(path))


@pytest.mark.parametrize(
    "text", ["none.jpg", "", "webcam", "a\0b", "x" * 5000, "no/such/folder/x.jpg"]
)
def test_what_does_not_exist_is_an_error_with_a_hint(text):
    with pytest.raises(SourceError, match="Expected a source that exists") as caught:
        open_source(text)
    assert caught.value.hint


def test_a_pipe_is_an_error_and_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError, match="a device or a pipe"):
        open_source(str(tmp_path / "pipe"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_an_error(photo):
    photo.chmod(0)
    with pytest.raises(SourceError, match="permission denied"):
        open_source(str(photo))


@pytest.mark.skipif(Path("/dev/video97").exists(), reason="there is such a camera")
@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev")
def test_a_camera_that_is_not_there_is_an_error():
    with pytest.raises(SourceError, match="no such device") as caught:
        open_source("97")
    assert caught.value.hint


def test_a_camera_that_may_not_be_used_names_the_group(monkeypatch, tmp_path):
    monkeypatch.setattr(camera_module.os, "access", lambda *_: False)
    device = tmp_path / "video0"
    device.touch()
    with pytest.raises(SourceError, match="permission denied") as caught:
        camera_module._check_device(str(device))
    assert "usermod -aG video" in caught.value.hint


class FakeCapture:
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


def test_a_camera_is_asked_for_mjpg_and_a_short_buffer_and_says_what_it_granted():
    image = np.zeros((480, 640, 3), np.uint8)
    fake = FakeCapture([image])
    capture = CameraCapture("camera", fake)
    assert fake.asked[cv2.CAP_PROP_FOURCC] == cv2.VideoWriter.fourcc(*"MJPG")
    assert fake.asked[cv2.CAP_PROP_BUFFERSIZE] == 1
    assert capture.description == "YUYV 640x480 at 30 fps"
    assert capture.read() is image
    assert capture.read() is None


def test_a_camera_that_opens_but_gives_nothing_names_picamera2():
    with pytest.raises(SourceError, match="although it opened") as caught:
        CameraCapture("camera", FakeCapture([]))
    assert "picamera2" in caught.value.hint


def test_a_stream_is_live_and_gives_frames(camera):
    source = open_source(camera.url + "/stream")
    frame = source.read(GOING)
    source.close()
    assert source.is_live
    assert color_of(frame) == "green"
    assert "64x48" in source.description


def test_a_stream_that_ends_is_a_lost_source(camera):
    camera.count = 5
    source = open_source(camera.url + "/stream")
    with pytest.raises(SourceError, match="closed or went silent"):
        frames_of(source)
    source.close()


def test_a_stream_that_falls_silent_is_a_lost_source(camera):
    camera.count, camera.is_silent_at_end = 5, True
    source = open_source(camera.url + "/stream")
    start = time.monotonic()
    with pytest.raises(SourceError):
        frames_of(source)
    assert time.monotonic() - start < 30
    source.close()


def test_a_video_behind_a_url_is_read_like_a_file(camera, clip):
    camera.files["/clip.avi"] = ("video/x-msvideo", clip.read_bytes())
    source = open_source(camera.url + "/clip.avi")
    assert (source.is_live, len(frames_of(source))) == (False, 60)


def test_a_photo_behind_a_url_is_a_photo(camera, photo):
    camera.files["/photo.png"] = ("image/png", photo.read_bytes())
    source = open_source(camera.url + "/photo.png")
    assert (source.is_live, [color_of(frame) for frame in frames_of(source)]) == (False, ["red"])


def test_a_page_is_no_stream(camera):
    camera.files["/"] = ("text/html", b"<html>a page</html>")
    with pytest.raises(SourceError, match="no stream"):
        open_source(camera.url + "/")


def test_a_host_that_is_not_there_is_an_error_that_says_why():
    with pytest.raises(SourceError, match="connection refused"):
        open_source("http://127.0.0.1:1/stream")


@pytest.mark.parametrize(
    "url", ["ftp://x/y", "http://", "http://[x/", "rtsp://x:port/", "file:///etc/passwd"]
)
def test_a_url_that_is_none_is_an_error(url):
    with pytest.raises(SourceError, match="Expected a URL"):
        open_source(url)


@pytest.mark.parametrize(
    "url", ["rtsp://me:secret@127.0.0.1:1/x", "ftp://me:secret@x", "http://me:secret@[x/"]
)
def test_a_password_is_never_shown(url):
    with pytest.raises(SourceError) as caught:
        open_source(url)
    assert "secret" not in caught.value.message + caught.value.hint
    assert "me:***@" in shown_url(url)


def test_opening_a_host_that_never_answers_can_be_given_up(silent_host):
    stop = Stop()
    stop.request("a test")
    start = time.monotonic()
    assert open_unless_stopped(silent_host, stop) is None
    assert time.monotonic() - start < 2
