"""What to run, chosen from figures: budgets, ties, reasons, and what comes nearest if nothing fits."""

from dataclasses import replace

import pytest
from edgecls_bench.budgets import Budget
from edgecls_bench.comparison import Gate
from edgecls_bench.pick import Pick
from edgecls_bench.picking import pick
from edgecls_device.errors import (
    BenchmarkError,
    BudgetError,
    OptionError,
    VoidBenchmarkError,
)
from edgecls_device.records import from_json, to_json

from tests.benchmarks.accuracies import accuracy_case, comparison_of
from tests.benchmarks.bench_runs import bench_of, case_of

FLOAT, HALF, INT8, DYNAMIC = (
    f"pets.{recipe}.tflite" for recipe in ("float32", "float16", "int8", "dynamic")
)
SIZES = {FLOAT: 12_000_000, HALF: 6_000_000, INT8: 3_000_000, DYNAMIC: 3_500_000}
COMPARED = comparison_of(
    accuracy_case(FLOAT),
    accuracy_case(HALF),
    accuracy_case(INT8, lost=3, disagreeing=8),
    accuracy_case(DYNAMIC, lost=40, disagreeing=90),
)


def case(artifact, p50_ms, threads=1, **changes):
    return case_of(p50_ms, artifact, threads=threads, size_bytes=SIZES[artifact], **changes)


def picked(*cases, comparison=COMPARED, exported=None, **limits):
    gate = {name: limits.pop(name) for name in ("max_drop", "min_agreement") if name in limits}
    return pick(
        bench_of(*cases),
        comparison,
        Budget(**limits, accuracy=Gate(**gate) if gate else None),
        exported=dict.fromkeys(SIZES, "a" * 64) if exported is None else exported,
        created="2026-11-29T08:00:00+00:00",
        record="bench/x.json",
    )


def reason_of(found, artifact, threads=1):
    return next(
        one.reason for one in found.rejected if (one.artifact, one.threads) == (artifact, threads)
    )


def test_the_fastest_that_keeps_up_with_the_best_is_chosen_and_every_other_has_its_reason():
    found = picked(case(FLOAT, 12.0), case(INT8, 5.0), case(DYNAMIC, 4.0), case(HALF, 11.0))
    assert (found.artifact, found.backend, found.threads) == (INT8, "litert", 1)
    assert [one.artifact for one in found.rejected] == [FLOAT, DYNAMIC, HALF]
    assert reason_of(found, DYNAMIC) == "its accuracy is 4.00 points below the best"
    assert reason_of(found, FLOAT) == "it takes 12.00 ms, 2.40 times as long"
    assert "it is the fastest: 5.00 ms" in found.reasons[0]
    assert found.reasons[1] == (
        "It is right on 94.70 % of 1000 photos, it gives the reference's answer on 99.20 %."
    )


def test_of_equally_fast_ones_the_fewest_threads_win_and_then_the_smallest_file():
    found = picked(case(INT8, 4.8, 4), case(INT8, 5.0, 1), case(FLOAT, 4.9, 1))
    assert (found.artifact, found.threads) == (INT8, 1)
    assert reason_of(found, INT8, 4) == (
        "it takes 4.80 ms, which is no difference, and needs more threads"
    )
    assert reason_of(found, FLOAT) == "it takes 4.90 ms, which is no difference, and is larger"
    faster = picked(case(INT8, 4.7, 4), case(INT8, 5.0, 1))
    assert faster.threads == 4


def test_under_a_budget_for_latency_the_accuracy_is_that_of_the_best_within_it():
    cases = (case(FLOAT, 12.0), case(INT8, 6.0), case(DYNAMIC, 4.0))
    assert picked(*cases, max_ms=20).artifact == INT8
    tight = picked(*cases, max_ms=5)
    assert tight.artifact == DYNAMIC
    assert reason_of(tight, INT8) == "it takes 6.00 ms, 1.00 ms too long"
    assert tight.budget == "at most 5 ms"


@pytest.mark.parametrize(
    ("limits", "artifact"),
    [
        ({"max_drop": 0.0}, HALF),
        ({"max_drop": 0.003}, INT8),
        ({"max_drop": 0.05}, DYNAMIC),
        ({"min_agreement": 0.992}, INT8),
        ({"min_agreement": 1.0}, HALF),
        ({"min_agreement": 0.9, "max_drop": 0.01, "max_ms": 5.5}, INT8),
    ],
)
def test_under_a_budget_for_accuracy_the_fastest_that_keeps_it_is_chosen(limits, artifact):
    cases = (case(FLOAT, 12.0), case(HALF, 11.0), case(INT8, 5.0), case(DYNAMIC, 4.0))
    assert picked(*cases, **limits).artifact == artifact


def test_it_says_whether_the_photos_prove_the_accuracy():
    assert "Not proven at 95 %: it loses" in picked(case(INT8, 5.0), max_drop=0.003).reasons[2]
    assert "Proven at 95 %: it loses" in picked(case(INT8, 5.0), max_drop=0.02).reasons[2]
    assert len(picked(case(FLOAT, 5.0), max_drop=0.003).reasons) == 2  # the reference itself


def test_it_says_that_nothing_is_proven_of_labels_without_photos():
    known = COMPARED
    cases = tuple(replace(one, per_class=(1.0, None)) for one in known.cases)
    found = picked(case(INT8, 5.0), comparison=replace(known, cases=cases), max_drop=0.02)
    assert found.reasons[2].startswith("Not proven at 95 %: it loses")
    assert found.reasons[2].endswith("but there is no photo of 1 label.")


def test_void_failed_changed_and_vanished_cases_are_never_chosen():
    found = picked(
        case(FLOAT, 12.0),
        case(INT8, 5.0, void="2.1 cores were busy with other programs."),
        case(INT8, 0.0, 2, error="the process crashed"),
        case(DYNAMIC, 4.0, sha256="b" * 64),
        case(HALF, 1.0),
        exported=dict.fromkeys((FLOAT, INT8, DYNAMIC), "a" * 64),
    )
    assert found.artifact == FLOAT
    assert [one.reason for one in found.rejected] == [
        "void: 2.1 cores were busy with other programs",
        "it failed: the process crashed",
        "it was exported again after it was measured",
        "the file is not there any more",
    ]


def test_an_accuracy_of_another_file_of_that_name_is_not_believed():
    stale = comparison_of(accuracy_case(FLOAT), accuracy_case(INT8, sha256="b" * 64))
    found = picked(case(FLOAT, 12.0), case(INT8, 5.0), comparison=stale)
    assert found.artifact == FLOAT
    assert reason_of(found, INT8) == "it was exported again after it was compared"


@pytest.mark.parametrize(
    ("comparison", "reason"),
    [
        (None, "it was not measured yet"),
        (comparison_of(accuracy_case(INT8, sha256="b" * 64)), "it was exported again"),
        (comparison_of(accuracy_case(INT8, backend="other")), "it was not compared on litert"),
    ],
)
def test_without_any_accuracy_speed_decides_and_that_is_said(comparison, reason):
    found = picked(case(FLOAT, 12.0), case(INT8, 5.0), comparison=comparison)
    assert found.artifact == INT8
    assert found.reasons[1].startswith("Its accuracy is not known: ")
    assert reason.removeprefix("it was ") in found.reasons[1]
    with pytest.raises(BudgetError) as caught:
        picked(case(INT8, 5.0), comparison=comparison, max_drop=0.01)
    assert "edgecls compare RUN" in caught.value.hint


def test_what_fails_a_gate_is_left_out_and_agreement_counts_without_classes():
    gate = Gate(max_drop=0.02)
    gated = comparison_of(accuracy_case(FLOAT), accuracy_case(DYNAMIC, lost=60, gate=gate))
    assert reason_of(
        picked(case(FLOAT, 12.0), case(DYNAMIC, 4.0), comparison=gated), DYNAMIC
    ).startswith("its gate fails: it loses at least")
    without = comparison_of(
        accuracy_case(FLOAT, top1=None), accuracy_case(DYNAMIC, top1=None, disagreeing=90)
    )
    found = picked(case(FLOAT, 12.0), case(DYNAMIC, 4.0), comparison=without)
    assert found.artifact == FLOAT
    assert reason_of(found, DYNAMIC) == (
        "it gives the reference's answer on 91.00 % of photos, the best on 100.00 %"
    )


def test_nothing_that_fits_is_an_error_that_names_what_comes_nearest():
    cases = (case(FLOAT, 12.0), case(INT8, 5.0, 2), case(DYNAMIC, 4.0))
    with pytest.raises(BudgetError) as caught:
        picked(*cases, max_ms=4.5, max_drop=0.01)
    assert str(caught.value) == (
        "Expected a case with at most 4.5 ms, an accuracy at most 1 point lower, got none of 3; "
        "the nearest is pets.int8.tflite on litert with 2 threads: it takes 5.00 ms, 0.50 ms too long."
    )
    assert caught.value.exit_code == 22
    nearest = "dynamic.tflite on litert with 1 thread: it loses 4.00 points"
    with pytest.raises(BudgetError, match=nearest):
        picked(*cases, max_ms=4.1, max_drop=0.035)


def test_a_benchmark_that_was_disturbed_throughout_chooses_nothing():
    with pytest.raises(VoidBenchmarkError, match="the board was hot"):
        picked(case(FLOAT, 12.0, void="the board was hot"), case(INT8, 0.0, error="crashed"))


def test_a_benchmark_of_files_that_are_gone_chooses_nothing():
    with pytest.raises(BenchmarkError, match="not there any more"):
        picked(case(FLOAT, 12.0), exported={})


def test_a_budget_that_nothing_can_keep_is_refused():
    with pytest.raises(OptionError, match="above 0 ms"):
        Budget(max_ms=0)


def test_a_pick_can_be_written_and_read():
    found = picked(case(FLOAT, 12.0), case(INT8, 5.0), max_ms=20)
    assert from_json(Pick, to_json(found), name="pick.json") == found
