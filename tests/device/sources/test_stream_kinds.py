"""What a URL turns out to be, and whether its certificate can be trusted."""

import shutil
import ssl
import subprocess

import cv2
import pytest
from edgecls_device.errors import SourceError
from edgecls_device.sources.options import SourceOptions
from edgecls_device.sources.table import open_source
from edgecls_device.stop import Stop

from tests.device.conftest import picture
from tests.device.sources.conftest import watching
from tests.device.sources.http_camera import HttpCamera


def answer_with(content_type, body):
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@pytest.fixture
def jpeg_answer():
    return answer_with("image/jpeg", cv2.imencode(".jpg", picture("red"))[1].tobytes())


def test_a_url_that_answers_with_a_picture_is_a_photo_whatever_its_name(http_camera, jpeg_answer):
    http_camera.answer = jpeg_answer
    source = open_source(http_camera.url)
    assert (source.is_live, source.captured) == (False, 0)
    assert source.read(Stop()).image[0, 0, 2] > 200


def test_a_source_that_was_waited_for_and_is_no_stream_is_an_error(http_camera, jpeg_answer):
    http_camera.stop()
    http_camera.answer = jpeg_answer
    with watching(http_camera.url, wait_for_source=True) as watched:
        http_camera.start()
        with pytest.raises(SourceError, match="got a photo") as caught:
            watched.until(lambda: False)
    assert "start again" in caught.value.hint


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("401 Unauthorized", "user and password"),
        ("404 Not Found", "no such path"),
        ("500 X", "500"),
    ],
)
def test_an_answer_that_is_a_refusal_says_which(http_camera, status, said):
    http_camera.answer = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()
    with pytest.raises(SourceError, match=said):
        open_source(http_camera.url)


class TlsCamera(HttpCamera):
    """The same behind a certificate."""

    context: ssl.SSLContext

    def _serve(self, connection):
        try:
            connection = self.context.wrap_socket(connection, server_side=True)
        except OSError:  # also a certificate that is not trusted, or no handshake at all
            connection.close()
            return
        self._connections.append(connection)
        super()._serve(connection)


@pytest.fixture
def tls_camera(tmp_path):
    """A camera with a certificate of its own, as most have that speak TLS; its path in ``certificate``."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the program openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "camera.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=camera",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    device = TlsCamera()
    device.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    device.context.load_cert_chain(certificate, key)
    device.certificate = str(certificate)
    device.start()
    yield device
    device.stop()


def test_a_certificate_that_nobody_vouches_for_is_refused_until_it_is_trusted(
    tls_camera, monkeypatch
):
    url = tls_camera.url.replace("http://", "https://")
    with pytest.raises(SourceError, match="certificate that can be trusted") as caught:
        open_source(url)
    assert "SSL_CERT_FILE" in caught.value.hint
    monkeypatch.setenv("SSL_CERT_FILE", tls_camera.certificate)
    with watching(url) as watched:
        watched.until_frames(3)


def read_for_ever(source):
    while True:
        source.read(Stop())


def test_options_of_live_sources_come_over(http_camera):
    source = open_source(http_camera.url, SourceOptions(give_up_after_s=0, frozen_after_s=0))
    assert source.read(Stop()) is not None
    http_camera.stop()
    with pytest.raises(SourceError):
        read_for_ever(source)
    source.close()
