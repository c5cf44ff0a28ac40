"""Servers that take events over HTTP and HTTPS on loopback, and how they misbehave."""

import shutil
import socket
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Hook:
    """What a server got, and what it answers next: 200 once ``answers`` is used up."""

    def __init__(self):
        self.posts = []  # method, path, headers, body
        self.answers = []  # status, or status and headers
        self.url = ""


@contextmanager
def serving(context=None):
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.posts.append((self.command, self.path, self.headers, body))
            answer = hook.answers.pop(0) if hook.answers else 200
            status, headers = answer if isinstance(answer, tuple) else (answer, {})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request, client_address):
            pass  # a client that refuses our certificate

    server = Server(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=[0.02], daemon=True)
    thread.start()
    scheme = "http" if context is None else "https"
    hook.url = f"{scheme}://localhost:{server.server_port}"
    try:
        yield hook
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def hook():
    """A server that takes events."""
    with serving() as one:
        yield one


@contextmanager
def dripping(text=b"HTTP/1.1 200 OK\r\nX-Slow: ", then=b"x"):
    """A server that answers a byte now and then, for ever; with no ``then`` it falls silent."""
    is_over = threading.Event()

    def serve(listener):
        while not is_over.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.sendall(text)
                    while not is_over.wait(0.02):
                        connection.sendall(then)
                except OSError:
                    continue

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=[listener], daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        is_over.set()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def certificate(directory, host):
    """Make a certificate for a host that signs itself; return the files of it and of its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not here to make a certificate")
    cert, key = directory / f"{host}.crt", directory / f"{host}.key"
    words = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    names = ["-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}"]
    command = ["openssl", *words, *names, "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


def server_context(cert, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


def until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)
