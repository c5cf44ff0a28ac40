import re
import socket
import time

import pytest
from edgecls_device.collecting.photo_store import PhotoStore
from edgecls_device.errors import OptionError
from edgecls_device.health import StatusBoard
from edgecls_device.records import encode
from edgecls_device.sources.protocol import SourceStatus
from edgecls_device.web.openapi import DESCRIPTION
from edgecls_device.web.problems import Problems
from edgecls_device.web.server import WebServer
from edgecls_device.web.settings import PageFacts, WebSettings

from tests.device.web.http_client import ask, get, post
from tests.device.web.serving import event_of, open_tiny, result_of, running, wait_until

FACTS = PageFacts(title="tiny", labels=("red",))
NASTY = "a\"b\\c{} é ‍👩 &amp; 'x' ; drop"


def test_health_is_what_the_board_works_out(run):
    assert get(run.url + "live").status == 200
    assert get(run.url + "ready").status == 503
    assert get(run.url + "ready").json == {"state": "starting", "reasons": []}
    run.give()
    wait_until(lambda: get(run.url + "ready").status == 200)
    run.board.note_round(SourceStatus(state="lost", trouble="The camera is unplugged."), 1, {})
    wait_until(lambda: get(run.url + "ready").status == 503)
    lost = get(run.url + "ready").json
    assert lost == {"state": "source_lost", "reasons": ["The camera is unplugged."]}
    assert get(run.url + "live").status == 200


def test_a_loop_that_hangs_is_not_live():
    now = [0.0]
    server = WebServer(WebSettings(port=0), StatusBoard(clock=lambda: now[0]), facts=FACTS)
    server.start()
    try:
        assert get(server.url + "live").status == 200
        now[0] = 60.0
        wait_until(lambda: get(server.url + "live").status == 503)
        assert "hangs" in get(server.url + "live").json["reasons"][0]
    finally:
        server.close()


def test_the_status_is_the_whole_record_and_events_are_kept(run):
    run.give()
    run.server.sink.notify(event_of(1), None)
    status = get(run.url + "status").json
    assert (status["kind"], status["version"], status["results"]) == ("edgecls.status", 1, 1)
    assert get(run.url + "events").json["events"][0]["label"] == "green"


def samples(text):
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            found[name] = float(value)
    return found


def test_metrics_tell_the_counters_in_base_units(run):
    for _ in range(3):
        run.give()
    run.board.note_round(SourceStatus(reconnects=2), 5, {"superseded": 2})
    answer = get(run.url + "metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    found = samples(answer.body.decode())
    assert found["edgecls_frames_captured_total"] == 5
    assert found["edgecls_results_total"] == 3
    assert found['edgecls_frames_dropped_total{reason="superseded"}'] == 2
    assert found['edgecls_frame_age_seconds{quantile="0.99"}'] == 0.003
    assert found['edgecls_state{state="ready"}'] == 1
    assert sum(value for name, value in found.items() if name.startswith("edgecls_state{")) == 1
    assert found["edgecls_source_reconnects_total"] == 2
    assert found["process_open_fds"] > 3
    assert found["process_resident_memory_bytes"] > 1e6
    assert all(re.match(r"[a-z_]+(\{.*\})?$", name) for name in found)


def test_labels_are_text_and_never_markup_or_metrics():
    facts = PageFacts(title=NASTY, labels=(NASTY,))
    with running(facts=facts) as run:
        run.give(label=NASTY)
        text = get(run.url + "metrics").body.decode()
        assert text.count("\nedgecls_decision_score{") == 1
        escaped = NASTY.replace("\\", "\\\\").replace('"', '\\"')
        assert f'edgecls_decision_score{{label="{escaped}"}} 0.75' in text
        assert get(run.url + "status").json["decision"]["label"] == NASTY
        assert get(run.url + "status").headers["Content-Type"].startswith("application/json")


def test_a_path_that_is_not_there_is_an_error_in_json(run):
    for path in ("nothing", "../../etc/passwd", "page/index.html", "%2e%2e/server.py", "<script>"):
        answer = get(run.url + path)
        assert answer.status in {400, 404}
        assert b"<script>" not in answer.body
    answer = post(run.url + "status")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD")
    assert ask("HEAD", run.url + "live").body == b""


def test_every_route_is_described_and_nothing_else(tmp_path):
    with running(open_classifier=open_tiny, store=PhotoStore(tmp_path)) as run:
        router = run.server._site.application.router
        routes = {(route.method, route.resource.canonical) for route in router.routes()}
        described = get(run.url + "openapi.json").json
    files = {path for _, path in routes if re.fullmatch(r"/[\w-]+\.(css|js|svg|png)", path)}
    assert "/page.js" in files
    expected = {(method, "/{file}" if path in files else path) for method, path in routes}
    expected = {(method, path) for method, path in expected if method != "HEAD"}
    paths = described["paths"]
    assert {(m.upper(), path) for path, methods in paths.items() for m in methods} == expected


def test_the_description_fits_the_answers(run):
    run.give()
    run.server.sink.notify(event_of(1), None)
    schemas = DESCRIPTION["components"]["schemas"]

    def check(record, name):
        assert set(record) == set(schemas[name]["properties"]), name
        assert set(schemas[name]["required"]) == set(record)

    status = get(run.url + "status").json
    check(status, "Status")
    check(encode(run.server.sink.counts), "Sink")
    check(status["decision"], "Decision")
    check(status["source_status"], "SourceStatus")
    check(status["web"], "Web")
    check(get(run.url + "events").json["events"][0], "Event")
    check(get(run.url + "ready").json, "Health")
    check(get(run.url + "nothing").json, "Error")


def test_a_picture_is_saved_only_by_a_request_that_a_form_cannot_make(tmp_path):
    with running(store=PhotoStore(tmp_path)) as run:
        url = run.url + "save?label=red"
        assert post(url, b"{}", Content_Type="application/json").status == 503
        run.give()
        for content_type in (
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
        ):
            assert post(url, Content_Type=content_type).status == 415
        assert post(url, X_Requested_With="curl").json["count"] == 1
        saved = post(url, b"{}", Content_Type="application/json").json
        assert (saved["label"], saved["is_new"]) == ("red", False)
        bad = post(run.url + "save?label=..%2Fred", b"{}", Content_Type="application/json")
        assert bad.status == 400
        assert post(run.url + "save", b"{}", Content_Type="application/json").status == 400
    assert [path.name for path in tmp_path.iterdir()] == ["red"]


def test_a_disk_that_refuses_is_told_and_the_server_lives(tmp_path):
    with running(store=PhotoStore(tmp_path, quota_bytes=10)) as run:
        run.give()
        answer = post(run.url + "save?label=red", b"{}", Content_Type="application/json")
        assert answer.status == 507
        assert "room" in answer.json["error"]


def test_problems_are_counted_by_name_and_do_not_grow():
    problems = Problems()
    for number in range(1000):
        problems.note(ValueError(f"{number} " + "x" * 500))
        problems.note("always the same")
    counts = problems.as_counts()
    assert sum(counts.values()) == 2000
    assert counts["always the same"] == 1000
    assert len(counts) <= 21
    assert max(map(len, counts)) <= 200


def test_a_mistake_of_ours_is_named_and_the_server_lives(run):
    events, run.server.sink._events = run.server.sink._events, None  # what no client can cause
    assert get(run.url + "events").status == 500
    run.server.sink._events = events
    assert [name[:9] for name in run.status()["problems"]] == ["TypeError"]
    assert get(run.url + "events").status == 200


def test_without_a_store_nothing_is_saved(run):
    assert post(run.url + "save?label=red", b"{}", Content_Type="application/json").status == 404


def test_a_port_in_use_is_named_with_the_remedy_before_anything_starts(run):
    server = WebServer(WebSettings(port=run.address[1]), StatusBoard(), facts=FACTS)
    with pytest.raises(OptionError, match="the port is in use") as raised:
        server.start()
    assert "--web 127.0.0.1:" in raised.value.hint
    assert not server.is_running
    server.close()


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-name.invalid"])
def test_an_address_of_another_machine_is_refused(host):
    server = WebServer(WebSettings(host=host, token="x" * 20), StatusBoard(), facts=FACTS)
    with pytest.raises(OptionError, match="Cannot listen"):
        server.start()


def test_a_service_goes_on_without_the_port_says_why_and_takes_it_once_it_is_free(monkeypatch):
    monkeypatch.setattr("edgecls_device.web.server.RETRY_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = WebServer(WebSettings(port=port), StatusBoard(), facts=FACTS)
        server.start(keep_trying=True)
        counts = server.sink.counts
        assert counts.is_failing
        assert "the port is in use" in counts.last_error
        assert "ss -ltnp" in counts.last_error
    try:
        wait_until(lambda: not server.trouble)
        assert get(server.url + "live").status == 200
        assert not server.sink.counts.is_failing
    finally:
        server.close()


def test_a_listening_socket_that_dies_is_opened_again(run, monkeypatch):
    monkeypatch.setattr("edgecls_device.web.server.RETRY_S", 0.5)
    run.server._listener.shutdown(socket.SHUT_RDWR)
    wait_until(lambda: run.server.sink.counts.is_failing)
    assert "takes no connections" in run.server.trouble
    run.give()
    wait_until(lambda: not run.server.trouble)
    assert get(run.url + "live").status == 200


def test_it_ends_within_two_seconds_whoever_is_connected():
    with running(open_classifier=open_tiny) as run:
        lines = [socket.create_connection(run.address) for _ in range(20)]
        start = time.monotonic()
        run.server.close()
        assert time.monotonic() - start < 3
        assert not run.server.is_running
        run.server.close()
        run.server.sink.write(result_of(1))  # a loop that still runs does not notice
        for line in lines:
            line.close()
