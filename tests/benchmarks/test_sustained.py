"""Minutes of load, in seconds: a real process, and sensors of a machine that is a folder."""

import os
import time

import numpy as np
import pytest
from edgecls_bench.machine import describe_machine
from edgecls_bench.probe import Probe
from edgecls_bench.readings import Reading
from edgecls_bench.sensors import Sensors
from edgecls_bench.sustained import Sustained, SustainedPoint
from edgecls_bench.sustained_load import stretches
from edgecls_bench.sustaining import measure_energy, sustain
from edgecls_device.errors import BenchmarkError

from tests.benchmarks.color_models import write_bad_model
from tests.benchmarks.fake_machines import FakeMachine, described

pytest.importorskip("onnxruntime")

CORES = tuple(sorted(os.sched_getaffinity(0)))
PI = described(cores_in_order=CORES)


@pytest.fixture
def probe(tmp_path, float_model):
    frame = tmp_path / "frame.npy"
    np.save(frame, np.full((48, 64, 3), 90, np.uint8))
    return Probe(artifact=float_model, backend="onnxruntime", threads=1, frame=frame, spec=None)


class HeatingSensors(Sensors):
    """Sensors of a machine that gets hotter, and whose other programs keep some cores busy."""

    def __init__(self, machine, *, busy_s):
        super().__init__(machine.root)
        self._machine = machine
        self._busy_s = busy_s
        self._looks = 0

    def read(self, at_s, **options):
        self._machine.pass_time(user_s=self._busy_s, idle_s=1000.0 - self._busy_s)
        milli = 50_000 + 1000 * self._looks
        self._machine.write("sys/class/thermal/thermal_zone0/temp", milli)
        self._machine.write_core(
            CORES[-1], cpufreq__scaling_cur_freq=2_400_000 - 100_000 * self._looks
        )
        self._machine.throttle(0x80008 if self._looks else 0)
        self._looks += 1
        return super().read(at_s, **options)


class EvenSensor:
    """A sensor of power that always says the same."""

    name = "rapl"

    def __init__(self, *told):
        self.told = list(told)
        self.is_open = False

    def __enter__(self):
        self.is_open = True
        return self

    def __exit__(self, *exception):
        self.is_open = False

    def watts(self):
        return self.told.pop(0) if len(self.told) > 1 else self.told[0]


def test_a_curve_tells_speed_heat_clock_and_power(probe, tmp_path):
    machine = FakeMachine(tmp_path / "machine", cores=4)
    seen = []
    found = sustain(
        probe,
        PI,
        seconds=2.0,
        cores=CORES[-1:],
        sensors=HeatingSensors(machine, busy_s=50.0),
        energy=EvenSensor(6.5),
        advance=seen.append,
    )
    assert found.points == tuple(seen)
    assert (found.artifact, found.backend, found.threads) == (
        "colors.float32.onnx",
        "onnxruntime",
        1,
    )
    assert found.points
    for number, point in enumerate(found.points, start=1):
        assert 0 < point.p50_ms <= point.p99_ms
        assert point.frames > 0
        assert point.watts == 6.5
        assert point.reading.celsius == 50 + number
        assert point.reading.clock_mhz == 2400 - 100 * number
    times = [point.at_s for point in found.points]
    assert times == sorted(times)
    assert found.points[-1].reading.throttled == 0x80008
    assert found.void == ""  # that it gets hot and slow is the result


def test_the_process_is_held_to_its_cores(probe, tmp_path, monkeypatch):
    told = tmp_path / "told"
    (tmp_path / "sitecustomize.py").write_text(f"""
import atexit, os, pathlib
atexit.register(lambda: pathlib.Path({str(told)!r}).write_text(str(sorted(os.sched_getaffinity(0)))))
""")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    sustain(probe, PI, seconds=0.2, cores=CORES[-1:])
    assert told.read_text() == str([CORES[-1]])
    measure_energy(probe, EvenSensor(1.0), seconds=0.2, idle_s=0.01)
    assert told.read_text() == str(list(CORES))


def test_a_curve_beside_other_programs_is_void(probe, tmp_path):
    machine = FakeMachine(tmp_path / "machine", cores=4)
    sensors = HeatingSensors(machine, busy_s=700.0)
    found = sustain(probe, PI, seconds=0.5, sensors=sensors)
    assert found.void == "other programs kept 2.8 of 4 cores busy"
    assert found.points[0].watts is None


def test_a_curve_of_an_emulated_machine_is_void(probe):
    found = sustain(probe, described(emulator="qemu", cores_in_order=CORES), seconds=0.5)
    assert found.void == "an emulated machine's times are not those of a device"


def test_its_own_work_is_not_that_of_other_programs(probe, tmp_path):
    """The fake machine counts what the child and this process used, and nothing else."""
    machine = FakeMachine(tmp_path / "machine", cores=4)

    class OwnSensors(Sensors):
        before = None

        def read(self, at_s, *, own_cpu_s, cores=()):
            before, self.before = self.before, own_cpu_s
            spent = 0.0 if before is None else own_cpu_s - before
            assert before is None or spent > 0
            machine.pass_time(user_s=spent, idle_s=100.0)
            return super().read(at_s, own_cpu_s=own_cpu_s, cores=cores)

    found = sustain(probe, PI, seconds=1.0, sensors=OwnSensors(machine.root))
    assert max(point.reading.busy_cores for point in found.points) < 0.01


def test_a_process_that_crashes_is_an_error_and_the_sensor_is_left(probe, tmp_path):
    sensor = EvenSensor(5.0)
    probe.artifact.unlink()
    with pytest.raises(BenchmarkError):
        sustain(probe, describe_machine(samples_load=False), seconds=1.0, energy=sensor)
    assert not sensor.is_open


def test_a_process_that_hangs_is_ended(probe, tmp_path):
    bad = Probe(
        artifact=write_bad_model(tmp_path / "bad.onnx", "hangs"),
        backend="onnxruntime",
        threads=1,
        frame=probe.frame,
        spec=None,
    )
    with pytest.raises(BenchmarkError, match="no sign of life for 4 s"):
        sustain(bad, describe_machine(samples_load=False), seconds=1.0, silence_s=4.0)


def test_the_energy_of_a_frame_is_power_over_frames(probe):
    sensor = EvenSensor(3.0, 100.0, 8.0)  # idle, until it was ready, and from then on
    found = measure_energy(probe, sensor, seconds=0.5, idle_s=0.01)
    assert (found.sensor, found.idle_watts) == ("rapl", 3.0)
    assert found.watts == pytest.approx(8.0)
    assert found.millijoules_per_frame > 0


def test_a_sensor_that_fails_meanwhile_tells_no_energy(probe):
    sensor = EvenSensor(3.0, 8.0, None)
    assert measure_energy(probe, sensor, seconds=0.5, idle_s=0.01) is None


def test_stretches_are_without_a_pause_and_hold_every_call():
    calls = []

    def call():
        calls.append(time.perf_counter())
        time.sleep(0.01)

    found = list(stretches(call, seconds=0.5, every_s=0.1))
    assert sum(stretch.frames for stretch in found) == len(calls)
    assert found
    assert all(stretch.p50_ms >= 10 for stretch in found)


def test_the_slowdown_compares_the_last_quarter_with_the_first():
    def curve(*times):
        points = (
            SustainedPoint(
                at_s=i, frames=1, p50_ms=time_ms, p99_ms=time_ms, reading=Reading(at_s=i)
            )
            for i, time_ms in enumerate(times)
        )
        return Sustained(artifact="a", backend="b", threads=1, points=tuple(points))

    assert curve(10.0, 10.0, 10.0, 14.0, 15.0, 15.0, 15.0, 15.0).slowdown == 1.5
    assert curve(10.0).slowdown == 1.0
