import random
import socket
import subprocess
import sys
import time
from pathlib import Path

from edgecls_device.web.guard import MOST_CONNECTIONS

from tests.device.web.http_client import get, raw, received
from tests.device.web.serving import wait_until
from tests.device.web.web_socket import WebSocket

SLOW_SOCKETS = """
import resource, socket, sys, time
host, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(count + 100, hard), hard))
lines, end = {}, time.monotonic() + 60
print("ready", flush=True)
while time.monotonic() < end:
    for number in range(count):
        try:
            if number not in lines:
                lines[number] = socket.create_connection((host, port), timeout=2)
                lines[number].sendall(b"GET /live HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\n")
            lines[number].sendall(b"X-a: b\\r\\n")
        except OSError:
            lines.pop(number, None)
    time.sleep(0.1)
"""


def descriptors():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_an_idle_connection_is_kept_for_its_next_request_only_for_a_while(run):
    guard = run.server._guard
    guard._limits_s["waiting"] = 0.3
    with socket.create_connection(run.address, timeout=5) as line:
        for _ in range(2):
            line.sendall(b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert line.recv(4000).startswith(b"HTTP/1.1 200")
            time.sleep(0.1)
        assert received(line) == b""
    assert guard.closed["slow"] == 1


def test_a_thousand_slow_sockets_do_not_keep_a_health_check_out(run):
    before = descriptors()
    command = [sys.executable, "-c", SLOW_SOCKETS, *map(str, run.address), "1000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as attack:
        try:
            attack.stdout.readline()
            wait_until(lambda: run.server._guard.closed["crowded"] > 1000, within_s=20)
            times = []
            for _ in range(20):
                start = time.monotonic()
                assert get(run.url + "live").status == 200
                times.append(time.monotonic() - start)
            assert max(times) < 2  # benchmarks/figures/live_web.py measures it
            assert descriptors() - before <= MOST_CONNECTIONS + 20
        finally:
            attack.kill()
    wait_until(lambda: run.server._guard.open <= 1)
    assert descriptors() <= before + 2


def test_when_all_connections_are_taken_viewers_are_the_last_to_go(run):
    with WebSocket(run.address) as page:
        page.read_json("hello")
        lines = [socket.create_connection(run.address) for _ in range(2 * MOST_CONNECTIONS)]
        run.give()
        wait_until(lambda: run.server._guard.closed["crowded"] > MOST_CONNECTIONS)
        assert page.next_picture()[0]["frame"] == 1
        for line in lines:
            line.close()


def junk(random_bytes):
    """Requests that are broken in many ways, and plain noise."""
    good = b"GET /live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    methods = [b"GET", b"POST", b"PUT", b"TRACE", b"get", b"X" * 50, b"\x00"]
    paths = [
        b"/",
        b"/live",
        b"/classify",
        b"/session",
        b"/ws",
        b"//",
        b"/../../etc/passwd",
        b"/%00",
        b"*",
        b"",
    ]
    while True:
        kind = random_bytes.randrange(5)
        if kind == 0:
            yield random_bytes.randbytes(random_bytes.randrange(1, 300))
        elif kind == 1:
            cut = bytearray(good)
            for _ in range(random_bytes.randrange(1, 6)):
                cut[random_bytes.randrange(len(cut))] = random_bytes.randrange(256)
            yield bytes(cut)
        elif kind == 2:
            yield good[: random_bytes.randrange(1, len(good))]
        elif kind == 3:
            lengths = [b"-1", b"99999999999999999999", b"5", b"0x5", b"", b"5, 6"]
            head = (
                random_bytes.choice(methods) + b" " + random_bytes.choice(paths) + b" HTTP/1.1\r\n"
            )
            head += b"Host: localhost\r\nContent-Length: " + random_bytes.choice(lengths)
            yield head + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + random_bytes.randbytes(20)
        else:
            size = random_bytes.choice([100, 9000, 70000])
            yield b"GET /" + b"a" * size + b" HTTP/1.1\r\nX: " + b"b" * size + b"\r\n\r\n"


def test_two_thousand_requests_of_junk_get_an_error_or_nothing(run):
    random_bytes = random.Random(5)
    good, codes = 0, {}
    for _, data in zip(range(2000), junk(random_bytes), strict=False):
        answer = raw(run.address, data)
        code = answer[9:12].decode("latin-1") if answer else "none"
        codes[code] = codes.get(code, 0) + 1
        good += code == "200"
        assert code == "none" or (answer.startswith(b"HTTP/") and code[0] in "24"), (data, answer)
    assert good < 300  # a byte of noise in a header that nobody reads does no harm
    assert codes["400"] > 500, codes
    assert get(run.url + "live").status == 200
    assert run.server.is_running
    assert run.status()["problems"] == {}
    assert run.server._guard.closed["malformed"] > 50
