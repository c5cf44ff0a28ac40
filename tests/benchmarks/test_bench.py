import json
import platform
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from edgecls_bench.bench import bench, count_progress, default_thread_counts
from edgecls_bench.measurement import BenchRun
from edgecls_bench.processors import usable_cores
from edgecls_bench.schedule import plan_steps
from edgecls_bench.settings import BenchSettings
from edgecls_bench.statistics import latency_of
from edgecls_device.artifact import read_artifact
from edgecls_device.errors import BenchmarkError, MissingDependencyError, OptionError
from edgecls_device.records import from_json, to_json
from edgecls_device.spec import ModelSpec, Preprocessing

from tests.benchmarks.bench_runs import SHORT
from tests.benchmarks.color_models import write_bad_model

pytest.importorskip("onnxruntime")

QUICK = {"threads": [1], "settings": SHORT}


def test_bench_measures_every_case_in_its_own_processes(artifacts):
    settings = replace(SHORT, rounds=2, runs=41, cold_starts=2)
    result = bench(artifacts, threads=[1, 2], frame=(48, 64), settings=settings)
    assert [(case.recipe, case.threads) for case in result.cases] == [
        ("float32", 1),
        ("float32", 2),
        ("int8", 1),
        ("int8", 2),
    ]
    for case in result.cases:
        assert case.error == ""
        assert case.runs == 41
        assert case.warmup >= 6
        assert 0 < case.invoke.p50_ms <= case.classify.p50_ms
        assert case.classify.p50_ms <= case.classify.p90_ms <= case.classify.p99_ms
        assert case.cold_start_ms > case.classify.p50_ms
        assert 10e6 < case.peak_memory_bytes < 300e6
        assert 10e6 < case.steady_memory_bytes <= case.peak_memory_bytes
    assert result.frame == (48, 64)
    assert from_json(BenchRun, to_json(result), name="x") == result


def test_every_sample_is_kept_and_its_parts_make_up_the_whole(artifacts):
    settings = replace(SHORT, rounds=3, runs=20)
    case = bench(artifacts[:1], threads=[1], settings=settings).cases[0]
    samples = case.samples
    assert samples.rounds == (7, 7, 6)
    assert case.classify == latency_of(samples.classify_ns, rounds=samples.rounds)
    parts = zip(
        samples.classify_ns,
        samples.preprocess_ns,
        samples.inference_ns,
        samples.postprocess_ns,
        strict=True,
    )
    assert all(whole == before + within + after for whole, before, within, after in parts)
    assert len(samples.invoke_ns) == 20
    assert not case.classify.has_p99


def test_a_cold_start_is_the_sum_of_its_parts(artifacts):
    cold = bench(artifacts[:1], **QUICK).cases[0].cold
    parts = (cold.python_ms, cold.import_ms, cold.load_ms, cold.first_inference_ms)
    assert min(parts) > 0
    assert cold.total_ms == pytest.approx(sum(parts))
    assert cold.totals_ms == (cold.total_ms,)


def test_the_order_is_random_by_its_seed_and_kept(artifacts):
    settings = replace(SHORT, rounds=2, cold_starts=1, seed=5)
    method = bench(artifacts, threads=[1], settings=settings).method
    names = [artifact.path.name for artifact in artifacts]
    expected = plan_steps(2, rounds=2, cold_starts=1, seed=5)
    assert method.seed == 5
    assert method.order == tuple(
        f"{names[step.subject]} onnxruntime x1 {'cold ' * (step.kind == 'cold')}#{step.number}"
        for step in expected
    )


def test_progress_moves_within_a_case_and_ends_where_it_was_said(artifacts):
    told = []
    settings = replace(SHORT, least_seconds=2.5)
    bench(artifacts[:1], threads=[1], settings=settings, advance=told.append)
    assert len(told) > 2
    assert sum(told) == count_progress(artifacts[:1], threads=[1], settings=settings)


def test_throughput_is_that_of_all_cores_together(artifacts):
    settings = replace(SHORT, throughput_seconds=0.3)
    case = bench(artifacts[:1], threads=[1], settings=settings).cases[0]
    throughput = case.throughput
    assert (throughput.workers, throughput.threads) == (len(usable_cores()), 1)
    assert throughput.frames >= throughput.workers
    assert throughput.seconds >= 0.3
    assert throughput.frames_per_second == throughput.frames / throughput.seconds


def test_minutes_of_load_are_those_of_the_fastest_case(artifacts):
    settings = replace(SHORT, sustained_seconds=1.0)
    result = bench(artifacts[:1], threads=[1], settings=settings)
    (load,) = result.sustained
    assert (load.artifact, load.threads) == (artifacts[0].path.name, 1)
    assert load.points


def test_a_process_is_held_to_as_many_cores_as_it_has_threads(artifacts):
    case = bench(artifacts[:1], **QUICK).cases[0]
    assert len(case.pinned_to) == 1
    assert set(case.pinned_to) <= set(usable_cores())


def test_memory_is_that_of_the_child_alone(artifacts):
    ballast = np.ones(400_000_000, np.uint8)  # a large parent, as one that has TensorFlow loaded
    case = bench(artifacts[:1], **QUICK).cases[0]
    assert case.peak_memory_bytes < ballast.nbytes / 2


def test_the_child_that_measures_memory_imports_nothing_more_than_classifying():
    code = (
        "import sys, edgecls_bench.first_label, edgecls_bench.probe, edgecls_bench.memory, json\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = json.loads(done.stdout)
    ours = {name for name in modules if name.startswith("edgecls_bench.")}
    assert ours == {"edgecls_bench.first_label", "edgecls_bench.probe", "edgecls_bench.memory"}
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
    first, second = bench(
        [bad, artifacts[0]], threads=[1], settings=replace(SHORT, silence_s=4)
    ).cases
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


@pytest.mark.parametrize("options", [{"threads": [0]}, {"frame": (0, 640)}])
def test_impossible_options_are_refused(artifacts, options):
    with pytest.raises(OptionError):
        bench(artifacts, **options)


@pytest.mark.parametrize(
    "settings",
    [
        {"rounds": 0},
        {"cold_starts": 0},
        {"runs": -1},
        {"rounds": 3, "runs": 2},
        {"least_seconds": -1.0},
        {"least_seconds": float("nan")},
        {"sustained_seconds": float("inf")},
    ],
)
def test_impossible_settings_are_refused(settings):
    with pytest.raises(OptionError):
        BenchSettings(**settings)


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
