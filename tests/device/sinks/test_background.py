import os
import random
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from edgecls_device.errors import NetworkError, StorageError
from edgecls_device.sinks.background import BackgroundSink, finish_sinks
from edgecls_device.sinks.backlog import Backlog, Item
from edgecls_device.sinks.direct import DirectSink
from edgecls_device.sinks.stream import ReaderGoneError
from edgecls_device.stop import READER_GONE, Stop

from tests.device.sinks.results import SUMMARY, event, result


class Inner(DirectSink):
    """Keeps what it is given; waits at its gate, and fails when it is told to."""

    name = "inner"

    def __init__(self):
        self.taken = []
        self.gate = threading.Event()
        self.gate.set()
        self.error = None
        self.finish_error = None
        self.threads = set()

    def write(self, result):
        self._take(result.frame.index)

    def notify(self, event, result):
        self._take(f"{event.change} {event.id[-1]}")

    def finish(self, summary):
        self.gate.wait(30)
        if self.finish_error:
            raise self.finish_error
        self.taken.append("finish")

    def close(self):
        self.taken.append("close")

    def _take(self, what):
        self.threads.add(threading.current_thread().name)
        self.gate.wait(30)
        if self.error:
            raise self.error
        self.taken.append(what)


@pytest.fixture
def inner():
    sink = Inner()
    yield sink
    sink.gate.set()


def until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def check_sum(sink):
    counts = sink.counts
    assert counts.given == counts.written + counts.dropped + counts.failed + counts.waiting
    return counts


def hang(sink, inner):
    """Give a result that hangs in the inner sink."""
    inner.gate.clear()
    sink.write(result(index=0))
    until(lambda: inner.threads)


def test_everything_is_handed_over_in_order_from_one_thread(inner):
    sink = BackgroundSink(inner, stop=Stop())
    sink.write(result(index=0))
    sink.notify(event(), result(index=0))
    sink.write(result(index=1))
    sink.finish(SUMMARY)
    sink.close()
    sink.close()
    assert inner.taken == [0, "entered 1", 1, "finish", "close"]
    assert inner.threads == {"edgecls-inner-sink"}
    assert check_sum(sink).written == 3


def test_a_sink_that_hangs_stops_neither_the_loop_nor_the_end(inner):
    sink = BackgroundSink(inner, stop=Stop(), capacity=4, finish_s=0.1)
    hang(sink, inner)
    begin = time.monotonic()
    for index in range(1, 101):
        sink.write(result(index=index))
    assert (check_sum(sink).waiting, sink.counts.dropped) == (5, 96)
    sink.finish(SUMMARY)
    sink.close()
    assert time.monotonic() - begin < 2
    counts = check_sum(sink)
    assert (counts.written, counts.dropped, counts.waiting) == (0, 100, 1)
    assert counts.is_failing
    assert counts.last_error == "Not done within 0.1 s: 5 were left."


def test_the_oldest_results_are_dropped_and_events_stay(inner):
    sink = BackgroundSink(inner, stop=Stop(), capacity=3)
    hang(sink, inner)
    sink.notify(event(number=1), result(index=0))
    for index in range(1, 6):
        sink.write(result(index=index))
    sink.notify(event("left", number=1), None)
    inner.gate.set()
    sink.finish(SUMMARY)
    assert inner.taken == [0, "entered 1", 5, "left 1", "finish"]
    assert check_sum(sink).dropped == 4
    sink.close()


def test_an_event_is_dropped_only_for_a_newer_event():
    backlog = Backlog(capacity=2, pixel_bytes=1 << 20)
    events = [Item(result=None, event=event(number=i)) for i in range(3)]
    assert [backlog.add(one) for one in events[:2]] == [0, 0]
    assert backlog.add(Item(result=result())) == 1
    assert backlog.add(events[2]) == 1
    assert [backlog.take(), backlog.take(), backlog.take()] == [*events[1:], None]
    assert [backlog.add(one) for one in events[:2]] == [0, 0]
    assert backlog.add(Item(result=result())) == 1
    assert [backlog.take(), backlog.take(), backlog.take()] == [*events[:2], None]


def test_a_backlog_bounds_the_bytes_of_pictures_and_counts_a_shared_one_once():
    backlog = Backlog(capacity=64, pixel_bytes=2500)
    pictures = [np.zeros((20, 20, 3), np.uint8) for _ in range(5)]  # 1200 bytes each
    first = result(image=pictures[0])
    assert backlog.add(Item(result=first)) == 0
    assert backlog.add(Item(result=first, event=event())) == 0
    assert backlog.held_bytes == 1200
    assert [backlog.add(Item(result=result(image=one))) for one in pictures[1:]] == [0, 2, 1, 1]
    assert backlog.held_bytes == 2400  # the event's and the newest
    while backlog.take() is not None:
        pass
    assert backlog.held_bytes == 0


def test_a_picture_larger_than_the_bound_still_passes():
    backlog = Backlog(capacity=64, pixel_bytes=10)
    assert backlog.add(Item(result=result())) == 0
    assert backlog.add(Item(result=result(index=1))) == 1
    assert backlog.take().result.frame.index == 1


def test_a_backlog_keeps_its_bounds_whatever_comes():
    rng = random.Random(4)
    backlog = Backlog(capacity=7, pixel_bytes=40_000)
    given = dropped = taken = 0
    last = result()
    for i in range(3000):
        if rng.random() < 0.4:
            taken += backlog.take() is not None
            continue
        size = rng.randint(1, 100)
        if rng.random() < 0.7:
            last = result(index=i, image=np.zeros((size, 2 * size, 3), np.uint8))
        given += 1
        dropped += backlog.add(Item(result=last, event=event() if rng.random() < 0.5 else None))
        assert len(backlog) <= 7
        assert backlog.held_bytes <= 40_000 or len(backlog) == 1
    assert given == taken + dropped + backlog.clear()
    assert dropped > 100


def test_pictures_are_shared_read_only_or_not_kept_at_all(inner):
    inner.gate.clear()
    sink = BackgroundSink(inner, stop=Stop())
    one = result()
    sink.write(one)
    with pytest.raises(ValueError, match="read-only"):
        one.image[0, 0] = 1
    inner.gate.set()
    sink.close()

    class NeedsNone(Inner):
        needs_pixels = False

        def write(self, result):
            self.taken.append((result.image.shape, result.image.strides))

    other = NeedsNone()
    sink = BackgroundSink(other, stop=Stop())
    sink.write(result())
    sink.finish(SUMMARY)
    sink.close()
    assert other.taken[0] == ((48, 64, 3), (0, 0, 0))


def test_results_that_nobody_wants_are_not_given():
    class EventsOnly(Inner):
        takes_results = False

    inner = EventsOnly()
    sink = BackgroundSink(inner, stop=Stop())
    sink.write(result())
    sink.notify(event(), result())
    sink.finish(SUMMARY)
    sink.close()
    assert inner.taken == ["entered 1", "finish", "close"]
    assert sink.counts.given == 1


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (StorageError("Cannot write 'x': no space."), "Cannot write 'x': no space."),
        (NetworkError("No answer."), "No answer."),
        (OSError(28, "No space left on device"), "No space left on device."),
        (ZeroDivisionError("a bug"), "ZeroDivisionError: a bug"),
    ],
)
def test_a_failure_is_counted_and_the_next_item_tried(inner, error, sentence):
    sink, stop = BackgroundSink(inner, stop=Stop()), Stop()
    inner.error = error
    sink.write(result())
    until(lambda: sink.counts.failed == 1)
    assert (sink.counts.is_failing, sink.counts.last_error) == (True, sentence)
    inner.error = None
    sink.write(result(index=1))
    sink.finish(SUMMARY)
    sink.close()
    counts = check_sum(sink)
    assert (counts.written, counts.failed, counts.is_failing) == (1, 1, False)
    assert counts.last_error == sentence
    assert not stop.is_requested


def test_a_lossless_sink_waits_for_room_and_loses_nothing(inner):
    sink = BackgroundSink(inner, stop=Stop(), capacity=2, is_lossless=True)
    hang(sink, inner)
    threading.Timer(0.1, inner.gate.set).start()
    for index in range(1, 50):
        sink.write(result(index=index))
    sink.finish(SUMMARY)
    sink.close()
    assert inner.taken == [*range(50), "finish", "close"]


def test_a_lossless_sink_that_hangs_gives_way_to_a_stop(inner):
    stop = Stop()
    sink = BackgroundSink(inner, stop=stop, capacity=2, is_lossless=True, finish_s=0.1)
    hang(sink, inner)
    threading.Timer(0.1, stop.request, ["Ctrl-C"]).start()
    for index in range(1, 5):
        sink.write(result(index=index))
    assert stop.is_requested
    sink.finish(SUMMARY)
    sink.close()
    check_sum(sink)


def test_an_error_of_a_lossless_sink_is_raised_by_the_next_call(inner):
    sink = BackgroundSink(inner, stop=Stop(), is_lossless=True)
    inner.error = StorageError("Cannot write.")
    sink.write(result())
    until(lambda: sink.counts.failed)
    for call in (
        lambda: sink.write(result()),
        lambda: sink.notify(event(), None),
        lambda: sink.finish(SUMMARY),
    ):
        with pytest.raises(StorageError, match="Cannot write"):
            call()
    sink.close()
    assert inner.taken == ["close"]
    check_sum(sink)


def test_an_error_in_the_end_is_raised_and_the_other_sinks_are_finished(inner):
    inner.finish_error = StorageError("The clip is not whole.")
    other = Inner()
    sinks = [BackgroundSink(inner, stop=Stop()), BackgroundSink(other, stop=Stop())]
    with pytest.raises(StorageError, match="not whole"):
        finish_sinks(sinks, SUMMARY)
    for sink in sinks:
        sink.close()
    assert other.taken == ["finish", "close"]


def test_sinks_that_hang_share_one_deadline():
    inners = [Inner() for _ in range(5)]
    sinks = [BackgroundSink(inner, stop=Stop(), finish_s=0.3) for inner in inners]
    for sink, inner in zip(sinks, inners, strict=True):
        hang(sink, inner)
    begin = time.monotonic()
    finish_sinks(sinks, SUMMARY)
    assert time.monotonic() - begin < 1.2
    for inner in inners:
        inner.gate.set()


def test_a_reader_that_goes_away_asks_to_stop_and_is_no_failure(inner):
    stop = Stop()
    sink = BackgroundSink(inner, stop=stop)
    inner.error = ReaderGoneError(32, "Broken pipe")
    sink.write(result())
    until(lambda: stop.is_requested)
    sink.write(result(index=1))
    sink.finish(SUMMARY)
    sink.close()
    assert stop.reason == READER_GONE
    assert not check_sum(sink).is_failing


def test_what_waits_is_written_when_it_is_closed_without_a_finish(inner):
    sink = BackgroundSink(inner, stop=Stop())
    hang(sink, inner)
    sink.write(result(index=1))
    threading.Timer(0.1, inner.gate.set).start()
    sink.close()
    assert inner.taken == [0, 1, "close"]
    sink.write(result(index=2))
    assert check_sum(sink).dropped == 1


def test_an_idle_sink_is_called_and_its_failure_named():
    class Idle(Inner):
        idle_s = 0.01

        def idle(self):
            self.taken.append("idle")
            message = "The disk is gone."
            raise StorageError(message)

    inner = Idle()
    sink = BackgroundSink(inner, stop=Stop())
    until(lambda: inner.taken.count("idle") >= 3)
    sink.close()
    assert check_sum(sink).last_error == "The disk is gone."
    assert sink.counts.failed == 0


PIPE_THAT_NOBODY_READS = """
import sys, time
from edgecls_device.sinks.background import BackgroundSink
from edgecls_device.sinks.json_lines import JsonLinesSink
from edgecls_device.stop import READER_GONE, Stop
from tests.device.sinks.results import SUMMARY, result
sink = BackgroundSink(JsonLinesSink(sys.stdout), stop=Stop(), finish_s=0.2)
longest = 0.0
for index in range(2000):
    begin = time.monotonic()
    sink.write(result(index=index))
    longest = max(longest, time.monotonic() - begin)
sink.finish(SUMMARY)
sink.close()
print(longest < 1, sink.counts, file=sys.stderr)
"""


def test_a_full_pipe_stops_neither_the_loop_nor_the_end_of_the_program():
    reader, writer = os.pipe()
    try:
        done = subprocess.run(
            [sys.executable, "-c", PIPE_THAT_NOBODY_READS],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
            check=False,
        )
    finally:
        os.close(writer)
        os.close(reader)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("True SinkCounts(name='json', given=2000")
    assert "were left" in done.stderr
