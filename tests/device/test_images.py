import struct

import cv2
import numpy as np
import pytest
from edgecls_device.errors import ImageError, StorageError
from edgecls_device.images import decode_image, read_image


def encoded(suffix, image, *options):
    return cv2.imencode(suffix, image, list(options))[1].tobytes()


@pytest.fixture
def picture():
    return np.random.default_rng(1).integers(0, 256, (24, 40, 3), dtype=np.uint8)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp"])
def test_every_format_is_read_as_bgr_uint8(picture, suffix):
    frame = decode_image(encoded(suffix, picture))
    assert frame.shape == (24, 40, 3)
    assert frame.dtype == np.uint8


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp"])
def test_a_file_that_is_cut_off_is_refused(picture, suffix):
    data = encoded(suffix, picture)
    with pytest.raises(ImageError):
        decode_image(data[: len(data) * 2 // 3])


@pytest.mark.parametrize("data", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"BM", b"GIF89a"])
def test_what_is_no_picture_is_refused(data):
    with pytest.raises(ImageError, match="Expected"):
        decode_image(data)


def test_sixteen_bit_and_grey_become_bgr_uint8():
    frame = decode_image(encoded(".png", np.full((5, 5), 0xABCD, np.uint16)))
    assert (frame == 0xAB).all()
    assert frame.shape == (5, 5, 3)


def test_transparent_pixels_are_white_paper():
    image = np.zeros((4, 4, 4), np.uint8)
    image[:2, :, 3] = 255
    frame = decode_image(encoded(".png", image))
    assert (frame[:2] == 0).all()
    assert (frame[2:] == 255).all()


def exif(orientation):
    return (
        b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0) + b"\0\0\0\0"
    )


def with_exif_jpeg(data, orientation):
    body = b"Exif\0\0" + exif(orientation)
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


def with_exif_png(data, orientation):
    import zlib

    body = b"eXIf" + exif(orientation)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return data[:33] + chunk + data[33:]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_means_the_same_in_jpeg_and_png(orientation):
    image = np.zeros((16, 32, 3), np.uint8)
    image[:8, :8] = 255  # one white corner
    jpeg = decode_image(with_exif_jpeg(encoded(".jpg", image), orientation))
    png = decode_image(with_exif_png(encoded(".png", image), orientation))
    assert jpeg.shape == png.shape
    assert np.abs(jpeg.astype(int) - png).max() < 40


def test_a_missing_file_is_a_typed_error(tmp_path):
    with pytest.raises(StorageError, match="Cannot read"):
        read_image(tmp_path / "none.jpg")
