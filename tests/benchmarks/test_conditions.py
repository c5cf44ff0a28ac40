"""What disturbs a measurement, and what does not."""

import pytest
from edgecls_bench.conditions import (
    BESIDE_CORES,
    CROWDED_CORES,
    disturbance,
    load_limit,
    sustained_disturbance,
)
from edgecls_bench.readings import Reading

from tests.benchmarks.fake_machines import described

PI = described()


def found(before=None, after=None, machine=PI, threads=1):
    quiet = {"busy_cores": 0.03, "celsius": 50.0, "throttled": 0}
    return disturbance(
        Reading(at_s=0.0, **{**quiet, **(before or {})}),
        Reading(at_s=2.0, **{**quiet, **(after or {})}),
        machine,
        threads=threads,
    )


def test_a_quiet_machine_disturbs_nothing():
    assert found() == ""


def test_what_no_sensor_tells_is_no_reason():
    nothing = Reading(at_s=0.0)
    assert disturbance(nothing, nothing, PI, threads=4) == ""


def test_other_programs_disturb():
    assert found(after={"busy_cores": 1.3}) == "other programs kept 1.3 of 4 cores busy"


def test_the_load_before_the_measurement_is_no_reason():
    assert found(before={"busy_cores": 4.0}) == ""


def test_less_load_is_borne_where_every_core_is_needed():
    assert load_limit(PI, 1) == BESIDE_CORES > load_limit(PI, 4) == CROWDED_CORES
    load = {"busy_cores": (BESIDE_CORES + CROWDED_CORES) / 2}
    assert found(after=load, threads=1) == ""
    assert "other programs" in found(after=load, threads=4)


def test_other_guests_are_named_on_a_virtual_machine():
    machine = described(is_virtual=True)
    assert "other programs or guests" in found(after={"busy_cores": 1.0}, machine=machine)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (0, 0x50005, "too little voltage"),
        (0, 0x80008, "soft temperature limit"),
        (0x4, 0x40000, "throttled"),
        (0, 0x20000, "frequency is capped"),
        (0x10000, 0x30000, "frequency is capped"),
        (0x10000, 0x10000, ""),
        (0x50000, 0x50000, ""),
        (None, 0x50000, ""),
        (None, 0x50005, "too little voltage"),
        (0, None, ""),
    ],
)
def test_throttling_disturbs_now_or_in_between_but_not_long_ago(before, after, words):
    reason = found({"throttled": before}, {"throttled": after})
    assert words in reason
    assert bool(reason) == bool(words)


def test_a_reason_is_one_sentence_to_go_on_with():
    assert found(after={"throttled": 0x80008}) == (
        "the board was slowed down: the board is at its soft temperature limit and runs slower: cool it"
    )


def test_heat_that_an_x86_processor_counts_disturbs():
    events = ({"throttle_events": 7}, {"throttle_events": 9})
    assert found(*events) == "the processor was slowed down for heat 2 times"
    assert found(*reversed(events)) == found({"throttle_events": 7}, {}) == ""


def test_a_containers_quota_that_is_used_up_disturbs():
    stops = ({"quota_stops": 7}, {"quota_stops": 12})
    expected = "the container's share of the processor was used up 5 times"
    assert found(*stops) == expected
    assert found({"quota_stops": 7}, {"quota_stops": 7}) == ""
    readings = [Reading(at_s=0.0, **stop) for stop in stops]
    assert sustained_disturbance(readings, PI, threads=1) == expected


@pytest.mark.parametrize("sensor", ["clock_mhz", "clock_cap_mhz"])
def test_a_clock_that_falls_by_more_than_a_tenth_disturbs(sensor):
    assert "from 2400 to 1500 MHz" in found({sensor: 2400.0}, {sensor: 1500.0})
    assert found({sensor: 2400.0}, {sensor: 2161.0}) == ""
    assert found({sensor: 1500.0}, {sensor: 2400.0}) == ""
    assert found({sensor: 2400.0}, {}) == found({}, {sensor: 1500.0}) == ""


def test_an_emulated_machine_always_disturbs():
    machine = described(emulator="qemu")
    expected = "an emulated machine's times are not those of a device"
    assert found(machine=machine) == expected
    assert sustained_disturbance([], machine, threads=1) == expected


def test_heat_is_what_minutes_of_load_are_to_show():
    readings = [Reading(at_s=0.0, throttled=0x80008, busy_cores=0.1, clock_mhz=600.0)] * 3
    assert sustained_disturbance(readings, PI, threads=1) == ""


def test_other_programs_disturb_minutes_of_load_on_average():
    def loads(*cores):
        return [Reading(at_s=0.0, busy_cores=busy) for busy in cores]

    assert sustained_disturbance(loads(0.1, 0.7, None, 0.1), PI, threads=1) == ""
    assert "0.6 of 4 cores" in sustained_disturbance(loads(0.1, 1.1, None, 0.6), PI, threads=1)
    assert sustained_disturbance(loads(None), PI, threads=1) == ""
