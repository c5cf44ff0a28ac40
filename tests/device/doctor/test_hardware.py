"""Against a small copy of /proc and /sys as a Raspberry Pi has them."""

import time

import pytest
from edgecls_device.doctor import hardware


@pytest.fixture
def board(tmp_path):
    files = {
        "etc/os-release": 'PRETTY_NAME="Raspbian GNU/Linux 12"\nID=raspbian\n',
        "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0",
        "proc/meminfo": "MemTotal:        1000000 kB\nMemAvailable:     500000 kB\n",
        "sys/class/thermal/thermal_zone0/temp": "48312\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
        "sys/devices/platform/soc/soc:firmware/get_throttled": "0\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def write(board, name, text):
    (board / name).parent.mkdir(parents=True, exist_ok=True)
    (board / name).write_text(text)


def test_a_healthy_board_is_ok(board):
    checks = [
        *hardware.check_system(board),
        *hardware.check_processor(board),
        *hardware.check_memory(board),
        *hardware.check_heat(board),
    ]
    assert [check.state for check in checks] == ["ok"] * 5
    text = " / ".join(check.found for check in checks)
    for part in (
        "Raspbian GNU/Linux 12",
        "Raspberry Pi 4 Model B Rev 1.4",
        "ondemand",
        "512 of 1024 MB",
        "48 °C",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("check", "name", "text", "found"),
    [
        ("check_memory", "proc/meminfo", "MemTotal: 500000 kB\nMemAvailable: 50000 kB\n", "51 of 512"),
        ("check_heat", "sys/class/thermal/thermal_zone1/temp", "81500\n", "82 °C"),
        (
            "check_processor",
            "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
            "powersave\n",
            "lowest",
        ),
    ],
)  # fmt: skip
def test_what_is_not_good_is_a_note_with_a_hint(board, check, name, text, found):
    write(board, name, text)
    first = next(iter(getattr(hardware, check)(board)))
    assert (first.state, found in first.found, bool(first.hint)) == ("note", True, True)


@pytest.mark.parametrize(
    ("flags", "state", "hint"),
    [("50005", "problem", "voltage"), ("50000", "note", "supply"), ("0", "ok", "")],
)
def test_a_board_that_is_slowed_down_says_so(board, flags, state, hint):
    write(board, "sys/devices/platform/soc/soc:firmware/get_throttled", flags)
    throttling = list(hardware.check_heat(board))[-1]
    assert throttling.name == "throttling"
    assert throttling.state == state
    assert hint in throttling.hint


def test_a_clock_that_was_never_set_is_a_problem(board, monkeypatch):
    long_ago = time.gmtime(3600)
    monkeypatch.setattr(hardware.time, "localtime", lambda: long_ago)
    (check,) = hardware.check_clock(board)
    assert check.state == "problem"


def test_a_clock_that_is_not_synchronized_is_a_note(board):
    assert [check.state for check in hardware.check_clock(board)] == ["ok"]
    (board / "run/systemd/timesync").mkdir(parents=True)
    assert [check.state for check in hardware.check_clock(board)] == ["note"]
    (board / "run/systemd/timesync/synchronized").touch()
    assert [check.state for check in hardware.check_clock(board)] == ["ok"]


def test_a_machine_that_tells_nothing_is_no_problem(tmp_path):
    checks = [
        *hardware.check_system(tmp_path),
        *hardware.check_processor(tmp_path),
        *hardware.check_memory(tmp_path),
    ]
    assert [check.name for check in checks] == ["system", "processor"]


def test_a_full_disk_is_a_problem(tmp_path, monkeypatch):
    usage = hardware.shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(hardware.shutil, "disk_usage", lambda path: usage)
    (check,) = hardware.check_disk(tmp_path)
    assert check.state == "problem"
