import base64
import hashlib
import re
import struct

import cv2
import numpy as np
import pytest
from edgecls_device.errors import SourceError
from edgecls_device.sources.multipart import MAX_PART_BYTES, PartSplitter, boundary_of

from tests.device.conftest import picture
from tests.device.sources.conftest import watching
from tests.device.sources.http_camera import noisy_jpegs

JPEGS = noisy_jpegs(3)
QUIRKS = {
    "plain": ("edge", "--edge\r\nContent-Type: image/jpeg\r\nContent-Length: {length}\r\n\r\n"),
    "quoted": ('"edge"', "--edge\r\nContent-Type: image/jpeg\r\nContent-Length: {length}\r\n\r\n"),
    "dashes named": ("--edge", "--edge\r\nContent-Type: image/jpeg\r\n\r\n"),
    "more dashes": ("--edge", "----edge\r\nContent-Type: image/jpeg\r\n\r\n"),
    "no length": ("edge", "--edge\r\nContent-Type: image/jpeg\r\n\r\n"),
    "no headers": ("edge", "--edge\r\n\r\n"),
    "bare line ends": ("edge", "--edge\nContent-Type: image/jpeg\nContent-Length: {length}\n\n"),
    "too short": ("edge", "--edge\r\nContent-Length: 100\r\n\r\n"),
    "too long": ("edge", "--edge\r\nContent-Length: 9{length}\r\n\r\n"),
    "dashless": ("edge", "edge\r\nContent-Type: image/jpeg\r\n\r\n"),
}


def stream_of(head, pictures):
    parts = [head.format(length=len(jpeg)).encode() + jpeg + b"\r\n" for jpeg in pictures]
    return b"".join(parts) + head.splitlines()[0].encode() + b"--\r\n"


@pytest.mark.parametrize("step", [1, 7, 1000, 10**6])
@pytest.mark.parametrize("quirk", QUIRKS)
def test_parts_are_found_however_a_camera_writes_them(quirk, step):
    named, head = QUIRKS[quirk]
    splitter = PartSplitter(boundary_of(f"multipart/x-mixed-replace;boundary={named}"))
    data = stream_of(head, JPEGS)
    found = []
    for i in range(0, len(data), step):
        found += splitter.feed(data[i : i + step])
    assert found == JPEGS


def test_a_part_with_its_length_is_given_before_the_next_begins():
    splitter = PartSplitter(b"edge")
    head = QUIRKS["plain"][1].format(length=len(JPEGS[0])).encode()
    assert splitter.feed(head + JPEGS[0]) == JPEGS[:1]


def test_parts_that_are_no_pictures_are_passed_over():
    splitter = PartSplitter(b"edge")
    text = b"--edge\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello\r\n"
    assert splitter.feed(text + stream_of(QUIRKS["plain"][1], JPEGS)) == JPEGS


def test_a_part_without_end_takes_no_memory_without_end():
    splitter = PartSplitter(b"edge")
    splitter.feed(b"--edge\r\n\r\n")
    chunk = bytes(8_000_000)
    found = [part for _ in range(9) for part in splitter.feed(chunk)]
    assert found == [b""]  # counted as one that does not decode
    assert len(splitter._held) <= MAX_PART_BYTES + len(chunk)
    assert splitter.feed(b"\r\n" + stream_of(QUIRKS["plain"][1], JPEGS)) == JPEGS


def test_junk_without_a_boundary_takes_no_memory():
    splitter = PartSplitter(b"edge")
    for _ in range(50):
        assert splitter.feed(b"x\n" * 50_000) == []
    assert len(splitter._held) < 1000


@pytest.mark.parametrize("quirk", ["dashes named", "too short"])
def test_a_camera_with_quirks_gives_pictures(http_camera, quirk):
    named, http_camera.part_head = QUIRKS[quirk]
    http_camera.head = (
        f"HTTP/1.0 200 OK\nContent-type: multipart/x-mixed-replace; boundary={named}\n\n"
    )
    with watching(http_camera.url) as watched:
        watched.until_frames(3)
    assert "corrupt" not in watched.source.dropped


def test_what_is_cut_off_or_a_bomb_or_no_picture_is_counted_and_dropped(http_camera):
    whole = JPEGS[0]
    sof = whole.index(b"\xff\xc0") + 5
    bomb = whole[:sof] + struct.pack(">HH", 65000, 65000) + whole[sof + 4 :]
    noise = np.full((48, 64, 3), (40, 160, 40), np.uint8)
    noise[:32] = np.random.default_rng(0).integers(0, 256, (32, 64, 3))
    long = cv2.imencode(".jpg", noise)[1].tobytes()
    bad = [long[: len(long) // 2], b"hello", b"", bomb, whole[:-2]]
    http_camera.jpegs = [*JPEGS, *bad]
    http_camera.interval_s = 0.02
    with watching(http_camera.url) as watched:
        for _ in range(9):
            watched.until_frames(1)
            below = watched.last.image[-16:].reshape(-1, 3).mean(axis=0)
            assert below == pytest.approx([40, 160, 40], abs=8)  # and not grey, as what is cut off
    assert watched.source.dropped["corrupt"] >= len(bad)
    assert watched.source.status.reconnects == 0


def test_flipped_bytes_never_stop_a_stream(http_camera):
    whole = JPEGS[0]
    flipped = [
        whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :] for at in range(0, len(whole), 11)
    ]
    http_camera.jpegs = [jpeg for bad in flipped for jpeg in (bad, JPEGS[1])]
    http_camera.interval_s = 0.001
    with watching(http_camera.url) as watched:
        watched.until(
            lambda: (
                watched.source.captured > 2 * len(flipped) and watched.source.dropped.get("corrupt")
            )
        )  # pictures come again and again; a slow machine leaves out most of them
    assert watched.frames + watched.source.dropped.get("superseded", 0) >= len(flipped)
    assert watched.source.status.reconnects == 0


def test_thirty_in_a_row_that_do_not_decode_open_it_again(http_camera):
    good = http_camera.jpegs
    with watching(http_camera.url) as watched:
        watched.until_frames(3)
        http_camera.jpegs = [b"\xff\xd8 broken \xff\xd9"]
        watched.until_lost()
        assert "30 in a row that do not decode" in watched.troubles[-1]
        assert watched.source.dropped["corrupt"] >= 30
        http_camera.jpegs = good
        watched.until_frames(3)


def test_pictures_that_come_faster_than_they_are_decoded_do_not_pile_up(http_camera):
    large = noisy_jpegs(4, height=1080, width=1920)
    http_camera.jpegs, http_camera.interval_s = large, 0.0
    with watching(http_camera.url) as watched:
        watched.until_frames(5)
    assert watched.source.dropped["superseded"] > 0


def challenge(scheme):
    head = f"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: {scheme}\r\nContent-Length: 0\r\n\r\n"
    return head.encode()


def test_a_password_is_given_to_who_asks_for_it_and_to_nobody_else(http_camera):
    http_camera.answer = challenge('Basic realm="camera"')
    url = http_camera.url.replace("http://", "http://me:s%40cret@")
    with pytest.raises(SourceError, match="user and password") as caught, watching(url):
        pass
    assert "s%40cret" not in caught.value.message + caught.value.hint
    assert "s@cret" not in caught.value.message + caught.value.hint
    sent = [re.search(r"Authorization: Basic (\S+)", request) for request in http_camera.requests]
    assert sent[0] is None
    assert base64.b64decode(sent[1][1]) == b"me:s@cret"


def test_a_digest_password_is_answered_as_rfc_7616_says(http_camera):
    http_camera.answer = challenge('Digest realm="camera", nonce="abc", qop="auth"')
    url = http_camera.url.replace("http://", "http://me:secret@")
    with pytest.raises(SourceError, match="user and password"), watching(url):
        pass
    fields = dict(
        re.findall(r'(\w+)="?([^",\r]*)"?', http_camera.requests[1].partition("Digest ")[2])
    )

    def md5(text):
        return hashlib.md5(text.encode()).hexdigest()

    proof = ":".join(fields[name] for name in ("nonce", "nc", "cnonce", "qop"))
    expected = md5(f"{md5('me:camera:secret')}:{proof}:{md5('GET:/stream')}")
    assert fields["response"] == expected


def test_pictures_may_change_their_size(http_camera):
    http_camera.jpegs = [
        cv2.imencode(".jpg", picture("red", height=height, width=width))[1].tobytes()
        for height, width in ((48, 64), (720, 1280), (8, 8), (1080, 1920))
    ]
    http_camera.interval_s = 0.03
    shapes = set()
    with watching(http_camera.url) as watched:
        watched.until(
            lambda: shapes.add(watched.last and watched.last.image.shape) or len(shapes) == 5
        )
        assert watched.last.image[0, 0, 2] > 200
