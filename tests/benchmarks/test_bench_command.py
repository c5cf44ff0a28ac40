import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from edgecls_bench.measurement import BenchRun
from edgecls_device.records import from_json, to_json

from tests.benchmarks.color_models import color_spec
from tests.command_line import edgecls

pytest.importorskip("onnxruntime")


QUICK = ("--quick", "--threads", "1", "--runs", "5")


def test_bench_of_a_run_prints_tables_and_writes_a_record(tmp_path, float_model, quiet, capsys):
    (tmp_path / "spec.json").write_text(to_json(color_spec()))
    assert edgecls("bench", tmp_path, "--threads", "1", "--runs", "30") == 0
    record = from_json(BenchRun, (tmp_path / "bench.json").read_bytes(), name="bench.json")
    (case,) = record.cases
    assert (case.artifact, case.runs, case.void) == (float_model.name, 30, "")
    assert len(case.samples.rounds) == record.method.rounds == 3
    assert record.machine.packages["numpy"]
    captured = capsys.readouterr()
    assert "fastest: colors.float32.onnx on onnxruntime, 1 thread" in captured.out
    assert f"next: edgecls report {tmp_path}" in captured.out
    assert f"{case.classify.p50_interval_ms[0]:.2f}.." in captured.out
    assert "Benchmarking, steps: 60/60" in captured.err


def test_each_benchmark_of_a_run_has_a_file_of_its_own(tmp_path, float_model, quiet):
    assert edgecls("bench", tmp_path, *QUICK) == 0
    (first,) = (tmp_path / "bench").iterdir()
    content = first.read_bytes()
    assert edgecls("bench", tmp_path, *QUICK) == 0
    assert len(list((tmp_path / "bench").iterdir())) == 2
    assert first.read_bytes() == content


def test_bench_of_a_file_prints_json(float_model, capsys):
    command = ("bench", float_model, *QUICK, "--frame", "24x32", "--seed", "7", "--json")
    assert edgecls(*command) == 0
    body = json.loads(capsys.readouterr().out)
    assert (body["frame"], body["cases"][0]["runs"]) == ([24, 32], 5)
    assert (body["method"]["seed"], body["method"]["rounds"]) == (7, 1)


def test_throughput_and_load_are_told(tmp_path, float_model, quiet, capsys):
    assert edgecls("bench", float_model, *QUICK, "--throughput", "--sustained", "1") == 0
    out = capsys.readouterr().out
    assert "frames/s" in out
    assert "sustained: colors.float32.onnx on onnxruntime, 1 thread, " in out


def test_what_was_disturbed_is_said_loudly_and_strictly_refused(
    tmp_path, float_model, loaded, capsys
):
    assert edgecls("bench", tmp_path, *QUICK) == 0
    captured = capsys.readouterr()
    assert "VOID: every case: other programs" in captured.err
    assert "colors.float32.onnx (void)" in captured.out
    assert "every case is void" in captured.out
    assert edgecls("bench", tmp_path, *QUICK, "--strict") == 20
    assert len(list((tmp_path / "bench").iterdir())) == 2  # a record is kept all the same


def test_a_pick_measures_what_was_not_measured_before(tmp_path, float_model, quiet, capsys):
    assert edgecls("bench", tmp_path, *QUICK, "--pick") == 0
    assert "picked colors.float32.onnx on onnxruntime, 1 thread" in capsys.readouterr().out
    assert (tmp_path / "run.toml").is_file()
    assert edgecls("bench", tmp_path, "--pick", "--json") == 0
    assert json.loads(capsys.readouterr().out)["artifact"] == float_model.name


def test_ctrl_c_leaves_no_process_and_nothing_half_written(tmp_path, float_model):
    program = [sys.executable, "-m", "edgecls", "bench", tmp_path, "--seconds", "600"]
    with subprocess.Popen(program, stderr=subprocess.PIPE, text=True) as process:
        child = _wait_for_child(process.pid, "edgecls_bench.latency")
        process.send_signal(signal.SIGINT)
        errors = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "stopped by Ctrl-C" in errors
    assert not Path(f"/proc/{child}").exists()
    assert not (tmp_path / "bench.json").exists()
    assert not (tmp_path / "bench").exists()


def _wait_for_child(parent, words):
    for _ in range(3000):
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit() and _is_child(folder, parent, words):
                return folder.name
        time.sleep(0.02)
    pytest.fail("no such child")


def _is_child(folder, parent, words):
    try:
        command = (folder / "cmdline").read_bytes().decode()
        return words in command and int((folder / "stat").read_text().split()[3]) == parent
    except OSError:
        return False  # it has ended


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("--threads", "two"), 2, "whole numbers"),
        (("--threads", "0"), 2, "Expected 1..256 threads"),
        (("--threads", ","), 2, "names with commas"),
        (("--frame", "big"), 2, "HEIGHTxWIDTH"),
        (("--frame", "0x10"), 2, "Expected a frame of 1..8192"),
        (("--backend", "litter"), 2, "did you mean litert?"),
        (("--backend", "litert"), 2, "runs .tflite"),
        (("--rounds", "0"), 2, "x>=1"),
        (("--rounds", "3", "--runs", "2"), 2, "at least 1 run for each of 3 rounds"),
        (("--seconds", "nan"), 2, "Expected 0..86400 seconds"),
        (("--pick",), 2, "Expected a run with --pick"),
        (("--max-ms", "5"), 2, "Expected --pick with --max-ms"),
        (("--python", "python3"), 2, "Expected --host with --python"),
        (("--pick", "--host", "pi@shed.local"), 2, "Expected --pick or --host"),
    ],
)
def test_bad_options_are_refused_with_what_was_expected(float_model, capsys, options, code, told):
    assert edgecls("bench", float_model, *options) == code
    assert told in capsys.readouterr().err


def test_an_empty_folder_is_refused(tmp_path, capsys):
    assert edgecls("bench", tmp_path) == 3
    assert "Expected exported files" in capsys.readouterr().err


def test_a_model_that_no_runtime_takes_is_an_error_without_a_record(tmp_path, float_model, capsys):
    float_model.write_bytes(float_model.read_bytes().replace(b"MatMul", b"MutMal"))
    assert edgecls("bench", tmp_path, "--threads", "1") == 11
    assert "hint: check a file with: edgecls verify" in capsys.readouterr().err
    assert not (tmp_path / "bench.json").exists()
