"""Sensors of machines that are folders."""

import os
import subprocess
import sys

import pytest
from edgecls_bench.readings import Reading
from edgecls_bench.sensors import Sensors, own_cpu_s

from tests.benchmarks.fake_machines import FakeMachine


@pytest.fixture
def machine(tmp_path):
    return FakeMachine(tmp_path / "machine")


@pytest.fixture
def sensors(machine):
    """Sensors that have looked once."""
    sensors = Sensors(machine.root)
    sensors.read(0.0, own_cpu_s=0.0)
    return sensors


@pytest.fixture(autouse=True)
def firmware(tmp_path, monkeypatch):
    """A function that puts a vcgencmd with this body on the path; without it there is none."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def write(body):
        path = folder / "vcgencmd"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    return write


def test_a_machine_without_sensors_says_nothing(tmp_path):
    sensors = Sensors(tmp_path / "nothing")
    for at_s in (0.0, 1.0):
        assert sensors.read(at_s, cores=[0, 1]) == Reading(at_s=at_s)


def test_the_first_look_tells_no_load(machine):
    machine.pass_time(user_s=100.0)
    assert Sensors(machine.root).read(0.0).busy_cores is None


def test_the_load_is_that_since_the_look_before(machine, sensors):
    machine.pass_time(user_s=3.0, idle_s=1.0)
    assert sensors.read(2.0, own_cpu_s=0.0).busy_cores == pytest.approx(1.5)
    machine.pass_time(system_s=1.0, idle_s=3.0)
    assert sensors.read(4.0, own_cpu_s=0.0).busy_cores == pytest.approx(0.5)


def test_own_time_is_no_load(machine, sensors):
    machine.pass_time(user_s=3.0, idle_s=1.0)
    assert sensors.read(2.0, own_cpu_s=2.0).busy_cores == pytest.approx(0.5)
    machine.pass_time(user_s=1.0, idle_s=1.0)
    assert sensors.read(3.0, own_cpu_s=4.0).busy_cores == 0.0  # counted in ticks, so never exactly


def test_cores_that_a_hypervisor_took_away_are_a_load(machine, sensors):
    machine.pass_time(user_s=2.0, steal_s=1.0, idle_s=1.0)
    assert sensors.read(2.0, own_cpu_s=2.0).busy_cores == pytest.approx(0.5)


def test_too_short_a_time_tells_no_load_and_counts_for_the_next_look(machine, sensors):
    machine.pass_time(user_s=0.05, idle_s=0.05)
    assert sensors.read(0.05, own_cpu_s=0.0).busy_cores is None
    machine.pass_time(user_s=0.45, idle_s=0.45)
    assert sensors.read(0.5, own_cpu_s=0.0).busy_cores == pytest.approx(1.0)


def test_own_time_is_that_of_this_process_and_its_ended_children():
    before = own_cpu_s()
    busy = "import os\nwhile os.times().user < 0.2: pass"
    subprocess.run(
        [sys.executable, "-c", busy], check=True
    )  # a fork would copy other tests' threads
    assert own_cpu_s() - before >= 0.2


def test_the_hottest_zone_counts(machine, sensors):
    for zone, milli in enumerate(("41200", "63500", "-274000", "", "50000")):
        machine.write(f"sys/class/thermal/thermal_zone{zone}/temp", milli)
    assert sensors.read(0.0).celsius == pytest.approx(63.5)


def test_a_zone_that_is_switched_off_says_nothing(machine, sensors):
    machine.write("sys/class/thermal/thermal_zone0/temp", "-274000")
    assert sensors.read(0.0).celsius is None


def test_the_clock_is_that_of_the_cores_at_work(machine, sensors):
    for core, khz in enumerate((600_000, 2_400_000, 2_000_000)):
        machine.write_core(core, cpufreq__scaling_cur_freq=khz)
    assert sensors.read(0.0, cores=[1, 2]).clock_mhz == pytest.approx(2200.0)
    assert sensors.read(0.0).clock_mhz is None


def test_the_lowest_limit_of_a_clock_is_read(machine, sensors):
    for core in os.sched_getaffinity(0):
        machine.write_core(core, cpufreq__scaling_max_freq=2_400_000)
    machine.write_core(min(os.sched_getaffinity(0)), cpufreq__scaling_max_freq=1_500_000)
    assert sensors.read(0.0).clock_cap_mhz == pytest.approx(1500.0)


def test_the_firmwares_flags_are_read_from_its_file(machine, sensors):
    machine.throttle(0x50005)
    assert sensors.read(0.0).throttled == 0x50005


def test_the_firmwares_program_is_asked_where_there_is_no_file(sensors, firmware):
    firmware("[ $1 = get_throttled ] && echo throttled=0x80008")
    assert sensors.read(0.0).throttled == 0x80008


def test_a_firmware_that_cannot_be_asked_says_nothing(sensors, firmware, tmp_path):
    firmware("exit 0")
    (tmp_path / "bin/vcgencmd").write_text("no program")
    assert sensors.read(0.0).throttled is None


def test_the_times_an_x86_processor_was_too_hot_are_counted(machine, sensors):
    for core in (0, 1):
        machine.write_core(core, thermal_throttle__core_throttle_count=3)
        machine.write_core(core, thermal_throttle__package_throttle_count=1)
    assert sensors.read(0.0).throttle_events == 8


def test_how_often_a_quota_held_it_back_is_counted_in_all_groups_above(machine, sensors):
    machine.write("proc/self/cgroup", "0::/system.slice/ours.service")
    assert sensors.read(0.0).quota_stops is None
    told = "usage_usec 5\nnr_periods 9\nnr_throttled {}\nthrottled_usec 7"
    machine.write("sys/fs/cgroup/system.slice/ours.service/cpu.stat", told.format(2))
    machine.write("sys/fs/cgroup/system.slice/cpu.stat", told.format(30))
    machine.write("sys/fs/cgroup/cpu.stat", told.format(400))
    machine.write("sys/fs/cgroup/user.slice/cpu.stat", told.format(5000))
    assert sensors.read(0.0).quota_stops == 432


def test_the_quota_of_a_container_is_that_of_its_root_group(machine, sensors):
    machine.write("proc/self/cgroup", "1:cpu:/old\n0::/")
    machine.write("sys/fs/cgroup/cpu.stat", "nr_throttled 3")
    assert sensors.read(0.0).quota_stops == 3
