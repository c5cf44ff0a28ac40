"""A broker that is down, frozen, restarted, or never there: events wait, in order, and nothing is held up."""

import gc
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.device.mqtt.conftest import (
    check_balance,
    event_of,
    free_port,
    listening,
    result_of,
    settings_for,
    wait_for,
)


def saved_in(directory):
    """Return how many events a file holds for good, read without the lock of its owner."""
    path = directory / "mqtt-outbox.sqlite"
    if not path.exists():
        return 0
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as database:
        try:
            count = database.execute("SELECT COUNT(*) FROM waiting").fetchone()[0]
        except sqlite3.DatabaseError:  # it is being written
            return -1
    journal = path.with_name(path.name + "-journal")
    is_committed = not journal.exists() or not journal.stat().st_size
    return count if is_committed else -1


def test_a_run_starts_without_a_broker_and_connects_when_it_comes(make_broker, make_sink):
    port = free_port()
    sink = make_sink(settings_for(port))
    sink.notify(event_of(1), None)
    wait_for(lambda: sink.counts.is_failing)
    assert f"127.0.0.1:{port}: connection refused" in sink.counts.last_error
    make_broker(port=port).start()
    wait_for(lambda: sink.counts.written == 1)
    assert not sink.counts.is_failing


def test_a_host_that_does_not_exist_is_named_and_does_not_hold_up_the_end(make_sink):
    sink = make_sink(settings_for(1883, host="no-such-host.invalid"))
    sink.notify(event_of(1), None)
    wait_for(lambda: sink.counts.is_failing)
    assert "no-such-host.invalid:1883" in sink.counts.last_error
    assert "--mqtt" in sink.counts.last_error
    start = time.monotonic()
    sink.finish(None)
    assert time.monotonic() - start < 5
    counts = sink.counts
    assert (counts.given, counts.dropped, counts.waiting) == (1, 1, 0)


def test_events_wait_for_the_broker_and_arrive_in_order_and_marked(broker, make_sink, tmp_path):
    sink = make_sink(settings_for(broker, outbox_directory=tmp_path))
    wait_for(lambda: sink._connection.is_connected)
    broker.stop()
    wait_for(lambda: sink.counts.is_failing)
    for number in range(40):
        sink.notify(event_of(number), None)
    wait_for(lambda: saved_in(tmp_path) == 40)
    assert sink.counts.waiting == 40
    assert "events" in sink.counts.last_error or "broker" in sink.counts.last_error
    broker.start()
    wait_for(lambda: sink.counts.written == 40)
    wait_for(lambda: saved_in(tmp_path) == 0)
    check_balance(sink.counts)


def test_what_waited_is_marked_as_late(make_broker, make_sink):
    port = free_port()
    sink = make_sink(settings_for(port, unacknowledged_s=10.0))
    sink.notify(event_of(1), None)
    wait_for(lambda: sink.counts.is_failing)
    make_broker(port=port).start()
    with listening(port) as listener:
        wait_for(lambda: listener.records("event"))
        assert listener.records("event")[0]["is_late"]
        sink.notify(event_of(2), None)
        wait_for(lambda: len(listener.records("event")) == 2)
        assert not listener.records("event")[1]["is_late"]


def test_the_disk_is_left_alone_while_the_broker_acknowledges(broker, make_sink, tmp_path):
    sink = make_sink(settings_for(broker, outbox_directory=tmp_path, unacknowledged_s=5.0))
    wait_for(lambda: sink._connection.is_connected)
    path = tmp_path / "mqtt-outbox.sqlite"
    before = path.read_bytes(), path.stat().st_mtime_ns
    for number in range(200):
        sink.notify(event_of(number), None)
        sink.write(result_of("cat" if number % 2 else "dog"))
    wait_for(lambda: sink.counts.written == 200)
    sink.finish(None)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_a_half_open_connection_is_noticed_and_its_events_are_on_disk(broker, make_sink, tmp_path):
    sink = make_sink(settings_for(broker, outbox_directory=tmp_path, keepalive_s=1))
    wait_for(lambda: sink._connection.is_connected)
    broker.signal(signal.SIGSTOP)
    for number in range(20):
        sink.notify(event_of(number), None)
    wait_for(lambda: saved_in(tmp_path) == 20)  # before anybody knows that the broker is gone
    wait_for(lambda: sink.counts.is_failing)
    assert "is lost" in sink.counts.last_error
    broker.signal(signal.SIGCONT)
    wait_for(lambda: sink.counts.written == 20)
    check_balance(sink.counts)


def test_the_end_keeps_what_a_frozen_broker_does_not_take(broker, make_sink, tmp_path):
    sink = make_sink(settings_for(broker, outbox_directory=tmp_path, finish_s=0.3))
    wait_for(lambda: sink._connection.is_connected)
    broker.signal(signal.SIGSTOP)
    for number in range(5):
        sink.notify(event_of(number), None)
    start = time.monotonic()
    sink.finish(None)
    assert time.monotonic() - start < 3
    assert sink.counts.waiting == saved_in(tmp_path) == 5
    broker.signal(signal.SIGCONT)
    again = make_sink(settings_for(broker, outbox_directory=tmp_path))
    wait_for(lambda: again.counts.written == 5)
    assert again.counts.given == 5


APP = """
import sys
sys.path.insert(0, sys.argv[3])
from pathlib import Path
from tests.device.mqtt.conftest import *
from edgecls_device.sinks.mqtt import MqttSink
settings = settings_for(int(sys.argv[1]), outbox_directory=Path(sys.argv[2]))
sink = MqttSink(settings, board=ready_board(), labels=LABELS, source_name="0")
for number in range(10):
    sink.notify(event_of(number), None)
sys.stdin.read()
"""


def test_events_outlive_sigkill_and_come_before_newer_ones(
    make_broker, make_sink, tmp_path, pytestconfig
):
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", APP, str(port), str(tmp_path), str(pytestconfig.rootpath)],
        stdin=subprocess.PIPE,
    )
    try:
        wait_for(lambda: saved_in(tmp_path) == 10)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    make_broker(port=port).start()
    with listening(port) as listener:
        sink = make_sink(settings_for(port, outbox_directory=tmp_path))
        sink.notify(event_of(10), None)
        wait_for(lambda: sink.counts.written == 11)
        wait_for(lambda: len(listener.records("event")) == 11)
        assert [e["id"] for e in listener.records("event")] == [f"id-{n}" for n in range(11)]
    check_balance(sink.counts)


def test_a_full_outbox_drops_the_oldest_and_counts_them(make_broker, make_sink, tmp_path):
    port = free_port()
    sink = make_sink(settings_for(port, outbox_directory=tmp_path, max_events=25))
    for number in range(60):
        sink.notify(event_of(number), None)
    wait_for(lambda: saved_in(tmp_path) == 25)
    counts = sink.counts
    assert (counts.given, counts.dropped, counts.waiting) == (60, 35, 25)
    make_broker(port=port).start()
    with listening(port) as listener:
        wait_for(lambda: sink.counts.written == 25)
        wait_for(lambda: len(listener.records("event")) == 25)
        assert [e["id"] for e in listener.records("event")] == [f"id-{n}" for n in range(35, 60)]
    check_balance(sink.counts)


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_twenty_restarts_of_the_broker_cost_no_thread_and_no_descriptor(
    broker, make_sink, tmp_path
):
    gc.collect()  # what earlier tests left must not go away in the middle of this one
    sink = make_sink(settings_for(broker, outbox_directory=tmp_path))
    seen = []
    for number in range(20):
        wait_for(lambda: sink._connection.is_connected)
        sink.notify(event_of(number), None)
        wait_for(lambda number=number: sink.counts.written == number + 1)
        seen.append((descriptors(), threading.active_count()))
        broker.restart()
        wait_for(lambda number=number: sink._connection.session > number + 1)
    settled = seen[5:]  # what is made once, when it is first needed, may come after the first event
    assert len(set(settled)) == 1
    assert sink.counts.written == 20


@pytest.mark.parametrize("is_connected", [True, False])
def test_the_threads_end_with_the_sink(broker, make_sink, is_connected):
    before = threading.active_count()
    sink = make_sink(settings_for(broker if is_connected else free_port()))
    wait_for(lambda: sink._connection.is_connected or sink.counts.is_failing)
    sink.finish(None)
    sink.close()
    wait_for(lambda: threading.active_count() == before)
