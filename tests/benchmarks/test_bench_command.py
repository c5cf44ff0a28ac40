import json

import pytest
from edgecls_bench.measurement import BenchRun
from edgecls_device.records import from_json, to_json

from tests.benchmarks.color_models import color_spec
from tests.command_line import edgecls

pytest.importorskip("onnxruntime")


def test_bench_of_a_run_prints_a_table_and_writes_a_record(tmp_path, float_model, capsys):
    (tmp_path / "spec.json").write_text(to_json(color_spec()))
    assert edgecls("bench", tmp_path, "--threads", "1", "--runs", 30) == 0
    record = from_json(BenchRun, (tmp_path / "bench.json").read_bytes(), name="bench.json")
    assert [case.artifact for case in record.cases] == [float_model.name]
    assert record.machine.packages["numpy"]
    out = capsys.readouterr().out
    assert "fastest: colors.float32.onnx on onnxruntime, 1 thread" in out
    assert f"next: edgecls report {tmp_path}" in out


def test_bench_of_a_file_prints_json(float_model, capsys):
    command = ("bench", float_model, "--threads", "1", "--runs", 30, "--frame", "24x32", "--json")
    assert edgecls(*command) == 0
    body = json.loads(capsys.readouterr().out)
    assert (body["frame"], body["cases"][0]["runs"]) == ([24, 32], 30)


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
