"""``RUN/bench/``: benchmarks are written once, and read as far as they can be."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from edgecls_device.errors import SpecError, StorageError

from edgecls.bench_records import newest_of_machine, read_bench, read_benches, store_bench
from edgecls.run_directory import RunDirectory
from tests.benchmarks.bench_runs import BOARD, bench_of, case_of

EARLY, LATE = "2026-11-29T06:00:00+00:00", "2026-11-29T07:30:00+00:00"


@pytest.fixture
def run(tmp_path):
    return RunDirectory(tmp_path / "pets")


def test_a_benchmark_is_named_for_its_time_and_machine_and_copied(run):
    record = bench_of(case_of(5.0))
    path = store_bench(run, record)
    assert path.name == "20261129T060000Z-raspberry-pi-5-model-b-rev-1-0-aarch64.json"
    assert read_bench(path) == record
    assert run.bench.read_bytes() == path.read_bytes()
    assert [found.name for found in run.benches.iterdir()] == [path.name]


def test_nothing_is_ever_overwritten(run):
    paths = [store_bench(run, bench_of(case_of(ms))) for ms in (5.0, 6.0, 7.0)]
    assert len(set(paths)) == 3
    stored = read_benches(run).stored
    assert [one.record.cases[0].classify.p50_ms for one in stored] == [5.0, 6.0, 7.0]


@pytest.mark.parametrize("has_links", [True, False])
def test_many_at_the_same_time_each_get_a_file(run, monkeypatch, has_links):
    def no_link(source, path):
        if path.exists():
            raise FileExistsError(errno.EEXIST, "File exists")
        raise OSError(errno.EPERM, "Operation not permitted")

    workers = 4 if has_links else 1
    if not has_links:
        monkeypatch.setattr(os, "link", no_link)
    records = [bench_of(case_of(1.0 + i), host="pi@shed") for i in range(8)]
    with ThreadPoolExecutor(workers) as pool:
        paths = list(pool.map(lambda record: store_bench(run, record), records))
    assert len(set(paths)) == len(records)
    assert [read_bench(path) for path in paths] == records


def test_a_benchmark_of_another_machine_is_not_taken_for_this_one(run):
    store_bench(run, bench_of(case_of(5.0), host="pi@shed.local"))
    assert not run.bench.exists()
    assert newest_of_machine(read_benches(run).stored, BOARD.identity) is None


def test_the_newest_that_is_not_void_counts(run):
    store_bench(run, bench_of(case_of(6.0, void="the board was hot"), created=LATE))
    store_bench(run, bench_of(case_of(5.0), created=EARLY))
    other = replace(BOARD, model="Raspberry Pi 4")
    store_bench(run, bench_of(case_of(9.0), created=LATE, machine=other))
    found = newest_of_machine(read_benches(run).stored, BOARD.identity)
    assert found.record.created == EARLY


def test_damaged_and_newer_files_are_named_and_left_out(run):
    whole = store_bench(run, bench_of(case_of(5.0)))
    (run.benches / "cut.json").write_bytes(whole.read_bytes()[:1000])
    newer = whole.read_text().replace('"version": 2', '"version": 9')
    (run.benches / "newer.json").write_text(newer)
    (run.benches / ".being-written.json").write_text("{")
    (run.benches / "folder.json").mkdir()
    records = read_benches(run)
    assert [one.path for one in records.stored] == [whole]
    assert [
        name in text
        for name, text in zip(
            ("cut.json", "folder.json", "newer.json"), records.problems, strict=True
        )
    ] == [True] * 3
    with pytest.raises(SpecError, match=r"version . .*newer\.json, got 9"):
        read_bench(run.benches / "newer.json")


def test_a_run_without_benchmarks_has_none(run):
    assert read_benches(run).stored == ()


def test_what_cannot_be_written_leaves_nothing_behind(run):
    run.path.mkdir()
    run.benches.write_text("in the way")
    with pytest.raises(StorageError):
        store_bench(run, bench_of(case_of(5.0)))
    assert [path.name for path in run.path.iterdir()] == ["bench"]


def test_a_benchmark_without_its_time_is_refused(run):
    with pytest.raises(SpecError, match="ISO 8601"):
        store_bench(run, bench_of(case_of(5.0), created="yesterday"))
