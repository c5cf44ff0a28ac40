"""``--pick`` writes ``run.toml``, and ``edgecls run RUN`` runs what stands there."""

import hashlib
import json
import os
import re
from dataclasses import replace

import pytest
from edgecls_bench.budgets import Budget
from edgecls_bench.comparison import Gate
from edgecls_bench.machine import describe_machine
from edgecls_bench.pick import Pick
from edgecls_device.errors import BenchmarkError, BudgetError, DataError, VoidBenchmarkError
from edgecls_device.records import from_json, to_json

from edgecls.bench_records import read_bench, store_bench
from edgecls.cli.bench_picking import pick_and_print
from edgecls.cli.run import command
from edgecls.picks import is_measured, pick_run
from edgecls.run_configuration import OWN_OPTIONS
from edgecls.run_directory import RunDirectory
from tests.benchmarks.accuracies import accuracy_case, comparison_of
from tests.benchmarks.bench_runs import BOARD, bench_of, case_of
from tests.command_line import edgecls

FLOAT, INT8 = "colors.float32.onnx", "colors.int8.onnx"


@pytest.fixture
def run(tmp_path, float_model, int8_model):
    del float_model, int8_model
    return RunDirectory(tmp_path)


def sha256(run, name):
    return hashlib.sha256((run.exports / name).read_bytes()).hexdigest()


def measured(run, *, float_ms=8.0, int8_ms=4.0, **changes):
    """Store a benchmark of both files as they are now."""
    cases = [
        case_of(p50_ms, name, sha256=sha256(run, name), threads=2)
        for name, p50_ms in ((FLOAT, float_ms), (INT8, int8_ms))
    ]
    return store_bench(run, bench_of(*cases, **changes))


def compared(run, *, lost=0):
    cases = (
        accuracy_case(FLOAT, sha256=sha256(run, FLOAT)),
        accuracy_case(INT8, sha256=sha256(run, INT8), lost=lost, disagreeing=lost),
    )
    run.compare.write_text(to_json(comparison_of(*cases)))


def parsed(run, *arguments):
    return command.make_context("run", [str(run.path), *map(str, arguments)]).params


def test_the_choice_is_written_with_its_reasons_and_edgecls_run_takes_it(run):
    path = measured(run)
    compared(run)
    found = pick_run(run, Budget(max_ms=20), BOARD)
    assert (found.artifact, found.record) == (INT8, f"bench/{path.name}")
    assert from_json(Pick, run.pick.read_bytes(), name="pick.json") == found
    text = re.sub(r"\n# *", " ", run.configuration.read_text())
    for told in ("at most 20 ms", path.name, "2026-11-29 06:00 UTC", BOARD.model, *found.reasons):
        assert told in text
    assert "2.00 times as long" in text
    options = parsed(run, "--source", "0")
    assert (options["artifact"], options["backend"]) == (run.exports / INT8, "onnxruntime")
    assert options["threads"] == 2


def test_the_command_line_wins_over_a_configuration_and_that_over_the_pick(run, tmp_path):
    measured(run)
    pick_run(run, Budget(), BOARD)
    own = tmp_path / "own.toml"
    own.write_text('source = "test:shapes"\nthreads = 3\nevery = 5\n')
    for arguments in (("--config", own, "--every", 7), ("--every", 7, "--config", own)):
        options = parsed(run, *arguments)
        assert options["artifact"] == run.exports / INT8
        assert (options["source"], options["threads"], options["every"]) == ("test:shapes", 3, 7)
    assert parsed(run, "--threads", 4)["threads"] == 4


def test_a_run_may_stand_in_a_configuration_too(run, tmp_path):
    measured(run)
    pick_run(run, Budget(), BOARD)
    own = tmp_path / "service" / "own.toml"
    own.parent.mkdir()
    own.write_text(f'artifact = "{os.path.relpath(run.path, own.parent)}"\nsource = "0"\n')
    options = command.make_context("run", ["--config", str(own)]).params
    assert options["artifact"].resolve() == (run.exports / INT8).resolve()
    assert options["threads"] == 2


def test_a_run_classifies_photos_with_what_was_picked(run, photos_dir, capsys):
    measured(run)
    pick_run(run, Budget(), BOARD)
    photo = photos_dir / "green" / "0.png"
    assert edgecls("run", run.path, "--source", photo, "--json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0])["label"] == "green"


def test_a_run_without_a_choice_says_how_to_make_one(run, capsys):
    assert edgecls("run", run.path, "--source", "0") == 3
    assert f"hint: edgecls bench {run.path} --pick" in capsys.readouterr().err


def test_a_folder_that_is_no_run_is_refused_as_before(tmp_path, capsys):
    assert edgecls("run", tmp_path, "--source", "test:shapes") == 5
    assert "got the directory" in capsys.readouterr().err


def test_a_picked_file_that_was_exported_again_is_run_and_said(run, capsys):
    measured(run)
    pick_run(run, Budget(), BOARD)
    parsed(run)
    assert capsys.readouterr().err == ""
    changed = run.exports / INT8
    changed.write_bytes((run.exports / FLOAT).read_bytes())
    assert parsed(run)["artifact"] == changed
    assert f"{INT8} was exported again since it was picked" in capsys.readouterr().err
    run.pick.write_text("{")
    assert parsed(run)["artifact"] == changed
    assert "note: cannot tell whether" in capsys.readouterr().err


def test_a_picked_file_that_is_gone_is_refused(run, capsys):
    measured(run)
    pick_run(run, Budget(), BOARD)
    (run.exports / INT8).unlink()
    assert edgecls("run", run.path, "--source", "0") == 3
    err = capsys.readouterr().err
    assert "run.toml names, got none" in err
    assert "--pick" in err


def test_a_wrong_option_in_run_toml_names_its_line(run, capsys):
    measured(run)
    pick_run(run, Budget(), BOARD)
    run.configuration.write_text(f"every = 0\nartifact = 'exports/{INT8}'\n")
    assert edgecls("run", run.path, "--source", "0") == 2
    assert "run.toml, line 1" in capsys.readouterr().err


def test_own_options_below_the_line_are_kept(run):
    measured(run)
    pick_run(run, Budget(), BOARD)
    own = 'source = "test:shapes"\n\n[mqtt]\nurl = "mqtt://broker.local"\n'
    run.configuration.write_text(run.configuration.read_text() + own)
    measured(run, float_ms=2.0, created="2026-11-29T07:00:00+00:00")
    assert pick_run(run, Budget(), BOARD).artifact == FLOAT
    assert run.configuration.read_text().partition(OWN_OPTIONS)[2] == own
    assert parsed(run)["mqtt"] == "mqtt://broker.local"


@pytest.mark.parametrize(
    ("text", "told"), [('source = "0"\nthreads = 2\n', "source"), ("threads = \n", "line 1")]
)
def test_a_file_that_was_written_by_hand_is_not_overwritten(run, text, told):
    measured(run)
    run.configuration.write_text(text)
    with pytest.raises(DataError, match=told):
        pick_run(run, Budget(), BOARD)
    assert run.configuration.read_text() == text
    assert not run.pick.exists()


def test_control_characters_of_an_error_stay_out_of_the_file(run):
    error = 'the process said:\n\x1b[31mfailed\x07\nbackend = "evil"'
    cases = (
        case_of(4.0, INT8, sha256=sha256(run, INT8)),
        case_of(0.0, FLOAT, sha256=sha256(run, FLOAT), error=error),
    )
    store_bench(run, bench_of(*cases))
    pick_run(run, Budget(), BOARD)
    text = run.configuration.read_text()
    assert not {"\x1b", "\x07"} & set(text)
    assert [line for line in text.splitlines() if line and line[0] != "#"] == [
        f'artifact = "exports/{INT8}"',
        'backend = "onnxruntime"',
        "threads = 1",
    ]


def test_only_undisturbed_benchmarks_of_this_machine_count(run):
    with pytest.raises(BenchmarkError, match="got none"):
        pick_run(run, Budget(), BOARD)
    measured(run, machine=replace(BOARD, cores=2))
    measured(run, host="pi@shed.local")
    with pytest.raises(BenchmarkError, match=r"got none \(2 of others\)"):
        pick_run(run, Budget(), BOARD)
    void = [case_of(4.0, INT8, sha256=sha256(run, INT8), void="the board was hot")]
    store_bench(run, bench_of(*void))
    with pytest.raises(VoidBenchmarkError, match="the board was hot"):
        pick_run(run, Budget(), BOARD)
    assert not is_measured(run, BOARD)


def test_what_was_measured_need_not_be_measured_again_until_it_is_exported_anew(run):
    assert not is_measured(run, BOARD)
    measured(run)
    assert is_measured(run, BOARD)
    (run.exports / INT8).write_bytes((run.exports / FLOAT).read_bytes())
    assert not is_measured(run, BOARD)


def test_a_quick_benchmark_is_no_reason_not_to_measure(run):
    quick = replace(bench_of(), cases=read_bench(measured(run)).cases)
    method = replace(quick.method, rounds=1)
    store_bench(run, replace(quick, method=method, created="2026-11-29T07:00:00+00:00"))
    assert not is_measured(run, BOARD)
    assert pick_run(run, Budget(), BOARD).measured == "2026-11-29T07:00:00+00:00"


def test_options_that_say_how_to_measure_are_honoured_where_it_was_measured_before(run, capsys):
    first = measured(run, machine=describe_machine(samples_load=False))
    quick = ("--quick", "--threads", 1, "--backend", "onnxruntime")
    assert (
        edgecls("bench", run.path, "--pick", *quick) == 0
    )  # from the first if the new one is void
    assert len(list(run.benches.iterdir())) == 2
    assert first.exists()
    assert "picked colors." in capsys.readouterr().out


def test_nothing_is_written_if_nothing_fits(run):
    measured(run)
    compared(run, lost=100)
    with pytest.raises(BudgetError, match=r"float32.onnx .*3\.00 ms too long"):
        pick_run(run, Budget(max_ms=5, accuracy=Gate(max_drop=0.01)), BOARD)
    assert not run.configuration.exists()
    assert not run.pick.exists()


def test_an_older_benchmark_that_is_used_since_the_newest_is_void_is_said(run, capsys):
    here = describe_machine(samples_load=False)
    measured(run, machine=here)
    void = case_of(1.0, FLOAT, sha256=sha256(run, FLOAT), void="the board was hot")
    store_bench(run, bench_of(void, machine=here, created="2026-11-29T07:00:00+00:00"))
    pick_and_print(run, Budget(), as_json=False)
    done = capsys.readouterr()
    assert "measured 2026-11-29 06:00 UTC" in done.out
    assert "the newest is void: the board was hot" in done.err


def test_what_was_measured_before_is_picked_from_on_the_command_line(run, capsys):
    path = measured(run, machine=describe_machine(samples_load=False))
    compared(run)
    limits = ("--max-ms", 20, "--min-agreement", 99, "--max-drop", 1)
    assert edgecls("bench", run.path, "--pick", *limits) == 0
    assert f"picked {INT8} on onnxruntime, 2 threads" in capsys.readouterr().out
    assert list(run.benches.iterdir()) == [path]
    assert edgecls("bench", run.path, "--pick", "--max-ms", 3) == 22
    assert f"the nearest is {INT8} on onnxruntime with 2 threads" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--max-ms", 20), "Expected --pick with --max-ms"),
        (("--pick", "--max-ms", 0), "above 0 ms"),
        (("--pick", "--min-agreement", 101), "--min-agreement in 0..100"),
    ],
)
def test_limits_that_mean_nothing_are_refused_before_anything_is_measured(
    run, capsys, options, told
):
    assert edgecls("bench", run.path, *options) == 2
    assert told in capsys.readouterr().err
    assert edgecls("bench", run.exports / INT8, "--pick") == 2
    assert "got files" in capsys.readouterr().err


def test_it_prints_the_choice_and_a_reason_against_every_other(run, capsys):
    measured(run, machine=describe_machine(samples_load=False))
    (run.benches / "damaged.json").write_text("{")
    pick_and_print(run, Budget(), as_json=False)
    done = capsys.readouterr()
    assert f"not {FLOAT} on onnxruntime, 2 threads: it takes 8.00 ms, 2.00 times" in done.out
    assert f"picked {INT8} on onnxruntime, 2 threads:" in done.out
    assert f"next: edgecls run {run.path}" in done.out
    assert "damaged.json" in done.err
    pick_and_print(run, Budget(), as_json=True)
    assert json.loads(capsys.readouterr().out)["kind"] == "edgecls.pick"
