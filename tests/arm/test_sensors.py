"""What ``doctor`` says of a computer's sensors, in two states."""

import json

import pytest

from tests.arm.conftest import TARGETS
from tests.arm.pi import EDGECLS

pytestmark = [
    pytest.mark.arm,
    pytest.mark.timeout(3600),
    pytest.mark.parametrize("bare", TARGETS, indirect=True),
]

COOL = ("--celsius", "48.7", "--throttled", "0x0", "--governor", "ondemand")
HOT = ("--celsius", "82.1", "--throttled", "0x50005", "--governor", "powersave")


def checks(pi):
    done = pi.run(EDGECLS, "doctor", "--json")
    assert done.code == 0, done.printed
    return {check["name"]: check for check in json.loads(done.output)["checks"]}


def test_doctor_tells_a_cool_board(installed, tmp_path):
    found = checks(installed.pi.above(tmp_path).with_sensors(*COOL))
    assert found["temperature"]["facts"]["celsius"] == pytest.approx(48.7)
    assert found["temperature"]["state"] == "ok"
    assert found["throttling"]["facts"]["flags"] == "0x0"
    assert found["throttling"]["state"] == "ok"
    assert found["processor"]["facts"]["governor"] == "ondemand"


def test_doctor_tells_a_hot_board_with_a_weak_supply(installed, tmp_path):
    found = checks(installed.pi.above(tmp_path).with_sensors(*HOT))
    assert found["temperature"]["facts"]["celsius"] == pytest.approx(82.1)
    assert found["temperature"]["state"] == "note"
    assert found["throttling"]["facts"]["flags"] == "0x50005"
    assert found["throttling"]["state"] == "problem"
    assert "voltage" in found["throttling"]["hint"]
    assert found["processor"]["state"] == "note"
    assert "powersave" in found["processor"]["found"]


def test_doctor_tells_the_architecture_that_the_kernel_hides(installed, tmp_path):
    found = checks(installed.pi.above(tmp_path))
    assert found["system"]["facts"]["machine"] == "aarch64"  # in 32 bits too: of the kernel
    wanted = 32 if installed.pi.system.architecture == "armhf" else 64
    assert found["python"]["facts"]["bits"] == wanted
