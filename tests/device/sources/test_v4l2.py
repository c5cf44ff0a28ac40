"""The structures of <linux/videodev2.h>, byte for byte; a real device is tried in tests/vm."""

import errno
import os
import struct

import pytest
from edgecls_device.sources import v4l2
from edgecls_device.sources.v4l2 import (
    CAPABILITY,
    ENUM_FMT,
    ENUM_FRAMEINTERVALS,
    ENUM_FRAMESIZES,
    FORMAT,
    FRAME_INTERVAL,
    FRAME_SIZE,
    QUERYCAP,
    REQBUFS,
    REQUEST_BUFFERS,
    read_camera,
)

# What a C program says that prints sizeof() and the request numbers of Linux 6.1's header on x86-64; the
# structures have neither pointers nor 64-bit fields, so that 32-bit ARM has the same.
SIZES = {
    "v4l2_capability": (CAPABILITY, 104),
    "v4l2_fmtdesc": (FORMAT, 64),
    "v4l2_frmsizeenum": (FRAME_SIZE, 44),
    "v4l2_frmivalenum": (FRAME_INTERVAL, 52),
    "v4l2_requestbuffers": (REQUEST_BUFFERS, 20),
}
NUMBERS = {
    "VIDIOC_QUERYCAP": (QUERYCAP, 0x80685600),
    "VIDIOC_ENUM_FMT": (ENUM_FMT, 0xC0405602),
    "VIDIOC_REQBUFS": (REQBUFS, 0xC0145608),
    "VIDIOC_ENUM_FRAMESIZES": (ENUM_FRAMESIZES, 0xC02C564A),
    "VIDIOC_ENUM_FRAMEINTERVALS": (ENUM_FRAMEINTERVALS, 0xC034564B),
}
OFFSETS = {  # of the field at an index of what unpack gives
    "v4l2_capability.device_caps": (CAPABILITY, 5, 88),
    "v4l2_fmtdesc.pixelformat": (FORMAT, 4, 44),
    "v4l2_frmsizeenum.discrete": (FRAME_SIZE, 3, 12),
    "v4l2_frmivalenum.discrete": (FRAME_INTERVAL, 5, 20),
}
MJPG, YUYV = (int.from_bytes(text, "little") for text in (b"MJPG", b"YUYV"))


@pytest.mark.parametrize("name", SIZES)
def test_a_structure_has_the_size_that_the_kernel_has(name):
    layout, size = SIZES[name]
    assert layout.size == size


@pytest.mark.parametrize("name", NUMBERS)
def test_a_request_has_the_number_that_the_kernel_has(name):
    ours, kernels = NUMBERS[name]
    assert ours == kernels


@pytest.mark.parametrize("name", OFFSETS)
def test_a_field_lies_where_the_kernel_puts_it(name):
    layout, index, offset = OFFSETS[name]
    data = bytearray(layout.size)
    data[offset : offset + 4] = struct.pack("=I", 0xC0FFEE)
    assert layout.unpack(data)[index] == 0xC0FFEE


class FakeDriver:
    """What answers the ``ioctl`` calls: a kernel's driver, played from a table."""

    def __init__(self, *, flags=0x85200001, own=0x04200001):
        self.flags, self.own = flags, own
        self.sizes = {MJPG: [(640, 480), (1280, 720)], YUYV: [(640, 480)]}
        self.span = None
        self.rates = {MJPG: [(1, 30), (1, 15)], YUYV: [(1001, 30000)]}
        self.is_busy = False

    def ioctl(self, device, request, buffer):
        del device
        if request == QUERYCAP:
            CAPABILITY.pack_into(
                buffer, 0, b"uvcvideo", b"HD \xff\x1b[31mCam\0rest", b"usb-1", 1, self.flags, self.own, 0, 0, 0
            )  # fmt: skip
        elif request == ENUM_FMT:
            index, kind, *_ = FORMAT.unpack(buffer)
            code = self.at(list(self.sizes), index)
            FORMAT.pack_into(buffer, 0, index, kind, 0, b"Motion-JPEG", code, 0, 0, 0, 0)
        elif request == ENUM_FRAMESIZES:
            index, code, *_ = FRAME_SIZE.unpack(buffer)
            kind, numbers = (1, (*self.at(self.sizes[code], index), 0, 0, 0, 0))
            if self.span is not None:
                kind, numbers = 3, self.span
            FRAME_SIZE.pack_into(buffer, 0, index, code, kind, *numbers, 0, 0)
        elif request == ENUM_FRAMEINTERVALS:
            index, code, width, height, *_ = FRAME_INTERVAL.unpack(buffer)
            rate = self.at(self.rates[code], index)
            FRAME_INTERVAL.pack_into(
                buffer, 0, index, code, width, height, 1, *rate, 0, 0, 0, 0, 0, 0
            )
        elif self.is_busy:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        return 0

    @staticmethod
    def at(table, index):
        if index >= len(table):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return table[index]


@pytest.fixture
def driver(monkeypatch):
    fake = FakeDriver()
    monkeypatch.setattr(v4l2.fcntl, "ioctl", fake.ioctl)
    return fake


def test_a_camera_says_its_formats_sizes_and_rates(driver):
    info = read_camera(os.devnull)
    assert (info.driver, info.bus, info.is_capture) == ("uvcvideo", "usb-1", True)
    jpeg, raw = info.formats
    assert (jpeg.fourcc, jpeg.description, raw.fourcc) == ("MJPG", "Motion-JPEG", "YUYV")
    assert [(mode.height, mode.width, mode.rates) for mode in jpeg.modes] == [
        (480, 640, (30.0, 15.0)),
        (720, 1280, (30.0, 15.0)),
    ]
    assert raw.modes[0].rates == (29.97,)


def test_a_name_with_control_characters_in_it_is_shown_without_them(driver):
    assert read_camera(os.devnull).card == "HD \ufffd[31mCam"


@pytest.mark.parametrize(
    ("flags", "own"),
    [(0x84A00001, 0x04A00000), (0x84208000, 0x04208000), (0x00000002, 0)],
    ids=["metadata of a camera", "codec", "output"],
)
def test_what_gives_no_pictures_is_no_camera(driver, flags, own):
    driver.flags, driver.own = flags, own
    info = read_camera(os.devnull)
    assert (info.is_capture, info.formats) == (False, ())


def test_an_old_driver_without_flags_of_the_node_is_a_camera(driver):
    driver.flags, driver.own = 0x04000001, 0
    assert read_camera(os.devnull).is_capture


def test_a_range_of_sizes_lists_the_usual_ones_and_the_wished_one(driver):
    driver.span = (2, 1280, 2, 2, 960, 2)
    info = read_camera(os.devnull, wished_size=(100, 200))
    sizes = [(mode.height, mode.width) for mode in info.formats[0].modes]
    assert sizes == [(100, 200), (240, 320), (480, 640), (600, 800), (720, 1280), (960, 1280)]
    assert info.formats[0].range.most == (960, 1280)
    assert not info.formats[0].range.has((101, 200))


def test_a_driver_whose_list_never_ends_does_not_hang_us(driver):
    driver.at = lambda table, index: table[index % len(table)]
    assert len(read_camera(os.devnull).formats) == v4l2.MOST_ENTRIES


def test_a_camera_that_another_program_streams_from_is_busy(driver):
    assert not v4l2.is_busy(os.devnull)
    driver.is_busy = True
    assert v4l2.is_busy(os.devnull)


def test_a_device_that_is_no_camera_is_an_error():
    with pytest.raises(OSError) as caught:  # noqa: PT011 - the number says which
        read_camera(os.devnull)
    assert caught.value.errno == errno.ENOTTY
