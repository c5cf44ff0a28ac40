"""A comparison that nobody made: answers drawn from a seed, judged and paired by the code that ships."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from edgecls_bench.comparison import Comparison, ComparisonCase, Gate
from edgecls_bench.gate import judge
from edgecls_bench.machine import Machine
from edgecls_bench.metrics import wilson_interval
from edgecls_bench.paired import paired_difference

from edgecls.data.split_record import Split

# artifact, format, recipe, backend, bytes, share of wrong answers, p50 ms on one thread
ARTIFACTS = (
    ("float32.tflite", "tflite", "float32", "litert", 18_600_000, 0.0, 10.2),
    ("float16.tflite", "tflite", "float16", "litert", 9_300_000, 0.0, 10.1),
    ("int8.tflite", "tflite", "int8", "litert", 5_300_000, 0.004, 4.7),
    ("float32.onnx", "onnx", "float32", "onnxruntime", 18_600_000, 0.0, 10.3),
    ("int8.onnx", "onnx", "int8", "onnxruntime", 5_100_000, 0.006, 4.9),
    ("dynamic.onnx", "onnx", "dynamic", "onnxruntime", 4_800_000, 0.08, 25.7),
)
MORE_ARTIFACTS = (
    ("int8-litert.tflite", "tflite", "int8-litert", "litert", 5_200_000, 0.003, 4.8),
    ("int8-io.tflite", "tflite", "int8-io", "litert", 5_200_000, 0.02, 4.6),
    ("int8-mixed.tflite", "tflite", "int8-mixed", "litert", 6_900_000, 0.001, 6.1),
    ("int8-qat.tflite", "tflite", "int8-qat", "litert", 5_300_000, 0.002, 4.7),
    ("dynamic.tflite", "tflite", "dynamic", "litert", 5_000_000, 0.002, 14.9),
    ("int16.tflite", "tflite", "int16", "litert", 5_600_000, 0.0005, 61.0),
    ("float16.onnx", "onnx", "float16", "onnxruntime", 9_300_000, 0.0, 11.9),
    ("int8-percentile.onnx", "onnx", "int8-percentile", "onnxruntime", 5_100_000, 0.004, 4.9),
    ("int8-entropy.onnx", "onnx", "int8-entropy", "onnxruntime", 5_100_000, 0.03, 4.9),
    ("int8-mixed.onnx", "onnx", "int8-mixed", "onnxruntime", 6_700_000, 0.001, 6.2),
    ("int8-qat.onnx", "onnx", "int8-qat", "onnxruntime", 5_100_000, 0.002, 5.0),
    ("int16.onnx", "onnx", "int16", "onnxruntime", 5_500_000, 0.0005, 32.0),
    ("float32.tflite", "tflite", "float32", "tflite-runtime", 18_600_000, 0.0, 10.9),
    ("int8.tflite", "tflite", "int8", "tflite-runtime", 5_300_000, 0.004, 5.4),
)
MACHINE = Machine(
    model="Raspberry Pi 5 Model B Rev 1.0",
    architecture="aarch64",
    cores=4,
    memory_bytes=8_243_000_000,
    system="Linux 6.6.31+rpt-rpi-2712",
    python="3.11.2",
    governor="ondemand",
    busy_cores=0.12,
    packages={"ai-edge-litert": "2.3.0", "onnxruntime": "1.32.0", "numpy": "2.4.1"},
)


def synthetic_comparison(
    name: str,
    root: Path,
    split: Split,
    rng: random.Random,
    *,
    error: float,
    artifacts: Sequence[tuple[str, str, str, str, int, float, float]],
    gate: Gate | None = None,
    is_labelled: bool = True,
    is_refitted: bool = False,
    out_of_set_photos: int = 0,
) -> Comparison:
    """Return a comparison of the test photos of ``split``."""
    photos = split.subset("test")
    truth = [photo.class_id for photo in photos]
    count = len(split.labels)
    base = [t if rng.random() > error else rng.randrange(count) for t in truth]
    scores = [0.5 + 0.5 * rng.random() ** 0.3 if rng.random() < 0.9 else 0.4 for _ in truth]
    cases = []
    for artifact in artifacts:
        wrong = artifact[5]
        predicted = [p if rng.random() >= wrong else rng.randrange(count) for p in base]
        cases.append(
            _case(name, artifact, truth if is_labelled else [], base, predicted, scores, count)
        )
    cases = [_refitted(case) for case in cases] if is_refitted else cases
    if out_of_set_photos:
        cases = [replace(case, out_of_set_unknown=0.6 + 0.01 * i) for i, case in enumerate(cases)]
    reference = f"{name}.float32.tflite"
    if gate is not None:
        cases = [c if c.artifact == reference else _judged(c, gate, len(photos)) for c in cases]
    return Comparison(
        created="2026-11-24T10:02:10Z",
        data=str(root.resolve()),
        split="test" if is_labelled else "all",
        labels=split.labels,
        reference=reference,
        photos=tuple(photo.path for photo in photos),
        class_ids=tuple(truth) if is_labelled else (),
        skipped=0,
        out_of_set="photos-of-nothing" if out_of_set_photos else "",
        out_of_set_photos=out_of_set_photos,
        gate=gate,
        machine=MACHINE,
        cases=tuple(cases),
    )


def _case(
    name: str,
    artifact: tuple[str, str, str, str, int, float, float],
    truth: Sequence[int],
    base: Sequence[int],
    predicted: Sequence[int],
    scores: Sequence[float],
    count: int,
) -> ComparisonCase:
    file, kind, recipe, backend, size, wrong, _ = artifact
    right = [t == p for t, p in zip(truth, predicted, strict=bool(truth))]
    before = [t == p for t, p in zip(truth, base, strict=bool(truth))]
    agreeing = sum(a == b for a, b in zip(base, predicted, strict=True))
    is_reference = file == "float32.tflite"
    confusion = np.zeros((count, count), np.int64)
    np.add.at(confusion, (truth, predicted[: len(truth)]), 1)
    hits, photos = confusion.diagonal().tolist(), confusion.sum(axis=1).tolist()
    return ComparisonCase(
        artifact=f"{name}.{file}",
        sha256=recipe * 4,
        format=kind,
        recipe=recipe,
        backend=backend,
        size_bytes=size,
        temperature=1.0,
        unknown_threshold=0.7,
        top1=sum(hits) / len(truth) if truth else None,
        top5=0.991 if count > 5 and truth else None,
        per_class=tuple(h / n if n else None for h, n in zip(hits, photos, strict=True))
        if truth
        else (),
        confusion=tuple(map(tuple, confusion.tolist())) if truth and count <= 100 else (),
        calibration_error=0.02 if truth else None,
        paired=paired_difference(before, right) if truth and not is_reference else None,
        agreement=agreeing / max(1, len(base)),
        agreement_interval=wilson_interval(agreeing, len(base)) if base else None,
        mean_score_error=wrong / 4,
        worst_score_error=min(0.9, wrong * 12 + 1e-7),
        predicted=tuple(predicted),
        confidence=tuple(scores),
        true_score=tuple(s if r else (1 - s) * 0.8 for s, r in zip(scores, right, strict=False)),
        keras_confidence=(),
    )


def _refitted(case: ComparisonCase) -> ComparisonCase:
    """Return it with scores that were too sure before: every doubt was a third as large."""
    before = tuple(1 - (1 - score) / 3 for score in case.confidence)
    return replace(case, temperature=1.4, keras_confidence=before)


def _judged(case: ComparisonCase, gate: Gate, photos: int) -> ComparisonCase:
    agreeing = round((case.agreement or 0.0) * photos)
    return replace(case, judgement=judge(gate, case.paired, agreeing, photos))
