"""The energy counters of x86 processors, and the power chip of a Raspberry Pi 5: folders and fake programs."""

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from edgecls_bench.energy import idle_watts, open_energy_sensor, why_no_energy
from edgecls_bench.pmic import PmicSensor, total_watts
from edgecls_bench.rapl import RaplSensor, find_zones

from tests.command_line import edgecls

RANGE_UJ = 262_143_328_850
ANSWER = """\
 3V7_WL_SW_A current(0)=0.10000000A
  VDD_CORE_A current(7)=1.50000000A
      HDMI_A current(22)=0.02000000A
 3V7_WL_SW_V volt(8)=3.70000000V
  VDD_CORE_V volt(15)=0.80000000V
      HDMI_V volt(23)=5.00000000V
     EXT5V_V volt(24)=5.08530000V
      BATT_V volt(25)=0.00000000V
"""
WATTS = 0.1 * 3.7 + 1.5 * 0.8 + 0.02 * 5.0


def write_zone(root, name, kind, microjoules):
    zone = root / "sys/class/powercap" / name
    zone.mkdir(parents=True, exist_ok=True)
    (zone / "name").write_text(f"{kind}\n")
    (zone / "energy_uj").write_text(f"{microjoules}\n")
    (zone / "max_energy_range_uj").write_text(f"{RANGE_UJ}\n")


def write_package(root, microjoules, number=0):
    write_zone(root, f"intel-rapl:{number}", f"package-{number}", microjoules)


@pytest.fixture
def clock():
    """A clock that a test moves on: ``clock.now``."""

    class Clock:
        now = 100.0

        def __call__(self):
            return self.now

    return Clock()


@pytest.fixture
def chip(tmp_path, monkeypatch):
    """A function that puts a vcgencmd with this body on the path, and no other."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def write(body):
        path = folder / "vcgencmd"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return str(path)

    return write


def test_power_is_energy_over_time(tmp_path, clock):
    write_package(tmp_path, 5_000_000)
    with RaplSensor(find_zones(tmp_path), clock=clock) as sensor:
        write_package(tmp_path, 25_000_000)
        clock.now += 4.0
        assert sensor.watts() == pytest.approx(5.0)
        write_package(tmp_path, 31_000_000)
        clock.now += 2.0
        assert sensor.watts() == pytest.approx(3.0)


def test_a_counter_that_begins_anew_is_followed(tmp_path, clock):
    write_package(tmp_path, RANGE_UJ - 1_000_000)
    with RaplSensor(find_zones(tmp_path), clock=clock) as sensor:
        write_package(tmp_path, 3_000_000)
        clock.now += 2.0
        assert sensor.watts() == pytest.approx(2.0)


def test_packages_are_added_and_their_parts_are_not(tmp_path, clock):
    for number in (0, 1):
        write_package(tmp_path, 0, number)
    write_zone(tmp_path, "intel-rapl:0:0", "core", 0)
    write_zone(tmp_path, "intel-rapl:2", "psys", 0)
    with RaplSensor(find_zones(tmp_path), clock=clock) as sensor:
        write_package(tmp_path, 1_000_000, 0)
        write_package(tmp_path, 2_000_000, 1)
        write_zone(tmp_path, "intel-rapl:0:0", "core", 9_000_000)
        write_zone(tmp_path, "intel-rapl:2", "psys", 9_000_000)
        clock.now += 1.0
        assert sensor.watts() == pytest.approx(3.0)


def test_a_counter_that_fails_or_has_had_no_time_tells_nothing(tmp_path, clock):
    write_package(tmp_path, 1)
    with RaplSensor(find_zones(tmp_path), clock=clock) as sensor:
        assert sensor.watts() is None
        (tmp_path / "sys/class/powercap/intel-rapl:0/energy_uj").write_text("")
        clock.now += 1.0
        assert sensor.watts() is None


def test_a_processor_with_counters_is_chosen(tmp_path, chip):
    write_package(tmp_path, 1)
    assert open_energy_sensor(tmp_path).name == "rapl"
    assert why_no_energy(tmp_path) == ""


def test_a_machine_without_a_sensor_has_nothing_to_say(tmp_path, chip):
    assert open_energy_sensor(tmp_path) is None
    assert why_no_energy(tmp_path) == ""


def test_counters_that_are_for_root_only_are_told_with_the_remedy(chip):
    with _a_root_that_others_see() as root:
        write_package(root, 1)
        (root / "sys/class/powercap/intel-rapl:0/energy_uj").chmod(0o000)
        with _as_nobody():
            assert open_energy_sensor(root) is None
            told = why_no_energy(root)
    assert told == (
        "only root may read the processor's energy: "
        f"sudo chmod a+r {root}/sys/class/powercap/intel-rapl:*/energy_uj"
    )


def test_bench_says_how_its_user_could_have_the_energy(float_model, monkeypatch, capsys):
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr("edgecls.cli.bench.why_no_energy", lambda: "only root may read it: do this")
    options = ("--threads", "1", "--runs", "3", "--rounds", "1")
    assert edgecls("bench", float_model, *options) == 0
    assert "energy is left out: only root may read it: do this" in capsys.readouterr().err


def test_counters_that_cannot_be_read_for_another_reason_are_told(tmp_path, chip):
    (tmp_path / "sys/class/powercap/intel-rapl:0/energy_uj").mkdir(parents=True)
    (tmp_path / "sys/class/powercap/intel-rapl:0/name").write_text("package-0\n")
    assert open_energy_sensor(tmp_path) is None
    assert "cannot be read: [Errno" in why_no_energy(tmp_path)


def test_the_rails_of_the_chip_are_added():
    assert total_watts(ANSWER) == pytest.approx(WATTS)


@pytest.mark.parametrize(
    "answer", ["", 'error=1 error_msg="Command not registered"\n', "EXT5V_V volt(24)=5.0V\n"]
)
def test_an_answer_without_a_rail_tells_no_power(answer):
    assert total_watts(answer) is None


def test_the_chip_of_a_raspberry_pi_5_is_chosen_and_asked(tmp_path, chip):
    chip(f"[ $1 = pmic_read_adc ] && cat <<'END'\n{ANSWER}END")
    sensor = open_energy_sensor(tmp_path)
    assert sensor.name == "pmic"
    assert idle_watts(sensor, seconds=0.1) == pytest.approx(WATTS)


def test_the_mean_of_what_the_chip_said_is_told(tmp_path, chip):
    asked = tmp_path / "asked"
    asked.touch()
    program = chip(f"""
read times < {asked}
echo "$((times + 1))" > {asked}
case $times in '') amperes=1 ;; 1) amperes=2 ;; 2) amperes=6 ;; *) exit 1 ;; esac
echo "VDD_A current(1)=$amperes.0A"
echo "VDD_V volt(2)=2.0V"
""")
    with PmicSensor(program, every_s=0.01) as sensor:
        while int(asked.read_text() or 0) < 4:
            pass
    assert sensor.watts() == pytest.approx(2.0 * (1 + 2 + 6) / 3)
    assert sensor.watts() is None


def test_an_older_board_has_no_such_chip(tmp_path, chip):
    chip("echo 'error=1 error_msg=\"Command not registered\"'")
    assert open_energy_sensor(tmp_path) is None


def test_a_chip_that_fails_meanwhile_tells_nothing(chip):
    with PmicSensor(chip("exit 1"), every_s=0.01) as sensor:
        pass
    assert sensor.watts() is None


@contextmanager
def _a_root_that_others_see():
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextmanager
def _as_nobody():
    """Root may read everything, so it is put down for a while."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
