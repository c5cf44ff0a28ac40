"""Benchmarks that nobody ran: every figure a record can hold, drawn from a seed."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from edgecls_bench.machine import Machine
from edgecls_bench.measurement import (
    BenchCase,
    BenchRun,
    ColdStart,
    Energy,
    Latency,
    Method,
    Samples,
    Throughput,
)
from edgecls_bench.readings import Reading
from edgecls_bench.sustained import Sustained, SustainedPoint

from tests.reports.synthetic_comparison import ARTIFACTS, MACHINE

LOADED = "other programs kept 1.4 of 4 cores busy"
WORKSTATION = replace(
    MACHINE,
    model="AMD EPYC 7B13 64-Core Processor",
    architecture="x86_64",
    cores=2,
    system="Linux 6.8.0-45-generic",
    python="3.13.1",
    governor="",
)


def synthetic_bench(
    name: str,
    *,
    artifacts: Sequence[tuple[str, str, str, str, int, float, float]] = ARTIFACTS,
    machine: Machine = MACHINE,
    host: str = "",
    created: str = "2026-11-24T10:12:10Z",
    samples: int = 900,
    speed: float = 1.0,
    threads: Sequence[int] = (1, 2, 4),
    void: Sequence[tuple[str, int]] = (),
    is_void: bool = False,
    sustained: bool = False,
    has_sensors: bool = True,
    failing: Sequence[tuple[str, int]] = (),
) -> BenchRun:
    """Return a benchmark with samples, parts, sensors and intervals.

    Args:
        name: Of the run.
        artifacts: As in ``ARTIFACTS``.
        machine: What it was measured on.
        host: What the user called it.
        created: When.
        samples: Of each case; below 662 there is no p99.
        speed: Factor on every time.
        threads: Numbers of threads.
        void: Recipe with format, and threads, of cases to void.
        is_void: Whether to void every case.
        sustained: Whether there is a curve of ten minutes in which the machine gets hot.
        has_sensors: Whether energy and throughput were measured.
        failing: Recipe with format, and threads, of cases that did not finish.
    """
    rng = np.random.default_rng(7)
    cases = []
    for artifact in artifacts:
        for count in threads:
            case = _case(name, artifact, count, rng, samples=samples, speed=speed)
            if has_sensors:
                case = _with_sensors(case, machine)
            if is_void or (artifact[0], count) in void:
                case = replace(case, void=LOADED)
            if (artifact[0], count) in failing:
                case = replace(case, error="the process ended with signal 11", samples=Samples())
            cases.append(case)
    return BenchRun(
        created=created,
        machine=machine,
        frame=(480, 640),
        cases=tuple(cases),
        method=Method(
            rounds=3,
            least_samples=662,
            least_seconds=3.0,
            most_seconds=20.0,
            precision=0.01,
            cold_starts=5,
            seed=20,
        ),
        host=host,
        sustained=(hot_curve(name, artifacts[0], speed),) if sustained and artifacts else (),
    )


def _case(name, artifact, threads, rng, *, samples, speed) -> BenchCase:
    file, kind, recipe, backend, size, _, p50 = artifact
    own = speed * p50 / threads**0.8
    invoke = own * (0.93 + 0.03 * rng.gamma(2.0, 1.0, samples))
    invoke[rng.random(samples) < 0.02] *= 1.5
    if recipe == "float16":  # two humps, as when a process lands on another core
        invoke[samples // 3 : 2 * samples // 3] *= 1.12
    inference = invoke * (1 + 0.002 * rng.standard_normal(samples))
    before = 0.22 * speed * (1 + 0.1 * rng.gamma(1.0, 1.0, samples))
    after = 0.05 * speed * (1 + 0.1 * rng.gamma(1.0, 1.0, samples))
    whole = inference + before + after + 0.01
    if samples:
        whole[-1] *= 6  # one far away
    classify = _latency(whole)
    cold = ColdStart(
        total_ms=205.0 * speed + size / 1e6,
        python_ms=14.0 * speed,
        import_ms=118.0 * speed,
        load_ms=31.0 * speed + size / 1e6,
        first_inference_ms=36.0 * speed,
        totals_ms=(204.0, 205.0, 211.0),
    )
    return BenchCase(
        artifact=f"{name}.{file}",
        sha256=recipe * 4,
        format=kind,
        recipe=recipe,
        backend=backend,
        threads=threads,
        size_bytes=size,
        warmup=30,
        runs=samples,
        classify=classify,
        invoke=_latency(invoke),
        preprocess=_latency(before),
        inference=_latency(inference),
        postprocess=_latency(after),
        cold_start_ms=cold.total_ms,
        cold=cold,
        peak_memory_bytes=60_000_000 + size * 2,
        steady_memory_bytes=58_000_000 + size,
        samples=Samples(
            invoke_ns=_ns(invoke),
            preprocess_ns=_ns(before),
            inference_ns=_ns(inference),
            postprocess_ns=_ns(after),
            classify_ns=_ns(whole),
            rounds=(samples // 3,) * 3,
        ),
        pinned_to=tuple(range(threads)),
        readings=(
            Reading(at_s=0.0, busy_cores=0.04, celsius=48.2, clock_mhz=2400.0, throttled=0),
            Reading(at_s=9.5, busy_cores=0.11, celsius=61.4, clock_mhz=2400.0, throttled=0),
        ),
    )


def _with_sensors(case: BenchCase, machine: Machine) -> BenchCase:
    rate = 1000 / case.classify.p50_ms
    return replace(
        case,
        throughput=Throughput(
            workers=max(1, machine.cores // case.threads),
            threads=case.threads,
            frames=600,
            seconds=600 / (2.2 * rate),
            frames_per_second=2.2 * rate,
        ),
        energy=Energy(sensor="pmic", millijoules_per_frame=6200 / rate, idle_watts=2.71, watts=6.2),
    )


def hot_curve(name, artifact, speed=1.0) -> Sustained:
    """Return ten minutes in which a board reaches 85 °C and its firmware lowers the clock."""
    file, _, _, backend, _, _, p50 = artifact
    rng = np.random.default_rng(1)
    points = []
    for i in range(120):
        celsius = 86 - 38 * 0.975**i
        is_hot = celsius > 82
        clock = 1500.0 if is_hot and i % 3 else 1800.0 if is_hot else 2400.0
        ms = speed * p50 * 2400 / clock * float(1 + 0.01 * rng.standard_normal())
        points.append(
            SustainedPoint(
                at_s=5.0 * i + 2.5,
                frames=round(5000 / ms),
                p50_ms=ms,
                p99_ms=ms * 1.2,
                reading=Reading(
                    at_s=5.0 * i + 5,
                    busy_cores=0.1,
                    celsius=celsius,
                    clock_mhz=clock,
                    throttled=0xE0008 if is_hot else 0,
                ),
                watts=6.4 * clock / 2400,
            )
        )
    return Sustained(artifact=f"{name}.{file}", backend=backend, threads=4, points=tuple(points))


def _latency(times_ms) -> Latency:
    if not len(times_ms):
        return Latency(p50_ms=1.0, p90_ms=1.0, p99_ms=1.0)
    p50, p90, p99 = (float(np.quantile(times_ms, q)) for q in (0.5, 0.9, 0.99))
    return Latency(
        p50_ms=p50,
        p90_ms=p90,
        p99_ms=p99,
        p50_interval_ms=(p50 * 0.994, p50 * 1.007),
        p90_interval_ms=(p90 * 0.985, p90 * 1.02),
        p99_interval_ms=(p99 * 0.95, p99 * 1.12),
        samples=len(times_ms),
    )


def _ns(times_ms) -> tuple[int, ...]:
    return tuple(round(1e6 * ms) for ms in times_ms.tolist())
