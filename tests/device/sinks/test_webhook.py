import json
import subprocess
import sys
import time

import pytest
from edgecls_device.errors import NetworkError, OptionError, StorageError
from edgecls_device.records import from_json
from edgecls_device.results import Event
from edgecls_device.sinks.background import BackgroundSink
from edgecls_device.sinks.webhook import WebhookSink, parse_webhook_url, signature
from edgecls_device.stop import Stop

from tests.device.conftest import listening
from tests.device.sinks.hooks import (
    certificate,
    dripping,
    hook,
    server_context,
    serving,
    until,
)
from tests.device.sinks.results import SUMMARY, event, result

__all__ = ["hook"]

QUICK = (0.0, 0.0, 0.0)


def test_an_event_is_posted_as_json(hook):
    came = event(label="猫")
    WebhookSink(hook.url + "/in?key=1").notify(came, result())
    ((method, path, headers, body),) = hook.posts
    assert (method, path) == ("POST", "/in?key=1")
    assert headers["Content-Type"] == "application/json"
    assert headers["Host"] == hook.url.removeprefix("http://")
    assert "X-Edgecls-Signature" not in headers
    assert from_json(Event, body, name="the body") == came


def test_a_secret_signs_the_body_and_a_password_is_sent(hook, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("top secret\n")
    url = hook.url.replace("//", "//me:p%40ss@")
    WebhookSink(url, secret_file=secret).notify(event(), None)
    _, _, headers, body = hook.posts[0]
    assert headers["X-Edgecls-Signature"] == signature(b"top secret", body)
    assert headers["X-Edgecls-Signature"].startswith("sha256=")
    assert headers["Authorization"] == "Basic bWU6cEBzcw=="


def test_a_server_in_trouble_is_tried_again_with_the_same_key(hook):
    hook.answers = [503, 429, 500]
    WebhookSink(hook.url, waits_s=QUICK).notify(event(), None)
    keys = [headers["Idempotency-Key"] for _, _, headers, _ in hook.posts]
    assert len(keys) == 4
    assert len(set(keys)) == 1
    WebhookSink(hook.url).notify(event("left"), None)
    assert hook.posts[-1][2]["Idempotency-Key"] != keys[0]


def test_a_server_that_stays_in_trouble_is_given_up(hook):
    hook.answers = [503] * 9
    with pytest.raises(NetworkError, match="it answers 503 Service Unavailable"):
        WebhookSink(hook.url, waits_s=QUICK).notify(event(), None)
    assert len(hook.posts) == 4


@pytest.mark.parametrize("status", [400, 401, 404, 410, 422])
def test_a_refusal_is_not_tried_again(hook, status):
    hook.answers = [status] * 9
    with pytest.raises(NetworkError, match=f"it answers {status} ") as caught:
        WebhookSink(hook.url, waits_s=QUICK).notify(event(), None)
    assert len(hook.posts) == 1
    assert caught.value.hint


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(hook, status):
    with serving() as other:
        hook.answers = [(status, {"Location": other.url.replace("//", "//u:p@") + "/secret"})] * 9
        with pytest.raises(NetworkError, match=r"leads to localhost:[0-9]+") as caught:
            WebhookSink(hook.url, waits_s=QUICK).notify(event(), None)
        assert (len(hook.posts), other.posts) == (1, [])
    assert "secret" not in str(caught.value)
    hook.posts.clear()
    hook.answers = [(status, {"Location": "file:///etc/passwd"})]
    with pytest.raises(NetworkError, match="leads to nowhere"):
        WebhookSink(hook.url, waits_s=QUICK).notify(event(), None)


def check_late(url):
    begin = time.monotonic()
    with pytest.raises(NetworkError, match=r"no answer within 0\.2 s"):
        WebhookSink(url, deadline_s=0.2, waits_s=()).notify(event(), None)
    assert time.monotonic() - begin < 3


def test_a_server_that_never_answers_meets_the_deadline():
    with listening() as url:
        check_late(url)


@pytest.mark.parametrize(
    "text", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 100 Continue\r\n"]
)
def test_a_server_that_sends_a_byte_now_and_then_meets_the_deadline(text):
    with dripping(text) as url:
        check_late(url)


def test_a_server_that_never_shakes_hands_meets_the_deadline():
    with listening() as url:
        check_late(url.replace("http:", "https:"))


@pytest.mark.parametrize(
    ("text", "why"),
    [(b"SSH-2.0-x\r\n", "does not speak HTTP"), (b"HTTP/1.1 200 \x1b[2J\r\n\r\n", "")],
)
def test_what_is_no_web_server_is_named(text, why):
    with dripping(text, then=b"\r\n") as url:
        sink = WebhookSink(url, deadline_s=2, waits_s=())
        if why:
            with pytest.raises(NetworkError, match=why):
                sink.notify(event(), None)
        else:
            sink.notify(event(), None)


def test_nobody_there_is_named():
    with pytest.raises(NetworkError, match="connection refused"):
        WebhookSink("http://127.0.0.1:1", waits_s=()).notify(event(), None)


def test_a_certificate_that_is_trusted_is_accepted(tmp_path):
    cert, key = certificate(tmp_path, "localhost")
    with serving(server_context(cert, key)) as hook:
        WebhookSink(hook.url, ca_file=cert).notify(event(), None)
        assert len(hook.posts) == 1


def test_a_certificate_of_another_host_or_an_unknown_one_is_refused_and_nothing_sent(tmp_path):
    cert, key = certificate(tmp_path, "other.example")
    with serving(server_context(cert, key)) as hook:
        for trusted, why in ((cert, "Hostname mismatch"), (None, "self-signed certificate")):
            sink = WebhookSink(hook.url, ca_file=trusted, waits_s=(30.0,))
            with pytest.raises(NetworkError, match=f"certificate is refused .{why}"):
                sink.notify(event(), None)
        assert hook.posts == []


def test_a_server_that_is_down_stops_neither_the_loop_nor_the_end():
    with listening() as url:
        sink = BackgroundSink(WebhookSink(url), stop=Stop(), capacity=8, finish_s=0.2)
        begin = time.monotonic()
        for i in range(100):
            sink.write(result(index=i))
            sink.notify(event(number=i), result(index=i))
        sink.finish(SUMMARY)
        sink.close()
        assert time.monotonic() - begin < 3
        counts = sink.counts
    assert counts.given == counts.dropped + counts.waiting + counts.failed == 100
    assert "left" in counts.last_error


def test_the_end_of_a_run_waits_for_no_further_attempt_but_makes_one_for_each(hook):
    hook.answers = [503]
    sink = BackgroundSink(WebhookSink(hook.url, waits_s=(600.0,)), stop=Stop())
    sink.notify(event(), None)
    until(lambda: hook.posts)
    sink.notify(event("left", ended_by="stopped"), None)
    sink.finish(SUMMARY)
    sink.close()
    assert [json.loads(body)["change"] for *_, body in hook.posts] == ["entered", "left"]
    assert (sink.counts.failed, sink.counts.written) == (1, 1)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org",
        "file:///etc/passwd",
        "example.org/hook",
        "http://",
        "http://host:0",
        "http://host:99999",
        "http://[::1",
        "http://host/a b",
        "http://host/\r\nX: y",
        "http://höst/",
        "javascript:alert(1)",
        "",
        "; touch /tmp/x",
    ],
)
def test_what_is_no_url_for_a_post_is_refused_at_once(url):
    with pytest.raises(OptionError, match="Expected") as caught:
        WebhookSink(url)
    assert caught.value.hint


def test_only_the_host_of_a_url_is_ever_shown():
    target = parse_webhook_url("https://me:pw@hooks.example:8443/T0/secret?key=s")
    assert target.shown == "https://hooks.example:8443"
    assert (target.host, target.port, target.path) == ("hooks.example", 8443, "/T0/secret?key=s")
    assert parse_webhook_url("http://[::1]/x").shown == "http://[::1]"


def test_a_secret_that_is_empty_or_missing_is_refused(tmp_path):
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(OptionError, match="Expected a secret"):
        WebhookSink("http://h", secret_file=tmp_path / "empty")
    with pytest.raises(StorageError, match="Cannot read"):
        WebhookSink("http://h", secret_file=tmp_path / "none")
    with pytest.raises(OptionError, match="Expected certificates"):
        WebhookSink("https://h", ca_file=tmp_path / "empty")


def test_no_text_of_a_configuration_becomes_a_command(tmp_path):
    """Row 37: whatever stands in a URL, a secret or a label, no process is started."""
    text = """
import os, random, subprocess, sys
def refuse(event, args):
    if event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork"):
        raise SystemExit("a command was started: %s" % (args,))
import edgecls_device.sinks.webhook as webhook
from edgecls_device.errors import EdgeclsError
from tests.device.sinks.results import event
from pathlib import Path
sys.addaudithook(refuse)
rng = random.Random(3)
pieces = ["http://127.0.0.1:1", "https://", "$(touch x)", "`id`", ";", "|", "&&", "../"]
pieces += ["%0a", "\\0", "{}", "@", ":", "/", "[", "x"]
for _ in range(400):
    url = "".join(rng.choices(pieces, k=rng.randint(1, 6)))
    try:
        sink = webhook.WebhookSink(url, waits_s=())
        if "127.0.0.1:1" in sink._target.shown:
            sink.notify(event(label=url), None)
    except EdgeclsError:
        pass
print("done")
"""
    command = [sys.executable, "-c", text]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "done\n", done.stderr
