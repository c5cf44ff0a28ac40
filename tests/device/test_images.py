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


def flat_jpeg(values, *, adobe=True):
    """An 8x8 JPEG of one colour, encoded by hand: one component per value, each a DC coefficient."""
    count = len(values)

    def segment(marker, body):
        return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body

    bits = ""
    for value in values:
        level = 8 * (value - 128)
        size = abs(level).bit_length()
        code = level if level >= 0 else level + (1 << size) - 1
        bits += f"{size:04b}" + (f"{code:0{size}b}" if size else "") + "0"  # "0" ends the block
    bits += "1" * (-len(bits) % 8)
    scan = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)).replace(
        b"\xff", b"\xff\0"
    )
    ids = range(1, count + 1)
    return b"".join(
        [
            b"\xff\xd8",
            segment(0xEE, b"Adobe\0d\0\0\0\0\0") if adobe else b"",
            segment(0xDB, b"\0" + b"\1" * 64),
            segment(
                0xC0,
                struct.pack(">BHHB", 8, 8, 8, count) + b"".join(bytes([i, 0x11, 0]) for i in ids),
            ),
            segment(0xC4, b"\0" + bytes([0, 0, 0, 12] + [0] * 12) + bytes(range(12))),
            segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\0"),
            segment(
                0xDA, bytes([count]) + b"".join(bytes([i, 0]) for i in ids) + bytes([0, 63, 0])
            ),
            scan,
            b"\xff\xd9",
        ]
    )


@pytest.mark.parametrize(
    ("inks", "bgr"),
    [
        ((255, 0, 0, 255), (0, 0, 255)),
        ((0, 255, 255, 255), (255, 255, 0)),
        ((255, 255, 255, 255), (255, 255, 255)),
        ((255, 255, 255, 0), (0, 0, 0)),
    ],
    ids=["red", "cyan", "white", "black"],
)
def test_a_cmyk_jpeg_has_its_colours(inks, bgr):
    frame = decode_image(flat_jpeg(inks))  # Adobe stores inks inverted
    assert frame.shape == (8, 8, 3)
    assert np.abs(frame.astype(int) - bgr).max() <= 2


def test_a_grey_jpeg_becomes_three_channels():
    frame = decode_image(flat_jpeg([77], adobe=False))
    assert frame.shape == (8, 8, 3)
    assert np.abs(frame.astype(int) - 77).max() <= 1


def test_sixteen_bits_with_alpha_are_laid_on_white():
    image = np.zeros((2, 2, 4), np.uint16)
    image[..., 2] = 0x8040  # red
    image[0, :, 3] = 0xFFFF
    image[1, :, 3] = 0x8000
    frame = decode_image(encoded(".png", image))
    assert frame[0, 0].tolist() == [0, 0, 0x80]
    assert frame[1, 0].tolist() == [127, 127, 191]  # half of it, half white


def test_the_bytes_of_the_pixels_are_the_same_in_every_opencv():
    """Computed with OpenCV 4.6, 4.11 and 5.0; the promise is that machines agree, so it is one number."""
    import hashlib

    from edgecls_device.preprocessing import resize
    from edgecls_device.spec import Preprocessing

    steps = np.arange(480 * 640 * 3, dtype=np.uint64) * 2654435761 >> 7
    frame = (steps & 255).astype(np.uint8).reshape(480, 640, 3)
    digest = hashlib.sha256()
    for side in (96, 224, 300):
        for rule in ("crop", "stretch", "letterbox"):
            for how in ("bilinear", "nearest"):
                spec = Preprocessing(height=side, width=side, resize=rule, interpolation=how)
                digest.update(resize(frame, spec).tobytes())
    assert digest.hexdigest() == "fbf0eb92e2cafcb817e5425adc3ef1b2924c1aab92994f6adb35627b8cab0f45"
