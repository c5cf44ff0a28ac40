"""``edgecls bench`` on an emulated computer: it runs, its record is whole, and marked as none of a device."""

import pytest
from edgecls_bench.measurement import BenchRun
from edgecls_device.records import from_json

from tests.arm.conftest import TARGETS
from tests.arm.pi import EDGECLS, ROOT

pytestmark = [
    pytest.mark.arm,
    pytest.mark.timeout(3600),
    pytest.mark.parametrize("bare", TARGETS, indirect=True),
]

EMULATED = "an emulated machine's times are not those of a device"


def test_a_bench_of_an_emulated_computer_is_whole_and_void(installed, tmp_path):
    pi = installed.pi.above(tmp_path).with_sensors("--celsius", "61.5", "--throttled", "0x0")
    files = f"{ROOT}/confirmed/artifacts/*.tflite"
    done = pi.run("sh", "-c", f"{EDGECLS} bench {files} --quick --threads 1 --strict --json")
    assert done.code == 20, done.printed
    assert EMULATED in done.errors

    run = from_json(BenchRun, done.output, name="the record")
    assert run.machine.is_emulated
    assert run.machine.model.startswith("Raspberry Pi")
    assert run.void == EMULATED
    for case in run.cases:
        assert (case.error, case.void) == ("", EMULATED)
        assert len(case.samples.classify_ns) == len(case.samples.invoke_ns) == case.runs > 0
        assert case.classify.p50_ms > 0
        assert case.cold_start_ms > 0
        assert case.peak_memory_bytes > 0
        assert {reading.celsius for reading in case.readings} == {61.5}
        # None if the emulated program that asks the firmware took too long
        assert {reading.throttled for reading in case.readings} <= {0, None}
