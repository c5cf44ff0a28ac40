import random
import socket
import threading

import cv2
import numpy as np
import pytest
from edgecls_device.classifier import Classifier
from edgecls_device.errors import ArtifactError
from edgecls_device.web.photo_size import pixels_of
from edgecls_device.web.photos import LARGEST_PHOTO_BYTES

from tests.device.conftest import FakeBackend, picture
from tests.device.tiny_models import tiny_spec
from tests.device.web.http_client import ask, get, post
from tests.device.web.serving import open_tiny, running, wait_until

JPEG = cv2.imencode(".jpg", picture("red"))[1].tobytes()
PNG = cv2.imencode(".png", picture("red"))[1].tobytes()
BOUNDARY = "----edge"


def form(*fields):
    parts = b"".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="a.jpg"\r\n\r\n'.encode()
        + data
        + b"\r\n"
        for name, data in fields
    )
    return parts + f"--{BOUNDARY}--\r\n".encode()


def post_form(url, body):
    return post(url, body, Content_Type=f"multipart/form-data; boundary={BOUNDARY}")


def test_a_photo_is_classified_as_it_is_or_in_a_form(tiny_model):
    with running(open_classifier=lambda: Classifier.open(tiny_model)) as run:
        url = run.url + "classify"
        plain = post(url, PNG, Content_Type="image/png")
        assert plain.status == 200
        assert (plain.json["label"], plain.json["class_id"]) == ("red", 0)
        assert (plain.json["width"], plain.json["height"]) == (64, 48)
        assert plain.json["top"][0]["label"] == "red"
        assert post(url, JPEG, Content_Type="application/octet-stream").json["label"] == "red"
        answer = post_form(url, form(("note", b"hello"), ("photo", JPEG)))
        assert answer.json["label"] == "red"


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (JPEG, "text/plain", 415),
        (b"{}", "application/json", 415),
        (b"GIF89a" + bytes(50), "image/gif", 415),
        (b"\x7fELF" + bytes(50), "image/jpeg", 415),
        (b"", "image/jpeg", 400),
        (JPEG[: len(JPEG) // 2], "image/jpeg", 400),
        (PNG[:60], "image/png", 400),
        (b"x", "multipart/form-data", 400),
        (b"x", "multipart/form-data; boundary=b", 400),
        (b"--b\r\nX\r\n", "multipart/form-data; boundary=b", 400),
    ],
)
def test_what_is_no_photo_is_refused_with_a_reason(run, body, content_type, status):
    answer = post(run.url + "classify", body, Content_Type=content_type)
    assert answer.status == status
    assert answer.json["error"].startswith("Expected")
    assert run.status()["problems"] == {}


def test_a_form_without_a_photo_is_refused(run):
    answer = post_form(run.url + "classify", form(("picture", JPEG)))
    assert (answer.status, "photo" in answer.json["error"]) == (400, True)


def test_forms_of_junk_are_refused_and_never_a_mistake_of_ours(run):
    random_bytes = random.Random(7)
    good = form(("note", b"x"), ("photo", JPEG[:200]))
    for _ in range(300):
        body = bytearray(good)
        for _ in range(random_bytes.randrange(1, 9)):
            body[random_bytes.randrange(len(body))] = random_bytes.choice(b'\r\n-:;"=\0\xff a')
        answer = post_form(
            run.url + "classify", bytes(body[: random_bytes.randrange(len(body) + 1)])
        )
        assert answer.status in {400, 413, 415}, (answer, bytes(body))
    assert run.status()["problems"] == {}


def bomb(side):
    """A PNG of a few bytes that says it is huge."""
    head = b"\x89PNG\r\n\x1a\n" + (13).to_bytes(4, "big") + b"IHDR"
    return (
        head
        + side.to_bytes(4, "big") * 2
        + b"\x08\x02\0\0\0"
        + bytes(4)
        + bytes(8)
        + b"IEND"
        + bytes(4)
    )


@pytest.mark.parametrize("side", [20_000, 65_535, 2**31 - 1])
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(run, side):
    answer = post(run.url + "classify", bomb(side), Content_Type="image/png")
    assert answer.status == 413
    assert "50 million pixels" in answer.json["error"]


@pytest.mark.parametrize(
    ("suffix", "flags"),
    [
        (".jpg", []),
        (".jpg", [cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 1]),
        (".png", []),
        (".bmp", []),
        (".webp", [cv2.IMWRITE_WEBP_QUALITY, 80]),
        (".webp", [cv2.IMWRITE_WEBP_QUALITY, 101]),
    ],
)
def test_the_head_of_a_photo_says_how_many_pixels_it_has(suffix, flags):
    noise = np.random.default_rng(3).integers(0, 255, (37, 301, 3)).astype(np.uint8)
    data = cv2.imencode(suffix, noise, flags)[1].tobytes()
    assert pixels_of(data) == 37 * 301
    for cut in range(60):
        assert pixels_of(data[:cut]) >= 0


def test_a_transparent_webp_says_it_too():
    noise = np.random.default_rng(3).integers(0, 255, (37, 301, 4)).astype(np.uint8)
    assert (
        pixels_of(cv2.imencode(".webp", noise, [cv2.IMWRITE_WEBP_QUALITY, 50])[1].tobytes())
        == 37 * 301
    )


@pytest.mark.parametrize("says_so", [True, False])
def test_a_body_of_too_many_bytes_is_refused(run, says_so):
    body = PNG + bytes(LARGEST_PHOTO_BYTES + 200_000)
    if not says_so:  # in pieces, without a length
        body = iter([body[i : i + 1_000_000] for i in range(0, len(body), 1_000_000)])
    try:
        answer = ask("POST", run.url + "classify", body=body, headers={"Content-Type": "image/png"})
        assert answer.status == 413
    except (BrokenPipeError, ConnectionResetError):
        pass  # the refusal came before all was sent, and the rest is not read
    assert get(run.url + "live").status == 200


def test_a_body_that_comes_too_slowly_is_refused():
    with running(open_classifier=open_tiny) as run:
        head = "POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
        head += "Content-Length: 99\r\n\r\n"
        run.server._site._classifying._body_s = 0.3
        with socket.create_connection(run.address, timeout=10) as line:
            line.sendall(head.encode() + b"x")
            assert line.recv(4000).startswith(b"HTTP/1.1 408")


def test_a_client_that_goes_away_in_the_middle_is_no_mistake_of_ours(run):
    head = "POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 99\r\n"
    for _ in range(20):
        with socket.create_connection(run.address, timeout=10) as line:
            line.sendall(head.encode() + b"\r\nx")
    wait_until(lambda: run.server._guard.open <= 1)
    assert run.status()["problems"] == {}
    assert post(run.url + "classify", PNG, Content_Type="image/png").status == 200


class SlowBackend(FakeBackend):
    """Waits until it may go on."""

    def __init__(self):
        super().__init__()
        self.started, self.may_go_on = threading.Event(), threading.Event()

    def run(self, batch=None):
        self.started.set()
        self.may_go_on.wait(10)
        return self.result


def test_one_photo_is_classified_four_wait_and_more_are_told_to_come_back():
    backend = SlowBackend()
    with running(open_classifier=lambda: Classifier(tiny_spec(), backend)) as run:
        codes = []

        def send():
            codes.append(post(run.url + "classify", PNG, Content_Type="image/png").status)

        clients = [threading.Thread(target=send) for _ in range(8)]
        for client in clients:
            client.start()
        backend.started.wait(10)
        wait_until(lambda: len(codes) == 3)
        assert codes == [429] * 3
        assert get(run.url + "live").status == 200  # a photo holds up nothing else
        backend.may_go_on.set()
        for client in clients:
            client.join()
        assert sorted(codes) == [200] * 5 + [429] * 3


def test_a_model_that_cannot_be_opened_is_told_and_the_next_photo_tries_again():
    def refuse():
        message = "Expected a model, got none."
        raise ArtifactError(message, hint="export it again")

    with running(open_classifier=refuse) as run:
        for _ in range(2):
            answer = post(run.url + "classify", PNG, Content_Type="image/png")
            assert (answer.status, answer.json["hint"]) == (500, "export it again")


def test_without_a_model_there_is_no_such_route():
    with running() as run:
        assert post(run.url + "classify", PNG, Content_Type="image/png").status == 404


def test_a_grey_picture_and_a_transparent_one_are_photos_too(run):
    for image in (np.zeros((9, 9), np.uint8), np.zeros((9, 9, 4), np.uint16)):
        data = cv2.imencode(".png", image)[1].tobytes()
        assert post(run.url + "classify", data, Content_Type="image/png").status == 200
