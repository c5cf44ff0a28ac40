import socket
import time

import cv2
import numpy as np
import pytest
from edgecls_device.collecting.photo_store import PhotoStore
from edgecls_device.web.showing import MOST_VIEWERS
from edgecls_device.web.sink import EVENTS_KEPT

from tests.device.web.http_client import get
from tests.device.web.serving import LABELS, event_of, running, wait_until
from tests.device.web.web_socket import BINARY, CLOSE, WebSocket


def brightness(jpeg):
    return round(float(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).mean()))


def test_a_page_is_greeted_with_the_model_and_the_events_so_far(run):
    for number in range(EVENTS_KEPT + 10):
        run.server.sink.notify(event_of(number), None)
    with WebSocket(run.address) as page:
        hello = page.read_json()
        assert (hello["type"], hello["version"], hello["title"]) == ("hello", 1, "tiny")
        assert hello["labels"] == list(LABELS)
        assert hello["can_collect"] is False
        assert [event["id"] for event in hello["events"]] == [
            f"stay-{i}" for i in range(10, EVENTS_KEPT + 10)
        ]
        assert page.read_json()["type"] == "status"


def test_each_picture_has_to_be_asked_for_and_is_the_newest(run):
    with WebSocket(run.address) as page:
        page.read_json("hello")
        page.send({"type": "next"})
        wait_until(lambda: run.server.sink.newest is None)
        run.give()
        result = page.read_json("result")
        kind, jpeg = page.read()
        assert (kind, result["frame"], brightness(jpeg)) == (BINARY, 1, 1)
        for _ in range(100):
            run.give()
        time.sleep(0.1)
        result, jpeg = page.next_picture()
        assert (result["frame"], brightness(jpeg)) == (101, 101)
        assert result["label"] == "green"
    wait_until(lambda: run.status()["viewers"] == 0)
    assert run.status()["sent"] == 2


def test_a_page_that_does_not_ask_gets_no_picture_and_costs_no_encoding(run):
    with WebSocket(run.address) as page, run.feeding():
        for _ in range(3):
            assert page.read_json()["type"] in {"hello", "status"}
        assert run.status()["sent"] == 0
    counts = run.server.sink.counts
    assert counts.dropped == 0
    assert counts.given == counts.written


def test_at_most_fifteen_pictures_a_second_whatever_the_loop_does(run):
    with WebSocket(run.address) as page, run.feeding(rate=300):
        page.read_json("hello")
        start, count = time.monotonic(), 0
        while time.monotonic() - start < 1.0:
            page.next_picture()
            count += 1
    assert 1 <= count <= 16
    counts = run.server.sink.counts
    assert counts.dropped > 0
    assert counts.given == counts.written + counts.dropped


def test_a_picture_is_encoded_once_for_all_and_the_slow_page_misses_some(run):
    with WebSocket(run.address) as quick, WebSocket(run.address) as slow, run.feeding():
        for page in (quick, slow):
            page.read_json("hello")
        slow.next_picture()
        for _ in range(6):
            quick.next_picture()
        slow.next_picture()
        counts = run.status()
    assert counts["viewers"] == 2
    assert counts["dropped"] >= 3
    assert counts["sent"] <= 9


def test_a_wide_picture_is_made_small_enough_for_a_phone(run):
    run.give(image=np.zeros((1080, 1920, 3), np.uint8))
    with WebSocket(run.address) as page:
        page.read_json("hello")
        result, jpeg = page.next_picture()
    assert (result["width"], result["height"]) == (1920, 1080)
    assert cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).shape == (540, 960, 3)


def test_events_and_status_come_by_themselves(run):
    with WebSocket(run.address) as page:
        page.read_json("status")
        run.server.sink.notify(event_of(7), None)
        assert page.read_json("event")["id"] == "stay-7"
        assert page.read_json("status")["state"] == "starting"


@pytest.mark.parametrize(
    "message",
    [b"no json", b"[]", b'"x"', b'{"type":"boom"}', b"{}", b'{"type":"save","label":"red"}'],
)
def test_a_message_that_is_not_understood_is_answered_with_why(run, message):
    with WebSocket(run.address) as page:
        page.send(message)
        assert page.read_json("error")["message"]
        page.send({"type": "next"})
        run.give()
        assert page.read_json("result")


def test_a_message_that_is_too_long_ends_the_connection(run):
    with WebSocket(run.address) as page:
        page.send(b"x" * 2000)
        while (kind := page.read()[0]) != CLOSE:
            assert kind == 1
    wait_until(lambda: run.status()["viewers"] == 0)
    assert run.status()["problems"] == {}


def test_the_seventeenth_page_is_told_to_wait(run):
    pages = [WebSocket(run.address) for _ in range(MOST_VIEWERS)]
    wait_until(lambda: run.status()["viewers"] == MOST_VIEWERS)
    with WebSocket(run.address) as one_more:
        assert one_more.status == 503
    for page in pages:
        page.close()
    wait_until(lambda: run.status()["viewers"] == 0)


def test_a_picture_is_saved_as_it_was_shown_under_a_label(tmp_path):
    with running(store=PhotoStore(tmp_path, drop_similar=False)) as run:
        run.give()
        with WebSocket(run.address) as page:
            assert page.read_json("hello")["can_collect"] is True
            page.send({"type": "save", "label": "red"})
            assert "no picture" in page.read_json("error")["message"]
            _, jpeg = page.next_picture()
            for _ in range(50):
                run.give()
            page.send({"type": "save", "label": "red"})
            saved = page.read_json("saved")
            path = tmp_path / saved["path"]
            assert (saved["label"], saved["count"], path.parent.name) == ("red", 1, "red")
            assert brightness(path.read_bytes()) == brightness(jpeg) == 1
            for label in ("../red", "", "a\nb", "<b>", "x" * 99, 5, None, ["red"]):
                page.send({"type": "save", "label": label})
                assert page.read_json("error")["message"]
    assert [path.name for path in tmp_path.iterdir()] == ["red"]


def test_who_looks_is_told_when_the_run_ends():
    with running() as run:
        page = WebSocket(run.address)
        page.read_json("hello")
        wait_until(lambda: run.status()["viewers"] == 1)
    with page:
        kind, data = page.read()
        while kind != CLOSE:
            kind, data = page.read()
        assert int.from_bytes(data[:2], "big") == 1001
    with pytest.raises(ConnectionRefusedError), socket.create_connection(run.address, timeout=1):
        pass


def test_a_snapshot_is_the_newest_picture_and_never_an_old_one(run, monkeypatch):
    assert get(run.url + "snapshot.jpg").status == 503
    run.give()
    answer = get(run.url + "snapshot.jpg")
    assert (answer.headers["Content-Type"], brightness(answer.body)) == ("image/jpeg", 1)
    monkeypatch.setattr("edgecls_device.web.handlers.OLDEST_SNAPSHOT_S", 0.05)
    time.sleep(0.1)
    answer = get(run.url + "snapshot.jpg")
    assert answer.status == 503
    assert "old" in answer.json["error"]
