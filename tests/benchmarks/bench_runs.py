"""Benchmarks made of numbers, without measuring: what a machine would have said."""

from dataclasses import replace

import numpy as np
from edgecls_bench.machine import Machine
from edgecls_bench.measurement import BenchCase, BenchRun, Latency, Method, Samples
from edgecls_bench.settings import QUICK

SHORT = replace(QUICK, least_samples=5, least_seconds=0.05, most_seconds=0.05)
"""As little as possible: for tests of what is measured, not of how fast it is."""

BOARD = Machine(
    model="Raspberry Pi 5 Model B Rev 1.0",
    architecture="aarch64",
    cores=4,
    memory_bytes=8_000_000_000,
    system="Linux 6.6.31",
    python="3.11.2",
    governor="performance",
    packages={"ai-edge-litert": "1.4.0", "numpy": "2.1.0"},
    clock_mhz=(1500, 2400),
)


def case_of(p50_ms, artifact="pets.int8.tflite", *, rounds=3, spread=0.02, seed=0, **changes):
    """Return a case of 900 samples around a median; rounds differ little from each other."""
    noise = np.random.default_rng(seed).normal(1.0, spread, 900)
    samples = tuple(int(value) for value in 1e6 * p50_ms * noise)
    values = {
        "artifact": artifact,
        "sha256": "a" * 64,
        "format": artifact.rpartition(".")[2],
        "recipe": artifact.split(".")[1],
        "backend": "litert" if artifact.endswith("tflite") else "onnxruntime",
        "threads": 1,
        "size_bytes": 3_000_000,
        "warmup": 30,
        "runs": len(samples),
        "classify": latency(p50_ms),
        "invoke": latency(p50_ms * 0.9),
        "cold_start_ms": 300.0,
        "peak_memory_bytes": 70_000_000,
        "samples": Samples(classify_ns=samples, rounds=(900 // rounds,) * rounds),
    }
    return BenchCase(**(values | changes))


def latency(p50_ms):
    return Latency(p50_ms=p50_ms, p90_ms=p50_ms * 1.1, p99_ms=p50_ms * 1.3, samples=900)


def bench_of(*cases, created="2026-11-29T06:00:00+00:00", machine=BOARD, **changes):
    method = Method(
        rounds=3,
        least_samples=662,
        least_seconds=1.0,
        most_seconds=10.0,
        precision=0.01,
        cold_starts=3,
        seed=0,
    )
    run = BenchRun(
        created=created, machine=machine, frame=(480, 640), cases=tuple(cases), method=method
    )
    return replace(run, **changes)
