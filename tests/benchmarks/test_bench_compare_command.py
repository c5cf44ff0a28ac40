"""``edgecls bench compare`` as a person calls it."""

import json
from dataclasses import replace

import pytest
from edgecls_device.records import to_json

from edgecls.bench_records import store_bench
from edgecls.run_directory import RunDirectory
from tests.benchmarks.bench_runs import BOARD, bench_of, case_of
from tests.command_line import edgecls


@pytest.fixture
def file(tmp_path):
    def write(name, record):
        path = tmp_path / name
        path.write_text(to_json(record))
        return path

    return write


@pytest.fixture
def before(file):
    return file("a.json", bench_of(case_of(10.0), case_of(20.0, "pets.float32.onnx")))


def test_it_says_which_cases_are_faster_and_what_else_changed(before, file, capsys):
    machine = replace(BOARD, packages={"ai-edge-litert": "1.5.0"})
    cases = (case_of(8.0, sha256="b" * 64), case_of(20.0, "pets.float32.onnx", void="too hot"))
    assert (
        edgecls("bench", "compare", before, file("b.json", bench_of(*cases, machine=machine))) == 0
    )
    out = capsys.readouterr().out
    assert "0.800" in out
    assert "pets.int8.tflite: another file in B than in A" in out
    assert "ai-edge-litert: 1.4.0 in A, 1.5.0 in B" in out
    assert "numpy: 2.1.0 in A, none in B" in out
    assert "left out: pets.float32.onnx on onnxruntime, 1 thread: void in B: too hot" in out
    assert out.endswith("B against A, 1 case: 1 faster.\n")


def test_slower_is_an_exit_code_only_where_that_was_asked(before, file, capsys):
    after = file("b.json", bench_of(case_of(11.0), case_of(20.0, "pets.float32.onnx")))
    assert edgecls("bench", "compare", before, after) == 0
    assert edgecls("bench", "compare", before, after, "--fail-if-slower") == 21
    assert "got pets.int8.tflite on litert, 1 thread (1.10 times)" in capsys.readouterr().err
    assert edgecls("bench", "compare", after, before, "--fail-if-slower") == 0


def test_where_nothing_can_be_compared_nothing_is_known(before, file, capsys):
    after = file("b.json", bench_of(case_of(10.0, void="too hot")))
    assert edgecls("bench", "compare", before, after) == 0
    assert capsys.readouterr().out.endswith("Nothing could be compared.\n")
    assert edgecls("bench", "compare", before, after, "--fail-if-slower") == 20
    assert "void in B: too hot" in capsys.readouterr().err


def test_runs_stand_for_their_newest_benchmark_and_json_is_for_programs(tmp_path, capsys):
    runs = [RunDirectory(tmp_path / name) for name in ("old", "new")]
    for run, p50_ms in zip(runs, (10.0, 8.0), strict=True):
        store_bench(run, bench_of(case_of(p50_ms)))
    assert edgecls("bench", "compare", *(run.path for run in runs), "--json") == 0
    body = json.loads(capsys.readouterr().out)
    assert body["kind"] == "edgecls.bench-comparison"
    assert body["after"] == str(runs[1].bench)
    assert body["cases"][0]["verdict"] == "faster"


def test_another_machine_is_refused(before, file, capsys):
    other = replace(BOARD, model="Raspberry Pi 4 Model B Rev 1.4")
    after = file("b.json", bench_of(case_of(8.0), machine=other))
    assert edgecls("bench", "compare", before, after) == 3
    err = capsys.readouterr().err
    assert "model Raspberry Pi 5 Model B Rev 1.0 and Raspberry Pi 4 Model B Rev 1.4" in err


@pytest.mark.parametrize(
    ("text", "code"), [("{", 4), ('{"kind": "edgecls.comparison"}', 4), (None, 8)]
)
def test_what_is_no_benchmark_is_refused_by_name(before, tmp_path, capsys, text, code):
    path = tmp_path / "other.json"
    if text is not None:
        path.write_text(text)
    assert edgecls("bench", "compare", before, path) == code
    assert "other.json" in capsys.readouterr().err
