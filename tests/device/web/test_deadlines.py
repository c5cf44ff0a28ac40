"""The two deadlines of ten seconds, in real time and at the same time."""

import socket
import threading
import time

from tests.device.web.http_client import received
from tests.device.web.serving import wait_until
from tests.device.web.web_socket import WebSocket


def seconds_until_closed(address):
    """Send a head that is never complete, and return how long the server bears it."""
    with socket.create_connection(address, timeout=0.5) as line:
        start = time.monotonic()
        line.sendall(b"GET /live HTTP/1.1\r\nHost: localhost\r\n")
        while time.monotonic() - start < 20:
            try:
                line.sendall(b"X-Slow: 1\r\n")
                if line.recv(1000) == b"":
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        return time.monotonic() - start


def test_who_sends_no_whole_head_or_stops_reading_is_let_go_after_ten_seconds_and_holds_up_nobody(
    run,
):
    found = []
    slow = threading.Thread(target=lambda: found.append(seconds_until_closed(run.address)))
    slow.start()
    with (
        WebSocket(run.address, buffer_bytes=4096, answers_pings=False) as stuck,
        WebSocket(run.address) as page,
        run.feeding(rate=50),
    ):
        stuck.send({"type": "next"})
        page.read_json("hello")
        start = time.monotonic()
        pictures, longest_s = 0, 0.0
        while run.status()["evicted"] == 0:
            asked = time.monotonic()
            page.next_picture()
            longest_s = max(longest_s, time.monotonic() - asked)
            pictures += 1
            assert asked - start < 15
        assert time.monotonic() - start > 9
        assert pictures > 30
        assert longest_s < 3
        wait_until(lambda: run.status()["viewers"] == 1)
        stuck.line.settimeout(5)
        while received(stuck.line):  # and then it is closed
            pass
    slow.join()
    assert 9 < found[0] < 15
