import os
import time

import pytest
from edgecls_device.errors import ImageError, OptionError, SourceError
from edgecls_device.sources.options import SourceOptions
from edgecls_device.sources.stream import shown_url
from edgecls_device.sources.table import SOURCES, open_source, source_kind
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
    assert set(kinds) <= set(SOURCES)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"realtime": True}, "--realtime with a video file.*a folder"),
        ({"camera_size": (480, 640)}, "--camera-size with a camera"),
        ({"camera_fps": 30}, "--camera-fps with a camera"),
        ({"camera_format": "MJPG"}, "--camera-format with a camera"),
        ({"wait_for_source": True}, "--wait-for-source with a camera"),
        ({"give_up_after_s": 0}, "--give-up-after with a camera"),
    ],
)
def test_an_option_that_a_kind_of_source_cannot_honour_is_refused(folder, options, message):
    with pytest.raises(OptionError, match=message):
        open_source(str(folder), SourceOptions(**options))


@pytest.mark.parametrize(
    "wrong",
    [
        {"camera_size": (0, 640)},
        {"camera_fps": 0},
        {"camera_fps": float("nan")},
        {"camera_format": "MJPG; rm"},
        {"give_up_after_s": -1},
        {"frozen_after_s": float("inf")},
    ],
)
def test_an_option_that_nothing_can_honour_is_refused(wrong):
    with pytest.raises(OptionError, match="Expected --"):
        SourceOptions(**wrong)


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


def test_a_stream_is_live_and_gives_frames(camera):
    source = open_source(camera.url + "/stream")
    frame = source.read(GOING)
    source.close()
    assert source.is_live
    assert color_of(frame) == "green"
    assert "64x48" in source.description


def test_a_stream_that_ends_is_a_lost_source(camera):
    camera.count = 5
    source = open_source(camera.url + "/stream", SourceOptions(give_up_after_s=0))
    with pytest.raises(SourceError):
        frames_of(source)
    source.close()


def test_a_stream_that_falls_silent_is_a_lost_source(camera):
    camera.count, camera.is_silent_at_end = 5, True
    source = open_source(camera.url + "/stream", SourceOptions(give_up_after_s=0))
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
    source = open_source(silent_host, stop=stop)
    assert source.read(stop) is None
    source.close()
    assert time.monotonic() - start < 2
