"""A throttled, loaded or emulated run is measured again and then marked, through ``bench`` itself."""

from dataclasses import replace

import pytest
from edgecls_bench.bench import bench
from edgecls_bench.conditions import EMULATED
from edgecls_bench.machine import describe_machine
from edgecls_bench.sensors import Sensors

from tests.benchmarks.bench_runs import SHORT
from tests.benchmarks.fake_machines import FakeMachine

pytest.importorskip("onnxruntime")

AGAIN = replace(SHORT, tries_again=2)


class ScriptedSensors(Sensors):
    """Lets something happen to the machine before each look."""

    def __init__(self, machine, happens):
        super().__init__(machine.root)
        self.looks = 0
        self._machine = machine
        self._happens = happens

    def read(self, *args, **options):
        self._happens(self._machine, self.looks)
        self.looks += 1
        return super().read(*args, **options)


def measured(artifacts, tmp_path, happens, settings=AGAIN):
    sensors = ScriptedSensors(FakeMachine(tmp_path / "machine"), happens)
    return bench(artifacts[:1], threads=[1], settings=settings, sensors=sensors)


def load(machine, busy_s):
    machine.pass_time(user_s=busy_s, idle_s=200.0 - busy_s)


def test_a_quiet_run_is_not_void(artifacts, tmp_path):
    result = measured(artifacts, tmp_path, lambda machine, look: load(machine, 1.0))
    assert (result.cases[0].void, result.void) == ("", "")
    assert len(result.method.order) == 2
    before, after = result.cases[0].readings
    assert before.at_s < after.at_s


def test_a_loaded_run_is_measured_again_twice_and_then_void(artifacts, tmp_path):
    result = measured(artifacts, tmp_path, lambda machine, look: load(machine, 100.0))
    case = result.cases[0]
    assert case.void.startswith("other programs")
    assert "kept 1.0 of" in case.void
    assert result.void == case.void
    assert case.classify.p50_ms > 0  # its figures are kept
    assert case.samples.rounds == (len(case.samples.classify_ns),)
    name = f"{case.artifact} onnxruntime x1"
    assert sorted(result.method.order) == sorted([f"{name} #1", f"{name} cold #1"] * 3)


def test_a_load_that_passes_is_measured_again_and_forgotten(artifacts, tmp_path):
    result = measured(
        artifacts, tmp_path, lambda machine, look: load(machine, 100.0 if look < 3 else 1.0)
    )
    assert result.cases[0].void == ""
    assert len(result.method.order) == 3


def test_without_further_tries_a_disturbed_run_is_void_at_once(artifacts, tmp_path):
    result = measured(artifacts, tmp_path, lambda machine, look: load(machine, 100.0), SHORT)
    assert result.cases[0].void
    assert len(result.method.order) == 2


def test_on_a_busy_machine_one_does_not_try_for_ever(artifacts, tmp_path, monkeypatch):
    monkeypatch.setattr("edgecls_bench.measuring.HOPELESS", 2)
    settings = replace(AGAIN, rounds=2)
    result = measured(artifacts, tmp_path, lambda machine, look: load(machine, 100.0), settings)
    assert result.cases[0].void
    assert len(result.method.order) == 4  # the first is tried once more, before it looks hopeless


def test_a_throttled_run_is_void(artifacts, tmp_path):
    result = measured(artifacts, tmp_path, lambda machine, look: machine.throttle(0b100))
    assert result.cases[0].void.startswith("the board was slowed down: ")
    assert result.cases[0].readings[0].throttled == 0b100


def test_times_of_an_emulated_machine_are_void_and_not_tried_again(
    artifacts, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        "edgecls_bench.bench.describe_machine",
        lambda root: replace(describe_machine(root=root), emulator="qemu"),
    )
    result = measured(artifacts, tmp_path, lambda machine, look: None)
    assert result.void == EMULATED
    assert len(result.method.order) == 2


def test_one_disturbed_cold_start_of_three_does_not_reach_their_median(artifacts, tmp_path):
    settings = replace(SHORT, rounds=1, cold_starts=3)  # the third turn is a cold start alone
    looks = 2 * 4
    result = measured(
        artifacts,
        tmp_path,
        lambda machine, look: load(machine, 100.0 if look == looks else 1.0),
        settings,
    )
    assert result.method.order[-1].endswith("cold #3")
    assert result.cases[0].void == ""
