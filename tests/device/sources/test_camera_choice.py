import pytest
from edgecls_device.errors import OptionError
from edgecls_device.sources.camera_choice import CameraChoice, choose_mode, describe, offers
from edgecls_device.sources.options import NO_OPTIONS, SourceOptions
from edgecls_device.sources.v4l2 import CameraInfo, CameraMode, PixelFormat, SizeRange


def pixel_format(fourcc, *modes, span=None):
    rows = tuple(CameraMode(width=w, height=h, rates=tuple(rates)) for w, h, *rates in modes)
    return PixelFormat(fourcc=fourcc, description="", modes=rows, range=span)


def camera(*formats):
    return CameraInfo(
        path="/dev/video0",
        driver="uvcvideo",
        card="HD Cam",
        bus="usb",
        is_capture=True,
        formats=formats,
    )


RAW = pixel_format("YUYV", (640, 480, 30.0), (1280, 720, 10.0), (1920, 1080, 5.0))
JPEG = pixel_format("MJPG", (1920, 1080, 30.0), (640, 480, 60.0, 30.0, 15.0), (1280, 720, 60.0))
H264 = pixel_format("H264", (1920, 1080, 30.0))
WEBCAM = camera(RAW, H264, JPEG)


def test_mjpg_near_640x480_and_30_fps_is_chosen_without_a_wish():
    assert choose_mode(WEBCAM, NO_OPTIONS) == CameraChoice(fourcc="MJPG", size=(480, 640), fps=30.0)


def test_a_camera_without_mjpg_is_taken_raw():
    assert choose_mode(camera(H264, RAW), NO_OPTIONS).fourcc == "YUYV"


@pytest.mark.parametrize(
    ("wish", "chosen"),
    [
        ({"camera_size": (1080, 1920)}, ("MJPG", (1080, 1920), 30.0)),
        ({"camera_size": (720, 1280), "camera_fps": 10}, ("YUYV", (720, 1280), 10.0)),
        ({"camera_format": "yuyv"}, ("YUYV", (480, 640), 30.0)),
        ({"camera_fps": 60}, ("MJPG", (480, 640), 60.0)),
        ({"camera_fps": 5}, ("YUYV", (1080, 1920), 5.0)),
        ({"camera_size": (720, 1280)}, ("MJPG", (720, 1280), 60.0)),
    ],
)
def test_a_wish_is_granted(wish, chosen):
    fourcc, size, fps = chosen
    wanted = CameraChoice(fourcc=fourcc, size=size, fps=fps)
    assert choose_mode(WEBCAM, SourceOptions(**wish)) == wanted


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        (
            {"camera_size": (481, 640)},
            "--camera-size one of 640x480, 1280x720, 1920x1080 of 'HD Cam'.*got 640x481",
        ),
        ({"camera_fps": 25}, "--camera-fps one of 60, 30, 15, 10, 5 of 'HD Cam', got 25"),
        (
            {"camera_fps": 60, "camera_size": (1080, 1920)},
            "--camera-fps one of 30, 5 of 'HD Cam' at 1920x1080, got 60",
        ),
        ({"camera_format": "NV12"}, "--camera-format one of MJPG, YUYV of .*H264 cannot .*NV12"),
        ({"camera_format": "H264"}, "H264 cannot be decoded here.*got H264"),
    ],
)
def test_a_wish_that_cannot_be_granted_is_refused_with_what_there_is(wish, message):
    with pytest.raises(OptionError, match=message) as caught:
        choose_mode(WEBCAM, SourceOptions(**wish))
    assert "doctor --cameras" in caught.value.hint


def test_a_rate_of_29_97_is_30():
    found = choose_mode(
        camera(pixel_format("YUYV", (640, 480, 29.97))), SourceOptions(camera_fps=30)
    )
    assert found.fps == 29.97


def test_a_range_of_sizes_is_told_as_a_range():
    span = SizeRange(least=(2, 2), most=(960, 1280), step=(2, 2))
    one = pixel_format("YUYV", (640, 480, 30.0), span=span)
    assert list(offers(one)) == ["640x480 at 30 fps", "any size from 2x2 to 1280x960"]
    with pytest.raises(OptionError, match="any size from 2x2 to 1280x960"):
        choose_mode(camera(one), SourceOptions(camera_size=(2000, 2000)))


def test_a_range_of_rates_grants_what_lies_between():
    mode = CameraMode(width=640, height=480, rates=(60.0, 1.0), has_any_rate=True)
    info = camera(PixelFormat(fourcc="YUYV", description="", modes=(mode,)))
    assert choose_mode(info, SourceOptions(camera_fps=12.5)).fps == 12.5
    assert choose_mode(info, NO_OPTIONS).fps == 30.0
    with pytest.raises(OptionError, match="got 90"):
        choose_mode(info, SourceOptions(camera_fps=90))


def test_a_driver_that_lists_nothing_is_asked_all_the_same():
    wish = SourceOptions(camera_size=(480, 640), camera_fps=30, camera_format="MJPG")
    assert choose_mode(camera(), wish) == CameraChoice(fourcc="MJPG", size=(480, 640), fps=30)
    assert choose_mode(camera(pixel_format("YUYV")), NO_OPTIONS) == CameraChoice(fourcc="YUYV")


def test_what_is_granted_is_told_in_a_line():
    assert describe("MJPG", (480, 640), 30.0) == "MJPG 640x480 at 30 fps"
    assert describe("", (480, 640), 0.0) == "640x480"
