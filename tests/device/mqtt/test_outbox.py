"""The outbox in memory, its file, and what happens to it on a bad disk."""

import os
import shutil
import sqlite3
import subprocess
import time

import pytest
from edgecls_device.errors import StorageError
from edgecls_device.sinks.outbox import Outbox
from edgecls_device.sinks.outbox_file import OUTBOX_NAME, OutboxFile
from edgecls_device.sinks.outbox_keeper import OutboxKeeper

NOW_S = 100.0


def outbox_of(*payloads, max_events=10, max_bytes=1000):
    outbox = Outbox(max_events=max_events, max_bytes=max_bytes)
    for payload in payloads:
        outbox.put(payload, now_s=NOW_S)
    return outbox


def keeper_of(outbox, directory, *, retry_s=0.0):
    keeper = OutboxKeeper(outbox, directory, max_bytes=1 << 20, retry_s=retry_s)
    keeper.open(NOW_S)
    return keeper


def payloads(outbox):
    return [item.payload for item in outbox.take(100)]


def check_balance(outbox):
    counts = outbox.counts
    assert counts.given == counts.written + counts.dropped + counts.failed + counts.waiting


def left_in(directory):
    file = OutboxFile(directory, max_bytes=1 << 20)
    try:
        return [payload for _, payload in file.load()]
    finally:
        file.close()


def test_events_are_taken_in_order_and_stay_until_they_are_settled():
    outbox = outbox_of(b"a", b"b", b"c")
    first = outbox.take(2)
    assert [item.payload for item in first] == [b"a", b"b"]
    assert outbox.take(2) == []
    outbox.settle(first[0])
    assert [item.payload for item in outbox.take(2)] == [b"c"]
    outbox.put_back(first[1])
    assert [item.payload for item in outbox.take(2)] == [b"b"]
    outbox.settle(first[1], is_refused=True)
    counts = outbox.counts
    assert (counts.given, counts.written, counts.failed, counts.waiting) == (3, 1, 1, 1)


def test_the_oldest_gives_way_but_not_what_is_on_its_way():
    outbox = outbox_of(b"a", b"b", b"c", max_events=3)
    (on_its_way,) = outbox.take(1)
    outbox.put(b"d", now_s=NOW_S)
    outbox.settle(on_its_way)
    assert payloads(outbox) == [b"c", b"d"]
    assert outbox.counts.dropped == 1
    check_balance(outbox)


def test_bytes_are_bounded_too():
    outbox = outbox_of(b"x" * 400, b"y" * 400, b"z" * 400)
    assert payloads(outbox) == [b"y" * 400, b"z" * 400]
    outbox.put(b"w" * 5000, now_s=NOW_S)
    assert payloads(outbox) == [b"w" * 5000]
    check_balance(outbox)


def test_what_was_settled_late_is_not_counted_twice():
    outbox = outbox_of(b"a", max_events=1)
    (item,) = outbox.take(1)
    outbox.put(b"b", now_s=NOW_S)
    outbox.settle(item)
    assert (outbox.counts.written, outbox.counts.dropped) == (0, 1)
    check_balance(outbox)


def test_only_what_waited_long_enough_is_written(tmp_path):
    outbox = outbox_of(b"old")
    outbox.put(b"new", now_s=NOW_S + 5)
    keeper = keeper_of(outbox, tmp_path)
    keeper.keep(NOW_S + 5, noted_before_s=NOW_S + 3)
    keeper.close()
    assert left_in(tmp_path) == [b"old"]


def test_a_restart_continues_in_order(tmp_path):
    keeper = keeper_of(outbox_of(b"a", b"b"), tmp_path)
    keeper.keep(NOW_S, noted_before_s=NOW_S)
    keeper.close()
    outbox = outbox_of(b"c")
    keeper = keeper_of(outbox, tmp_path)
    items = outbox.take(10)
    assert [item.payload for item in items] == [b"a", b"b", b"c"]
    assert [item.is_late for item in items] == [True, True, False]
    outbox.settle(items[0])
    keeper.keep(NOW_S + 1, noted_before_s=NOW_S, is_last=True)
    keeper.close()
    assert left_in(tmp_path) == [b"b", b"c"]
    check_balance(outbox)


def test_what_is_settled_is_taken_away_together(tmp_path):
    outbox = outbox_of(b"a", b"b")
    keeper = keeper_of(outbox, tmp_path)
    keeper.keep(NOW_S, noted_before_s=NOW_S)
    for item in outbox.take(2):
        outbox.settle(item)
        keeper.keep(NOW_S + 0.5, noted_before_s=NOW_S)
        assert len(outbox.forgotten()) > 0  # not each one at once: a card wears with every write
    keeper.keep(NOW_S + 1.5, noted_before_s=NOW_S)
    assert outbox.forgotten() == []
    keeper.close()
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("harm", ["rubbish", "truncated", "middle", "other program"])
def test_a_damaged_file_is_set_aside_and_told(tmp_path, harm):
    keeper = keeper_of(outbox_of(*[b"x" * 90] * 10), tmp_path)
    keeper.keep(NOW_S, noted_before_s=NOW_S)
    keeper.close()
    path = tmp_path / OUTBOX_NAME
    data = bytearray(path.read_bytes())
    if harm == "rubbish":
        path.write_bytes(b"no database" * 500)
    elif harm == "truncated":
        path.write_bytes(data[:5000])
    elif harm == "middle":
        data[4096:6000] = os.urandom(6000 - 4096)
        path.write_bytes(data)
    else:
        path.unlink()
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE theirs (x)")
        database.close()
    outbox = outbox_of(b"new")
    keeper = keeper_of(outbox, tmp_path)
    assert "set aside" in keeper.trouble or "damaged" in keeper.trouble
    assert not keeper.is_failing
    assert (tmp_path / f"{OUTBOX_NAME}.damaged").exists()
    keeper.keep(NOW_S, noted_before_s=NOW_S)
    keeper.close()
    assert left_in(tmp_path) == [b"new"]


def test_a_file_in_use_is_left_alone_and_taken_over_when_it_is_free(tmp_path):
    other = keeper_of(outbox_of(b"theirs"), tmp_path)
    other.keep(NOW_S, noted_before_s=NOW_S)
    outbox = outbox_of(b"ours")
    keeper = keeper_of(outbox, tmp_path)
    assert "another process uses it" in keeper.trouble
    assert keeper.is_failing
    assert [item.payload for item in outbox.take(1)] == [b"ours"]  # already on its way
    other.close()
    keeper.keep(NOW_S, noted_before_s=NOW_S)
    assert not keeper.is_failing
    keeper.close()
    assert left_in(tmp_path) == [b"theirs", b"ours"]
    check_balance(outbox)


def test_a_directory_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    outbox = outbox_of(b"a")
    keeper = keeper_of(outbox, tmp_path / "file" / "outbox")
    assert keeper.is_failing
    assert "memory only" in keeper.trouble
    keeper.keep(NOW_S, noted_before_s=NOW_S, is_last=True)
    assert outbox.drop_unsaved() == 1
    check_balance(outbox)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 kB, which only root can make."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root to mount a small file system")
    directory = tmp_path / "disk"
    directory.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(directory)]
    if subprocess.run(mounting, check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small file system")
    yield directory
    subprocess.run(["umount", "-l", str(directory)], check=True)


def test_a_full_disk_is_told_and_memory_goes_on_until_there_is_room(small_disk):
    outbox = outbox_of(*[os.urandom(800) for _ in range(200)], max_events=500, max_bytes=1 << 20)
    ballast = small_disk / "ballast"
    keeper = keeper_of(outbox, small_disk)
    ballast.write_bytes(bytes(20_000))
    keeper.keep(NOW_S, noted_before_s=NOW_S)
    assert keeper.is_failing
    assert "full" in keeper.trouble
    assert outbox.counts.waiting == 200
    for item in outbox.take(180):
        outbox.settle(item)
    ballast.unlink()
    keeper.keep(NOW_S + 1, noted_before_s=NOW_S)
    assert not keeper.is_failing
    keeper.close()
    assert left_in(small_disk) == payloads(outbox)


def test_the_file_does_not_outgrow_its_bound(tmp_path):
    file = OutboxFile(tmp_path, max_bytes=100_000)
    outbox = outbox_of(*[bytes(1000) for _ in range(1000)], max_events=1000, max_bytes=1 << 20)
    with pytest.raises(StorageError, match="full"):
        file.write(outbox.unsaved(noted_before_s=NOW_S), [])
    assert file.load() == []
    file.close()
    assert file.path.stat().st_size < 600_000


def test_saving_ten_thousand_events_takes_no_quadratic_time(tmp_path):
    outbox = Outbox(max_events=10_000, max_bytes=16 << 20)
    keeper = keeper_of(outbox, tmp_path)
    start = time.monotonic()
    for number in range(12_000):
        outbox.put(b"%d" % number, now_s=NOW_S)
    keeper.keep(NOW_S, noted_before_s=NOW_S)
    while items := outbox.take(10):
        for item in items:
            outbox.settle(item)
    keeper.keep(NOW_S + 2, noted_before_s=NOW_S)
    assert time.monotonic() - start < 20
    keeper.close()
    assert left_in(tmp_path) == []
