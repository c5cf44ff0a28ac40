from dataclasses import replace

import pytest
from edgecls_bench.comparison import ComparisonCase
from edgecls_bench.measurement import BenchCase, Latency

from edgecls.reports.measured import Measured, short_names, worse_and_slower
from edgecls.reports.recommendation import recommend

PHOTOS = 1000


def entry(
    recipe,
    *,
    top1=None,
    ms=None,
    mb=10.0,
    agreement=1.0,
    kind="tflite",
    threads=(1,),
    error="",
    is_compared=False,
):
    name = f"m.{recipe}.{kind}"
    same = {"artifact": name, "sha256": "s", "format": kind, "recipe": recipe}
    same |= {"backend": "litert", "size_bytes": int(mb * 1e6)}
    case = None
    if top1 is not None or is_compared:
        case = ComparisonCase(
            **same,
            temperature=1.0,
            unknown_threshold=0.0,
            top1=top1,
            top5=None,
            per_class=(),
            confusion=(),
            calibration_error=None,
            paired=None,
            agreement_interval=None,
            agreement=agreement,
            mean_score_error=0.0,
            worst_score_error=0.0,
            predicted=(),
            confidence=(),
            true_score=(),
            keras_confidence=(),
        )
    speeds = []
    for count in threads if ms is not None else ():
        latency = Latency(p50_ms=ms, p90_ms=ms, p99_ms=ms)
        speeds.append(
            BenchCase(
                **same,
                threads=count,
                warmup=1,
                runs=1,
                classify=latency,
                invoke=latency,
                cold_start_ms=1.0,
                peak_memory_bytes=1,
                error=error,
            )
        )
    return Measured(
        artifact=name,
        sha256=frozenset({"s"}),
        format=kind,
        recipe=recipe,
        backend="litert",
        size_bytes=int(mb * 1e6),
        accuracy=case,
        speeds=tuple(s for s in speeds if not s.error),
        failures=tuple(s for s in speeds if s.error),
    )


def chosen(*entries, photos=PHOTOS):
    recommendation = recommend(entries, photos=photos)
    assert recommendation is not None
    return recommendation.choice.recipe


def test_the_fastest_that_keeps_the_accuracy_is_taken():
    assert (
        chosen(
            entry("float32", top1=0.990, ms=10, mb=18),
            entry("int8", top1=0.988, ms=5, mb=5),
            entry("tiny", top1=0.900, ms=1, mb=1),
        )
        == "int8"
    )


def test_half_a_point_may_be_lost_and_no_more():
    fast = {"ms": 5, "mb": 5}
    slow = entry("float32", top1=0.990, ms=10)
    assert chosen(slow, entry("int8", top1=0.985, **fast)) == "int8"
    assert chosen(slow, entry("int8", top1=0.984, **fast)) == "float32"


def test_one_photo_may_always_be_lost():
    slow = entry("float32", top1=1.0, ms=10)
    assert chosen(slow, entry("int8", top1=0.95, ms=5, agreement=0.95), photos=20) == "int8"
    assert chosen(slow, entry("int8", top1=0.90, ms=5, agreement=0.90), photos=20) == "float32"


def test_accuracy_does_not_hide_answers_that_changed():
    broken = entry("int8", top1=0.99, ms=5, agreement=0.9)
    recommendation = recommend([entry("float32", top1=0.99, ms=10), broken], photos=PHOTOS)
    assert recommendation.choice.recipe == "float32"
    assert any("another answer than the reference on 10.0" in r for r in recommendation.reasons)


def test_equally_fast_ones_are_told_apart_by_accuracy_then_size():
    assert chosen(entry("a", top1=0.990, ms=5.0), entry("b", top1=0.991, ms=5.2)) == "b"
    assert chosen(entry("a", top1=0.99, ms=5.0, mb=9), entry("b", top1=0.99, ms=5.2, mb=5)) == "b"
    assert chosen(entry("a", top1=0.990, ms=5.0), entry("b", top1=0.991, ms=5.3)) == "a"


def test_without_a_benchmark_the_smallest_that_keeps_the_accuracy_is_taken():
    recommendation = recommend(
        [entry("float32", top1=0.99, mb=18), entry("int8", top1=0.99, mb=5)], photos=PHOTOS
    )
    assert recommendation.choice.recipe == "int8"
    assert recommendation.speed is None
    assert "no latency was measured yet" in recommendation.reasons[0]
    assert "ms" not in recommendation.sentence


def test_without_a_comparison_the_accuracy_is_not_claimed():
    recommendation = recommend([entry("float32", ms=10), entry("int8", ms=5)], photos=0)
    assert recommendation.choice.recipe == "int8"
    assert "right" not in recommendation.sentence
    assert "accuracy" not in recommendation.reasons[0]
    assert "Its accuracy was not measured yet." in recommendation.reasons


def test_one_that_never_finished_is_not_taken():
    assert (
        chosen(
            entry("float32", top1=0.99, ms=10), entry("int8", top1=0.99, ms=1, error="signal 11")
        )
        == "float32"
    )


def test_nothing_measured_gives_no_recommendation():
    assert recommend([], photos=0) is None


def test_the_sentence_says_accuracy_size_latency_and_machine():
    sentence = recommend([entry("int8", top1=0.988, ms=4.7, mb=5.3)], photos=PHOTOS, machine="Pi 5")
    assert sentence.sentence.replace("\N{NO-BREAK SPACE}", " ").replace("\u202f", " ") == (
        "Use m.int8.tflite: 98.80 % right (988 of 1 000 test photos), 5.3 MB, "
        "4.70 ms from frame to label with 1 thread of litert on Pi 5."
    )


@pytest.mark.parametrize(
    ("top1", "ms", "is_dominated"),
    [
        (0.98, 11, True),
        (0.98, 5, False),
        (0.99, 11, False),
        (0.995, 11, False),
        (0.98, 10.2, False),
    ],
)
def test_worse_and_slower_needs_both(top1, ms, is_dominated):
    good, other = entry("good", top1=0.99, ms=10), entry("other", top1=top1, ms=ms)
    assert worse_and_slower([good, other]) == ({other.key: good} if is_dominated else {})


def test_fewer_threads_win_where_more_bring_nothing():
    assert entry("int8", ms=5, threads=(2, 1)).fastest.threads == 1


def test_names_say_the_backend_only_where_a_file_ran_on_several():
    int8, onnx = entry("int8"), entry("int8", kind="onnx")
    again = replace(int8, backend="tflite-runtime")
    assert list(short_names([int8, onnx]).values()) == ["int8 tflite", "int8 onnx"]
    assert list(short_names([int8, again, onnx]).values()) == [
        "int8 tflite on litert",
        "int8 tflite on tflite-runtime",
        "int8 onnx",
    ]
    foreign = replace(int8, recipe="", artifact="mobilenet_v1_0.25_128_quant.tflite")
    assert list(short_names([foreign]).values()) == [
        "mobilenet_v1_0.25\N{HORIZONTAL ELLIPSIS}t.tflite"
    ]
