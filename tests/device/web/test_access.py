import json
import os
import socket
import stat

import pytest
from edgecls_device.errors import OptionError
from edgecls_device.web.access import Access, is_same_site
from edgecls_device.web.settings import WebSettings, parse_address, web_settings

from tests.device.web.http_client import get, post
from tests.device.web.serving import TOKEN, running


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("", ("127.0.0.1", 8080)),
        ("9000", ("127.0.0.1", 9000)),
        (":9000", ("0.0.0.0", 9000)),
        ("0.0.0.0:9000", ("0.0.0.0", 9000)),
        ("shed.local", ("shed.local", 8080)),
        ("[::1]:9000", ("::1", 9000)),
        ("::1", ("::1", 8080)),
    ],
)
def test_an_address_may_leave_out_host_or_port(text, address):
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["x:y", "a b", "1.2.3.4:99999", "[::1", "http://x/", "99999", ":"])
def test_what_is_no_address_is_refused_with_an_example(text):
    with pytest.raises(OptionError, match="Expected an address") as raised:
        parse_address(text)
    assert "--web" in raised.value.hint


def test_beyond_loopback_there_is_always_a_token(tmp_path):
    with pytest.raises(OptionError, match="token"):
        WebSettings(host="0.0.0.0")
    assert web_settings("")[0].token == ""
    settings, is_new = web_settings(":8080")
    assert is_new
    assert len(settings.token) >= 32
    assert settings.token not in repr(settings)


def test_a_token_is_made_once_and_only_its_owner_can_read_it(tmp_path):
    path = tmp_path / "new" / "token"
    first, is_new = web_settings("", token_file=path)
    assert is_new
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again, is_new = web_settings("", token_file=path)
    assert (again.token, is_new) == (first.token, False)


def test_a_token_file_that_others_can_read_is_refused(tmp_path):
    path = tmp_path / "token"
    path.write_text(TOKEN)
    path.chmod(0o644)
    with pytest.raises(OptionError) as raised:
        web_settings("", token_file=path)
    assert raised.value.hint.startswith("chmod 600")


@pytest.mark.parametrize("text", ["short", "with space in the token", "ü" * 20])
def test_a_token_that_can_be_guessed_or_not_be_sent_is_refused(tmp_path, text):
    path = tmp_path / "token"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(OptionError, match="Expected a token"):
        web_settings("", token_file=path)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "evil.example:80",
        "",
        "localhost@evil",
        "a/b",
        "8.8.8.8",
    ],
)
@pytest.mark.parametrize("path", ["", "live", "status", "ws", "metrics"])
def test_a_name_that_is_not_ours_is_refused(run, host, path):
    answer = get(run.url + path, Host=host)
    assert answer.status == 421
    assert "--web-host" in answer.json["hint"]


def test_own_names_are_served_in_any_writing():
    with running(names=["Shed.Example"]) as run:
        for host in (
            "localhost",
            "LOCALHOST:1",
            "127.0.0.1",
            "[::1]:8080",
            "shed.example",
            "shed.example.",
        ):
            assert get(run.url + "live", Host=host).status == 200, host


def test_beyond_loopback_each_address_and_the_name_of_the_machine_are_ours():
    access = Access(WebSettings(host="0.0.0.0", token=TOKEN))
    own = os.uname().nodename.partition(".")[0]
    for host in ("192.168.1.7:8080", "[fe80::1]", own, f"{own}.local:8080", "localhost"):
        assert access.is_known_host(host), host
    assert not access.is_known_host("evil.example")


@pytest.mark.parametrize(
    ("origin", "host", "is_same"),
    [
        ("http://shed.local:8080", "shed.local:8080", True),
        ("http://SHED.local", "shed.local:80", True),
        ("https://shed.local", "shed.local", True),
        ("http://shed.local:8081", "shed.local:8080", False),
        ("http://evil.example", "shed.local", False),
        ("null", "shed.local", False),
        ("file://", "", False),
        ("http://[::1", "shed.local", False),
    ],
)
def test_an_origin_is_the_same_site_or_not(origin, host, is_same):
    assert is_same_site(origin, host) is is_same


@pytest.mark.parametrize("path", ["classify", "save?label=red", "session"])
def test_requests_that_pages_of_other_sites_cause_are_refused(run, path):
    answer = post(run.url + path, b"{}", Origin="http://evil.example", Content_Type="text/plain")
    assert answer.status == 403


def test_a_socket_opened_by_a_page_of_another_site_is_refused(run):
    upgrade = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec_WebSocket_Version": "13",
        "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    assert get(run.url + "ws", Origin="http://evil.example", **upgrade).status == 403


@pytest.mark.parametrize(
    "path", ["status", "events", "metrics", "snapshot.jpg", "ws", "openapi.json", "nothing"]
)
def test_without_the_token_nothing_is_told(guarded, path):
    guarded.give()
    answer = get(guarded.url + path)
    assert answer.status == 401
    assert set(answer.json) == {"error", "hint"}
    assert get(guarded.url + path, Authorization="Bearer wrong-token-wrong").status == 401
    assert get(f"{guarded.url}{path}?token={TOKEN}").status == 401


def test_health_and_the_empty_page_need_no_token(guarded):
    assert get(guarded.url + "live").status == 200
    assert get(guarded.url + "ready").status == 503
    assert get(guarded.url).status == 200
    assert "token" in guarded.server.url_with_token.partition("#")[2]


def test_the_token_opens_and_a_cookie_made_of_it_too(guarded):
    assert get(guarded.url + "status", Authorization=f"Bearer {TOKEN}").status == 200
    body = json.dumps({"token": TOKEN}).encode()
    answer = post(guarded.url + "session", body, Content_Type="application/json")
    assert answer.status == 204
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert TOKEN not in cookie
    assert get(guarded.url + "status", Cookie=cookie.partition(";")[0]).status == 200
    assert get(guarded.url + "status", Cookie=cookie.partition("=")[0] + "=x").status == 401


def test_after_ten_wrong_tokens_a_client_has_to_wait_and_a_cookie_still_opens(guarded):
    body = json.dumps({"token": TOKEN}).encode()
    cookie = post(guarded.url + "session", body, Content_Type="application/json").headers[
        "Set-Cookie"
    ]
    codes = [get(guarded.url + "status", Authorization=f"Bearer {i:030}").status for i in range(12)]
    assert codes == [401] * 10 + [429] * 2
    assert get(guarded.url + "status", Authorization=f"Bearer {TOKEN}").status == 429
    assert get(guarded.url + "status", Cookie=cookie.partition(";")[0]).status == 200
    assert get(guarded.url + "live").status == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'"x"', b"[" * 900, b'{"token": null}'])
def test_a_session_needs_json_with_the_token(guarded, body):
    answer = post(guarded.url + "session", body, Content_Type="application/json")
    assert answer.status in {400, 401}
    assert answer.json["error"]


def test_bytes_that_are_no_text_are_a_wrong_token(guarded):
    for header in ("Authorization: Bearer \xff\xfe\xff", "Cookie: edgecls_1=\xff"):
        head = f"GET /status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{header}\r\n\r\n"
        with socket.create_connection(guarded.address, timeout=5) as line:
            line.sendall(head.encode("latin-1"))
            assert line.recv(1000).startswith(b"HTTP/1.1 401")
    answer = post(guarded.url + "session", b'{"token": "\\ud800"}', Content_Type="application/json")
    assert answer.status == 401
    assert (
        get(guarded.url + "status", Authorization=f"Bearer {TOKEN}").json["web"]["problems"] == {}
    )


def test_a_token_that_never_ends_to_come_is_not_waited_for(guarded, monkeypatch):
    monkeypatch.setattr("edgecls_device.web.handlers.SESSION_BODY_S", 0.2)
    head = "POST /session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with socket.create_connection(guarded.address, timeout=5) as line:
        line.sendall((head + 'Content-Length: 30\r\n\r\n{"token"').encode())
        assert line.recv(1000).startswith(b"HTTP/1.1 408")
    long = b'{"token": "' + b"x" * 2000
    assert post(guarded.url + "session", long, Content_Type="application/json").status == 413


def test_every_answer_forbids_what_the_page_does_not_need(run):
    for path in ("", "status", "nothing", "snapshot.jpg"):
        headers = get(run.url + path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Server"] == "edgecls"
