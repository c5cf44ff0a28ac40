"""What a second client sees, with a broker that is there."""

import json
import os
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
from edgecls_device.sources.protocol import DELIVERING, SourceStatus

from tests.device.mqtt.conftest import (
    LABELS,
    TOPIC,
    check_balance,
    event_of,
    listening,
    ready_board,
    result_of,
    settings_for,
    wait_for,
)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_decision_is_published_when_it_changes(broker, listener, make_sink, protocol):
    sink = make_sink(settings_for(broker, protocol=protocol))
    sink.write(result_of("cat", score=0.75))
    wait_for(lambda: [s for s in listener.records("state") if s["label"] == "cat"])
    state = listener.records("state")[-1]
    assert state["label_id"] == 0
    assert state["score"] == 0.75
    assert not state["is_unknown"]
    assert state["since"] < state["time"]
    sink.write(result_of("unknown", score=0.3))
    wait_for(lambda: listener.records("state")[-1]["label"] == "unknown")
    assert listener.records("state")[-1]["label_id"] == -1


def test_the_same_decision_is_published_seldom_and_keeps_its_beginning(broker, listener, make_sink):
    sink = make_sink(settings_for(broker, state_every_s=0.3))
    sink.write(result_of("cat", score=0.5))
    wait_for(lambda: [s for s in listener.records("state") if s["label"] == "cat"])
    first = listener.records("state")[-1]
    for _ in range(50):
        sink.write(result_of("cat", score=0.6))
    wait_for(lambda: listener.records("state")[-1]["score"] == 0.6)
    told = [s for s in listener.records("state") if s["label"] == "cat"]
    assert len(told) == 2
    assert told[-1]["since"] == first["since"]


def test_a_late_listener_finds_the_last_words_retained(broker, make_sink):
    sink = make_sink(settings_for(broker))
    sink.write(result_of("dog"))
    with listening(broker.port) as first:
        wait_for(lambda: first.records("state") and first.records("state")[-1]["label"] == "dog")
    with listening(broker.port) as late:
        late.wait("availability", b"online")
        late.wait("ready", b"online")
        assert json.loads(late.wait("state"))["label"] == "dog"
        assert json.loads(late.wait("status"))["state"] == "ready"
        names = {"availability", "ready", "state", "status"}
        retained = {topic for topic, _, is_retained in late.messages if is_retained}
        assert {f"{TOPIC}/{name}" for name in names} <= retained


def test_each_event_arrives_once_in_order_and_is_not_retained(broker, listener, make_sink):
    sink = make_sink(settings_for(broker, unacknowledged_s=10.0))
    wait_for(lambda: sink._connection.is_connected)
    for number in range(100):
        sink.notify(event_of(number, change="left" if number % 2 else "entered"), None)
    wait_for(lambda: sink.counts.written == 100)
    events = listener.records("event")
    assert [event["id"] for event in events] == [f"id-{number}" for number in range(100)]
    assert events[1]["event_type"] == events[1]["change"] == "left"
    assert events[1]["time"] == "2023-11-14T22:13:22.000Z"
    assert not any(event["is_late"] for event in events)
    check_balance(sink.counts)
    with listening(broker.port) as late:
        late.wait("availability", b"online")
        assert not late.payloads("event")


def test_a_lost_source_is_not_ready_and_shows_nothing(broker, listener, make_sink):
    board = ready_board()
    sink = make_sink(settings_for(broker), board=board)
    sink.write(result_of("cat"))
    listener.wait("ready", b"online")
    board.note_round(SourceStatus(state="lost", trouble="It was unplugged."), 1, {})
    listener.wait("ready", b"offline")
    wait_for(lambda: listener.records("state")[-1]["label"] is None)
    wait_for(lambda: listener.records("status")[-1]["state"] == "source_lost")
    status = listener.records("status")[-1]
    assert status["reasons"] == ["It was unplugged."]
    assert listener.payloads("availability")[-1] == b"online"
    board.note_round(DELIVERING, 1, {})
    sink.write(result_of("cat"))
    listener.wait("ready", b"online")
    wait_for(lambda: listener.records("state")[-1]["label"] == "cat")


def test_the_status_comes_again_and_again(broker, listener, make_sink):
    make_sink(settings_for(broker, status_every_s=0.1))
    wait_for(lambda: len(listener.payloads("status")) >= 4)
    status = listener.records("status")[-1]
    assert status["kind"] == "edgecls.status"
    assert {"state", "reasons", "frames_per_second", "age_p99_ms", "dropped", "sinks"} <= set(
        status
    )


def test_a_picture_comes_with_a_label_and_only_if_asked_for(broker, listener, make_sink):
    image = np.full((600, 1200, 3), 80, np.uint8)
    sink = make_sink(settings_for(broker, has_snapshots=True))
    sink.notify(event_of(1), result_of("cat", image=image))
    picture = cv2.imdecode(np.frombuffer(listener.wait("snapshot"), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (480, 960, 3)
    sink.notify(event_of(1, change="left"), result_of("cat", image=image))
    wait_for(lambda: sink.counts.written == 2)
    assert len(listener.payloads("snapshot")) == 1
    sink.close()
    quiet = make_sink(settings_for(broker))
    quiet.notify(event_of(2), result_of("cat", image=image))
    wait_for(lambda: quiet.counts.written == 1)
    assert len(listener.payloads("snapshot")) == 1


def test_a_picture_the_broker_would_hang_up_over_is_left_out(make_broker, make_sink):
    broker = make_broker("allow_anonymous true", "max_packet_size 20000").start()
    noise = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    sink = make_sink(settings_for(broker, has_snapshots=True))
    sink.notify(event_of(1), result_of("cat", image=noise))
    wait_for(lambda: sink.counts.written == 1)
    wait_for(lambda: "max_packet_size" in sink.counts.last_error)
    sink.notify(event_of(2), None)
    wait_for(lambda: sink.counts.written == 2)
    assert sink._connection.session == 1
    assert not sink.counts.is_failing


def test_finish_says_goodbye_after_the_last_event(broker, listener, make_sink):
    sink = make_sink(settings_for(broker))
    sink.write(result_of("cat"))
    sink.notify(event_of(1), None)
    sink.finish(None)
    listener.wait("availability", b"offline")
    assert listener.payloads("ready")[-1] == b"offline"
    assert listener.records("state")[-1]["label"] is None
    topics = [topic for topic, *_ in listener.messages]
    last_event = max(i for i, topic in enumerate(topics) if topic == f"{TOPIC}/event")
    assert topics[last_event:].count(f"{TOPIC}/availability") == 1
    counts = sink.counts
    assert (counts.given, counts.written, counts.is_failing) == (1, 1, False)
    sink.close()


def test_a_run_shorter_than_a_connection_still_sends_its_events(broker, listener, make_sink):
    sink = make_sink(settings_for(broker))
    for number in range(30):
        sink.notify(event_of(number), None)
    sink.finish(None)
    assert sink.counts.written == 30
    wait_for(lambda: len(listener.payloads("event")) == 30)


APP = """
import sys
sys.path.insert(0, sys.argv[2])
from tests.device.mqtt.conftest import settings_for, result_of, ready_board, LABELS
from edgecls_device.sinks.mqtt import MqttSink
board = ready_board()
sink = MqttSink(settings_for(int(sys.argv[1])), board=board, labels=LABELS, source_name="0")
sink.write(result_of("cat"))
sys.stdin.read()
"""


def test_the_broker_says_offline_when_the_process_is_killed(broker, listener, pytestconfig):
    process = subprocess.Popen(
        [sys.executable, "-c", APP, str(broker.port), str(pytestconfig.rootpath)],
        stdin=subprocess.PIPE,
    )
    try:
        listener.wait("availability", b"online")
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    listener.wait("availability", b"offline")


def test_a_will_that_comes_late_is_contradicted(broker, listener, make_sink):
    make_sink(settings_for(broker))
    listener.wait("availability", b"online")
    listener.publish(f"{TOPIC}/availability", b"offline", retain=True)
    listener.wait("availability", b"online")


def test_home_assistant_is_told_again_when_it_starts(broker, listener, make_sink):
    make_sink(settings_for(broker))

    def told():
        return [topic for topic, *_ in listener.messages if topic.endswith("/config")]

    wait_for(lambda: len(told()) == 1)
    listener.publish("homeassistant/status", b"online")
    wait_for(lambda: len(told()) == 2)
    assert told()[0] == "homeassistant/device/edgecls_door/config"


def test_labels_of_an_earlier_model_disappear_from_home_assistant(broker, listener, make_sink):
    make_sink(settings_for(broker), labels=("cat", "horse")).close()
    make_sink(settings_for(broker), labels=LABELS)

    def configs():
        return [json.loads(p)["components"] for t, p, _ in listener.messages if "/config" in t]

    def names(components):
        return {value.get("name") for value in components.values()}

    wait_for(lambda: len(configs()) >= 4)
    removal, last = configs()[-2:]
    assert {"platform": "binary_sensor"} in removal.values()
    assert "dog" in names(last)
    assert "horse" not in names(last) | {None}
    assert len(last) == len(removal) - 1


def test_two_cameras_with_one_topic_are_told_apart(broker, make_sink):
    first, second = make_sink(settings_for(broker)), make_sink(settings_for(broker))
    found = wait_for(
        lambda: [s.counts for s in (first, second) if "another client" in s.counts.last_error]
    )
    assert found[0].is_failing
    assert "--mqtt-topic" in found[0].last_error


def test_an_event_that_the_broker_forbids_is_failed_and_does_not_stop_the_next(
    make_broker, make_sink, tmp_path
):
    acl = tmp_path / "acl"
    acl.write_text("topic readwrite #\ntopic deny edgecls/door/event\n")
    broker = make_broker("allow_anonymous true", f"acl_file {acl}").start()
    sink = make_sink(settings_for(broker))
    sink.notify(event_of(1), None)
    wait_for(lambda: sink.counts.failed == 1)
    assert "Not authorized" in sink.counts.last_error
    assert sink.counts.is_failing
    check_balance(sink.counts)


def test_writing_never_waits(broker, make_sink):
    """One cannot assert times on a busy machine, but a call that did I/O would take 10,000 times longer."""
    sink = make_sink(settings_for(broker))
    result = result_of("cat")
    broker.signal(signal.SIGSTOP)
    start = time.monotonic()
    for _ in range(10_000):
        sink.write(result)
    assert time.monotonic() - start < 2
