import json
import platform
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from edgecls_bench.bench import bench, default_thread_counts
from edgecls_bench.latency import measure
from edgecls_bench.measurement import BenchRun
from edgecls_device.artifact import read_artifact
from edgecls_device.errors import BenchmarkError, MissingDependencyError, OptionError
from edgecls_device.records import from_json, to_json
from edgecls_device.spec import ModelSpec, Preprocessing

from tests.benchmarks.color_models import write_bad_model

pytest.importorskip("onnxruntime")

QUICK = {"threads": [1], "seconds": 0.05, "cold_starts": 1}


def test_bench_measures_every_case_in_its_own_processes(artifacts):
    result = bench(artifacts, threads=[1, 2], runs=40, cold_starts=1, frame=(48, 64))
    assert [(case.recipe, case.threads) for case in result.cases] == [
        ("float32", 1),
        ("float32", 2),
        ("int8", 1),
        ("int8", 2),
    ]
    for case in result.cases:
        assert case.error == ""
        assert case.runs == 40
        assert case.warmup >= 3
        assert 0 < case.invoke.p50_ms <= case.classify.p50_ms
        assert case.classify.p50_ms <= case.classify.p90_ms <= case.classify.p99_ms
        assert case.cold_start_ms > case.classify.p50_ms
        assert 10e6 < case.peak_memory_bytes < 300e6
    assert result.frame == (48, 64)
    assert from_json(BenchRun, to_json(result), name="x") == result


def test_memory_is_that_of_the_child_alone(artifacts):
    ballast = np.ones(400_000_000, np.uint8)  # a large parent, as one that has TensorFlow loaded
    case = bench(artifacts[:1], **QUICK).cases[0]
    assert case.peak_memory_bytes < ballast.nbytes / 2


def test_the_child_that_measures_memory_imports_nothing_more_than_classifying():
    code = "import sys, edgecls_bench.first_label, json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = json.loads(done.stdout)
    ours = {name for name in modules if name.startswith("edgecls_bench.")}
    assert ours == {"edgecls_bench.first_label", "edgecls_bench.probe"}
    assert not {"rich", "click", "edgecls", "tensorflow"} & set(modules)


@pytest.mark.skipif(platform.machine() not in {"x86_64", "AMD64"}, reason="the trap is x86's")
def test_a_model_that_crashes_its_process_leaves_the_others(artifacts, tmp_path):
    bad = read_artifact(write_bad_model(tmp_path / "bad.onnx", "crashes"))
    first, second = bench([bad, artifacts[0]], **QUICK).cases
    assert first.error == "it crashed (SIGFPE)"
    assert (first.classify.p50_ms, first.runs) == (0.0, 0)
    assert second.error == ""


def test_a_model_that_hangs_is_killed_and_leaves_the_others(artifacts, tmp_path):
    bad = read_artifact(write_bad_model(tmp_path / "bad.onnx", "hangs"))
    first, second = bench([bad, artifacts[0]], silence_s=4, **QUICK).cases
    assert first.error == "it hangs: no sign of life for 4 s"
    assert second.error == ""


def test_a_missing_runtime_is_recorded_and_leaves_the_others(artifacts, foreign_model, monkeypatch):
    monkeypatch.setattr(
        "edgecls_bench.cases.installed_backends",
        lambda name: ("onnxruntime",) if name == "onnx" else (),
    )
    monkeypatch.setattr("edgecls_bench.cases.BACKENDS", _backends_without_litert())
    other = replace(read_artifact(foreign_model), spec=_foreign_spec())
    first, second = bench([other, artifacts[0]], **QUICK).cases
    assert first.backend == "tflite-runtime"
    assert "pip install 'edgecls[tflite-runtime]'" in first.error
    assert second.error == ""


def test_when_every_case_fails_it_is_an_error(artifacts, tmp_path):
    path = tmp_path / "refused.onnx"
    path.write_bytes(artifacts[0].data.replace(b"MatMul", b"MutMal"))
    with pytest.raises(BenchmarkError, match=r"got none of 1: Expected a model that onnxruntime"):
        bench([read_artifact(path)], **QUICK)


def test_no_runtime_at_all_is_an_error_before_any_process(artifacts, monkeypatch):
    monkeypatch.setattr("edgecls_bench.cases.installed_backends", lambda name: ())
    with pytest.raises(MissingDependencyError):
        bench(artifacts)


def test_a_foreign_model_is_measured_with_the_spec_it_is_given(foreign_model):
    pytest.importorskip("ai_edge_litert")
    artifact = replace(read_artifact(foreign_model), spec=_foreign_spec())
    case = bench([artifact], backends=["litert"], **QUICK).cases[0]
    assert case.error == ""
    assert case.classify.p50_ms > case.invoke.p50_ms > 0


@pytest.mark.parametrize("options", [{"threads": [0]}, {"runs": 0}, {"frame": (0, 640)}])
def test_impossible_options_are_refused(artifacts, options):
    with pytest.raises(OptionError):
        bench(artifacts, **options)


def test_calls_are_measured_in_turn():
    order = []
    calls = [lambda: order.append("classify"), lambda: order.append("invoke")]
    first, second = measure(calls, runs=3, seconds=0.0, least=1)
    assert order == ["classify", "invoke"] * 3
    assert len(first) == len(second) == 3


def test_few_runs_are_made_even_if_they_take_longer():
    assert len(measure([lambda: None], runs=0, seconds=0.0, least=30)[0]) == 1  # 10 x 0 s is over
    assert len(measure([lambda: None], runs=0, seconds=0.001, least=30)[0]) >= 30


def test_one_thread_is_always_tried():
    assert default_thread_counts()[0] == 1


def _backends_without_litert():
    from edgecls_device.backends.table import BACKENDS

    return {name: entry for name, entry in BACKENDS.items() if name != "litert"}


def _foreign_spec():
    return ModelSpec(
        name="m",
        labels=tuple(f"class {i}" for i in range(1001)),
        preprocessing=Preprocessing(height=128, width=128, resize="stretch"),
    )
