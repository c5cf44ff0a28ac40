"""Comparisons made of numbers, without models: what ``compare`` would have said of 1000 photos."""

from edgecls_bench.comparison import Comparison, ComparisonCase
from edgecls_bench.gate import judge
from edgecls_bench.metrics import wilson_interval
from edgecls_bench.paired import paired_counts

from tests.benchmarks.bench_runs import BOARD

PHOTOS = 1000
REFERENCE = "pets.float32.tflite"


def comparison_of(*cases, gate=None, photos=PHOTOS):
    """Return a comparison of cases that :func:`accuracy_case` made."""
    return Comparison(
        created="2026-11-29T05:00:00+00:00",
        data="photos",
        split="test",
        labels=("cat", "dog"),
        reference=REFERENCE,
        photos=("x",) * photos,
        class_ids=(0,) * photos,
        gate=gate,
        machine=BOARD,
        cases=cases,
    )


def accuracy_case(
    artifact, *, lost=0, disagreeing=0, photos=PHOTOS, right=950, gate=None, **changes
):
    """Return a case that gets so many photos wrong that the reference gets right."""
    is_reference = artifact == REFERENCE
    paired = None if is_reference else paired_counts(lost, 0, photos)
    agreeing = photos - disagreeing
    values = {
        "artifact": artifact,
        "sha256": "a" * 64,
        "format": artifact.rpartition(".")[2],
        "recipe": artifact.split(".")[1],
        "backend": "litert" if artifact.endswith("tflite") else "onnxruntime",
        "size_bytes": 1,
        "temperature": 1.0,
        "unknown_threshold": 0.0,
        "top1": (right - lost) / photos,
        "top5": None,
        "per_class": (1.0, 1.0),
        "confusion": (),
        "calibration_error": 0.0,
        "paired": paired,
        "agreement": agreeing / photos,
        "agreement_interval": None if is_reference else wilson_interval(agreeing, photos),
        "mean_score_error": 0.0,
        "worst_score_error": 0.0,
        "predicted": (),
        "confidence": (),
        "true_score": (),
        "keras_confidence": (),
        "judgement": None
        if gate is None or paired is None
        else judge(gate, paired, agreeing, photos),
    }
    return ComparisonCase(**(values | changes))
