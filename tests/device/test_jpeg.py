import numpy as np
import pytest
from edgecls_device.errors import FrameError
from edgecls_device.images import decode_image
from edgecls_device.jpeg import LONGEST_COMMENT, comment_of, encode_jpeg

from tests.device.conftest import picture


@pytest.mark.parametrize("comment", ["", "x", '{"label": "\\u732b"}', "y" * LONGEST_COMMENT])
def test_a_comment_travels_with_a_picture_that_decodes_the_same(comment):
    data = encode_jpeg(picture("red"), comment=comment)
    assert comment_of(data) == comment
    assert (decode_image(data) == decode_image(encode_jpeg(picture("red")))).all()


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8", b"\xff\xd8\xff\xfe\x00", b"\x89PNG", b"\xff\xd8\xff\xe0\0\0"]
)
def test_what_is_no_whole_jpeg_has_no_comment(data):
    assert comment_of(data) == ""


def test_a_frame_that_no_jpeg_can_hold_is_a_typed_error():
    with pytest.raises(FrameError, match="fits into a JPEG"):
        encode_jpeg(np.zeros((1, 70_000, 3), np.uint8))
