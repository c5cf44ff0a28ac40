"""Faster, slower, the same, or one cannot tell: two benchmarks of one machine, from figures."""

from dataclasses import replace

import pytest
from edgecls_bench.measurement import Samples
from edgecls_bench.run_comparison import RunComparison, compare_runs
from edgecls_device.errors import DataError
from edgecls_device.records import from_json, to_json

from tests.benchmarks.bench_runs import BOARD, bench_of, case_of

FLOAT, INT8 = "pets.float32.tflite", "pets.int8.tflite"


def compared(before, after, **changes):
    return compare_runs(bench_of(before), bench_of(after, **changes)).cases[0]


@pytest.mark.parametrize(
    ("p50_ms", "verdict"),
    [
        (8.0, "faster"),
        (9.5, "faster"),
        (9.9, "same"),
        (10.0, "same"),
        (10.1, "same"),
        (10.6, "slower"),
        (20.0, "slower"),
    ],
)
def test_the_verdict_is_of_b_against_a(p50_ms, verdict):
    case = compared(case_of(10.0), case_of(p50_ms, seed=1))
    assert case.verdict == verdict
    assert case.low < case.ratio < case.high
    assert case.ratio == pytest.approx(p50_ms / 10, rel=0.01)
    assert case.p50_ms == (10.0, p50_ms)


@pytest.mark.parametrize("p50_ms", [9.8, 10.2])
def test_at_the_limit_one_cannot_tell(p50_ms):
    assert compared(case_of(10.0), case_of(p50_ms, seed=1)).verdict == "cannot tell"


def test_in_noise_one_cannot_tell():
    noisy = [case_of(10.0 + 0.3 * i, spread=0.25, seed=i) for i in (0, 1)]
    assert compared(*noisy).verdict == "cannot tell"


def test_rounds_that_differ_from_each_other_take_the_certainty_away():
    """Each round is precise, but the next process is as far off as the difference that is claimed."""
    steady = case_of(10.0)
    shifted = case_of(10.6, seed=1)
    samples = shifted.samples.classify_ns
    wavering = tuple(int(ns * (0.92, 1.0, 1.08)[i // 300]) for i, ns in enumerate(samples))
    shifted = replace(shifted, samples=Samples(classify_ns=wavering, rounds=(300, 300, 300)))
    assert compared(steady, shifted).verdict == "cannot tell"


@pytest.mark.parametrize(
    ("p50_ms", "verdict"), [(10.0, "cannot tell"), (10.6, "cannot tell"), (12.0, "slower")]
)
def test_a_single_process_shows_large_differences_only(p50_ms, verdict):
    case = compared(case_of(10.0), case_of(p50_ms, rounds=1, seed=1))
    assert case.verdict == verdict
    assert ("one process" in case.reason) == (verdict == "cannot tell")


def test_another_file_under_the_same_name_is_compared_and_said():
    before, after = case_of(10.0), case_of(8.0, sha256="b" * 64)
    case = compared(before, after)
    assert (case.verdict, case.is_same_file) == ("faster", False)
    assert case.sha256 == ("a" * 64, "b" * 64)


def test_other_software_is_compared_and_said():
    packages = {"ai-edge-litert": "1.5.0", "numpy": "2.1.0", "onnxruntime": "1.20.0"}
    newer = replace(BOARD, packages=packages, python="3.13.0")
    result = compare_runs(bench_of(case_of(10.0)), bench_of(case_of(8.0), machine=newer))
    assert {(change.name, change.before, change.after) for change in result.software} == {
        ("python", "3.11.2", "3.13.0"),
        ("ai-edge-litert", "1.4.0", "1.5.0"),
        ("onnxruntime", "", "1.20.0"),
    }


def test_missing_void_and_failed_cases_and_those_without_samples_are_left_out_with_their_reason():
    before = bench_of(
        case_of(10.0, FLOAT),
        case_of(5.0, INT8),
        case_of(5.0, INT8, threads=2, void="2.0 cores were busy."),
        case_of(5.0, INT8, threads=3),
        case_of(5.0, INT8, threads=4),
    )
    after = bench_of(
        case_of(10.0, FLOAT),
        case_of(5.0, INT8, threads=2, void="too hot"),
        case_of(5.0, INT8, threads=3, error="it hangs"),
        case_of(5.0, INT8, threads=4, samples=Samples(classify_ns=(1, 2), rounds=(3,))),
        case_of(5.0, INT8, threads=5),
    )
    result = compare_runs(before, after)
    assert [case.artifact for case in result.cases] == [FLOAT]
    assert [(left.threads, left.reason) for left in result.left_out] == [
        (1, "only in A"),
        (2, "void in A: 2.0 cores were busy; void in B: too hot"),
        (3, "failed in B: it hangs"),
        (4, "no samples to compare in B"),
        (5, "only in B"),
    ]


def test_another_machine_or_setting_is_refused_with_all_that_differs():
    other = replace(BOARD, cores=2, governor="powersave")
    with pytest.raises(DataError) as caught:
        compare_runs(bench_of(case_of(10.0)), bench_of(case_of(8.0), machine=other))
    assert "cores 4 and 2; governor performance and powersave" in str(caught.value)
    assert caught.value.exit_code == 3


def test_another_size_of_frame_is_refused():
    with pytest.raises(DataError, match="640x480 and 1920x1080"):
        compare_runs(bench_of(case_of(10.0)), bench_of(case_of(8.0), frame=(1080, 1920)))


def test_benchmarks_without_a_common_case_are_refused():
    with pytest.raises(DataError, match=r"int8\.tflite on litert x1 and pets\.float32"):
        compare_runs(bench_of(case_of(10.0)), bench_of(case_of(8.0, FLOAT)))


def test_the_same_two_benchmarks_give_the_same_answer_and_it_can_be_written():
    runs = bench_of(case_of(10.0)), bench_of(case_of(9.0, seed=1))
    result = compare_runs(*runs)
    assert compare_runs(*runs) == result
    assert from_json(RunComparison, to_json(result), name="x") == result
