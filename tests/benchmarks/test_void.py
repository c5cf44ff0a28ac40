"""Benchmarks that something disturbs: real processes, on a machine whose sensors are files in a folder."""

from dataclasses import replace

import pytest
from edgecls_bench.bench import bench
from edgecls_bench.measurement import BenchRun
from edgecls_bench.sensors import Sensors
from edgecls_bench.settings import BenchSettings
from edgecls_device.records import from_json, to_json

from tests.benchmarks.fake_machines import FakeMachine

pytest.importorskip("onnxruntime")

SETTINGS = BenchSettings(
    rounds=1, runs=5, cold_starts=1, tries_again=2, measures_energy=False, sustained_seconds=0.0
)
LONG_S = 10_000.0  # beside it, what this computer really does does not matter


class ScriptedSensors(Sensors):
    """Sensors of a machine that does, before each look, what a test says; the last of it again and again."""

    def __init__(self, machine, *acts):
        super().__init__(machine.root)
        self._acts = list(acts)

    def read(self, at_s, **options):
        act = self._acts.pop(0) if len(self._acts) > 1 else self._acts[0]
        act()
        return super().read(at_s, **options)


@pytest.fixture
def machine(tmp_path):
    return FakeMachine(tmp_path / "machine")


@pytest.fixture
def quiet(machine):
    return lambda: machine.pass_time(idle_s=LONG_S)


@pytest.fixture
def loaded(machine):
    """One and a half of two cores are busy."""
    return lambda: machine.pass_time(user_s=0.75 * LONG_S, idle_s=0.25 * LONG_S)


def benched(artifact, sensors, **changes):
    run = bench([artifact], threads=[1], settings=replace(SETTINGS, **changes), sensors=sensors)
    assert from_json(BenchRun, to_json(run), name="x") == run
    case = run.cases[0]
    assert case.error == ""
    assert len(case.samples.classify_ns) == case.runs == 5  # whatever the verdict
    return run


def repetitions(run):
    return len(run.method.order) - SETTINGS.rounds - SETTINGS.cold_starts


def test_a_quiet_machine_voids_nothing(artifacts, machine, quiet):
    run = benched(artifacts[0], ScriptedSensors(machine, quiet))
    assert (run.cases[0].void, run.void, repetitions(run)) == ("", "", 0)


def test_a_loaded_run_is_repeated_and_then_void(artifacts, machine, loaded):
    run = benched(artifacts[0], ScriptedSensors(machine, loaded))
    assert "other programs" in run.cases[0].void
    assert "1.5 of" in run.cases[0].void
    assert run.void == run.cases[0].void
    assert repetitions(run) == 2 * SETTINGS.tries_again
    assert max(reading.busy_cores for reading in run.cases[0].readings) > 1.4


def test_cores_that_a_hypervisor_takes_away_void_a_run(artifacts, machine):
    def stolen():
        machine.pass_time(steal_s=0.75 * LONG_S, idle_s=0.25 * LONG_S)

    assert benched(artifacts[0], ScriptedSensors(machine, stolen), tries_again=0).void


def test_a_throttled_run_is_void(artifacts, machine, quiet):
    def throttled():
        quiet()
        machine.throttle(0x50005)

    run = benched(artifacts[0], ScriptedSensors(machine, throttled), tries_again=0)
    assert "too little voltage" in run.cases[0].void
    assert {reading.throttled for reading in run.cases[0].readings} == {0x50005}


def test_throttling_long_before_voids_nothing(artifacts, machine, quiet):
    machine.throttle(0x50000)
    assert benched(artifacts[0], ScriptedSensors(machine, quiet)).void == ""


def test_a_run_that_got_hot_is_void(artifacts, machine, quiet):
    def hotter():
        quiet()
        count = int(
            machine.read("sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count")
        )
        machine.write_core(0, thermal_throttle__core_throttle_count=count + 1)

    machine.write_core(0, thermal_throttle__core_throttle_count=0)
    run = benched(artifacts[0], ScriptedSensors(machine, hotter), tries_again=0)
    assert "slowed down for heat once" in run.cases[0].void


def test_what_disturbed_one_try_only_is_measured_again_and_good(artifacts, machine, quiet, loaded):
    sensors = ScriptedSensors(
        machine, quiet, quiet, loaded, quiet
    )  # start, before, after, the rest
    run = benched(artifacts[0], sensors)
    assert (run.cases[0].void, repetitions(run)) == ("", 1)


def test_an_emulated_machine_voids_every_case_at_the_first_try(
    artifacts, machine, quiet, monkeypatch
):
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    machine.write("proc/cpuinfo", "processor\t: 0\nvendor_id\t: AuthenticAMD")
    run = benched(artifacts[0], ScriptedSensors(machine, quiet))
    assert run.machine.is_emulated
    assert run.void == "an emulated machine's times are not those of a device"
    assert repetitions(run) == 0


def test_a_disturbed_case_keeps_its_figures_beside_others(artifacts, machine, quiet, loaded):
    run = bench(
        artifacts,
        threads=[1],
        settings=replace(SETTINGS, tries_again=0),
        sensors=ScriptedSensors(machine, quiet, quiet, loaded, quiet),
    )
    assert sorted(bool(case.void) for case in run.cases) == [False, True]
    assert all(case.classify.p50_ms > 0 for case in run.cases)
    assert run.void == ""


def test_the_energy_of_a_loaded_machine_is_told_with_the_reason_to_doubt_it(
    artifacts, machine, loaded
):
    zone = "sys/class/powercap/intel-rapl:0"
    for name, text in (("name", "package-0"), ("energy_uj", 1), ("max_energy_range_uj", 10)):
        machine.write(f"{zone}/{name}", text)
    run = benched(
        artifacts[0], ScriptedSensors(machine, loaded), tries_again=0, measures_energy=True
    )
    case = run.cases[0]
    assert (case.energy.sensor, case.energy.watts) == ("rapl", 0.0)
    assert [note for note in case.notes if note.startswith("energy: other programs")]
