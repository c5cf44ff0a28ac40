"""All cores together: workers begin at one moment, and none waits for one that failed."""

from dataclasses import replace

import numpy as np
import pytest
from edgecls_bench import throughput
from edgecls_bench.machine import describe_machine
from edgecls_bench.probe import Probe
from edgecls_bench.throughput import measure_throughput
from edgecls_device.errors import BenchmarkError

pytest.importorskip("onnxruntime")


@pytest.fixture
def probe(float_model, tmp_path):
    np.save(tmp_path / "frame.npy", np.zeros((24, 32, 3), np.uint8))
    return Probe(
        artifact=float_model,
        backend="onnxruntime",
        threads=1,
        frame=tmp_path / "frame.npy",
        spec=None,
    )


@pytest.fixture
def machine():
    return describe_machine(samples_load=False)


@pytest.mark.parametrize("cores", [1, 3])
def test_there_is_a_worker_for_each_core(probe, machine, cores):
    found = measure_throughput(probe, replace(machine, cores=cores), seconds=0.2, silence_s=60)
    assert (found.workers, found.threads) == (cores, 1)
    assert found.frames >= cores
    assert found.seconds >= 0.2


def test_more_threads_than_cores_are_one_worker(probe, machine):
    wide = replace(probe, threads=4)
    found = measure_throughput(wide, replace(machine, cores=2), seconds=0.1, silence_s=60)
    assert (found.workers, found.threads) == (1, 4)


def test_when_workers_fail_the_reason_is_told(probe, machine, float_model):
    float_model.write_bytes(b"no model")
    with pytest.raises(BenchmarkError, match="Expected"):
        measure_throughput(probe, replace(machine, cores=2), seconds=600.0, silence_s=300)


def test_one_worker_that_fails_sends_the_others_home(probe, machine, tmp_path, monkeypatch):
    """The second worker finds the frame gone; the first must not wait for it."""
    real, calls = throughput.run_module, []

    def run_module(module, arguments, **options):
        calls.append(module)
        if len(calls) == 2:
            arguments = [*arguments[:3], str(tmp_path / "missing.npy"), *arguments[4:]]
        return real(module, arguments, **options)

    monkeypatch.setattr(throughput, "run_module", run_module)
    with pytest.raises(BenchmarkError, match=r"missing\.npy"):  # and not: it hangs
        measure_throughput(probe, replace(machine, cores=2), seconds=600.0, silence_s=300)
