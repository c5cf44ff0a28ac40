"""Photos in a bundle are small and show nothing but the picture."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from edgecls_device.errors import ImageError
from edgecls_device.images import decode_image
from edgecls_device.jpeg import encode_jpeg

from edgecls.bundling.photo_files import SMALL_BYTES, is_plain, small_photo

RNG = np.random.default_rng(1)
SMOOTH = cv2.resize(RNG.integers(0, 255, (6, 8, 3), dtype=np.uint8), (80, 60))
NOISE = RNG.integers(0, 255, (600, 900, 3), dtype=np.uint8)
JPEG = encode_jpeg(SMOOTH)
PNG = cv2.imencode(".png", SMOOTH)[1].tobytes()
EXIF_TURNED = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"


def with_segment(jpeg, kind, content):
    return jpeg[:2] + bytes((0xFF, kind)) + struct.pack(">H", len(content) + 2) + content + jpeg[2:]


def with_chunk(png, kind, content):
    chunk = kind + content
    return (
        png[:33]
        + struct.pack(">I", len(content))
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
        + png[33:]
    )


SECRETIVE = {
    "EXIF": with_segment(JPEG, 0xE1, EXIF_TURNED + b"GPS 47.1"),
    "a comment": with_segment(JPEG, 0xFE, b"GPS 47.1"),
    "further pictures": with_segment(JPEG, 0xE2, b"MPF\0GPS 47.1"),
    "Photoshop's": with_segment(JPEG, 0xED, b"Photoshop 3.0\0GPS 47.1"),
    "something behind": JPEG + b"GPS 47.1",
    "EXIF in a PNG": with_chunk(PNG, b"eXIf", b"GPS 47.1"),
    "text in a PNG": with_chunk(PNG, b"tEXt", b"Comment\0GPS 47.1"),
    "something behind a PNG": PNG + b"GPS 47.1",
}


@pytest.mark.parametrize("data", [JPEG, PNG], ids=["jpeg", "png"])
def test_a_small_plain_photo_goes_as_it_is(data):
    assert len(data) < SMALL_BYTES
    assert small_photo(data, name="a", side_px=20) == data


@pytest.mark.parametrize("data", SECRETIVE.values(), ids=SECRETIVE.keys())
def test_what_a_photo_says_beside_the_picture_stays_at_home(data):
    assert not is_plain(data)
    sent = small_photo(data, name="a", side_px=300)
    assert b"GPS" not in sent
    assert is_plain(sent)


def test_a_turned_photo_is_upright_when_its_exif_is_gone():
    sent = small_photo(SECRETIVE["EXIF"], name="a", side_px=300)
    assert decode_image(sent).shape == (80, 60, 3)


def test_a_large_photo_is_made_smaller_and_keeps_its_shape():
    data = cv2.imencode(".png", NOISE)[1].tobytes()
    sent = small_photo(data, name="a", side_px=100)
    assert decode_image(sent).shape == (100, 150, 3)
    assert len(sent) < SMALL_BYTES < len(data)
    assert sent == small_photo(data, name="a", side_px=100)


def test_a_photo_of_another_format_becomes_a_jpeg():
    data = cv2.imencode(".webp", SMOOTH)[1].tobytes()
    assert small_photo(data, name="a", side_px=300).startswith(b"\xff\xd8")


def test_what_is_no_picture_is_refused():
    with pytest.raises(ImageError, match="notes"):
        small_photo(b"no picture", name="notes", side_px=100)
    with pytest.raises(ImageError, match="cut off"):
        small_photo(JPEG[:-20], name="half", side_px=100)
