"""Whether a measurement was disturbed, so that its figures say less of the model than of the moment."""

from collections.abc import Sequence

from edgecls_device.service.throttling import Throttling

from edgecls_bench.machine import Machine
from edgecls_bench.readings import Reading

__all__ = ["EMULATED", "disturbance", "load_limit", "sustained_disturbance"]

CROWDED_CORES = 0.15
"""Load of other programs that is too much where every core is needed: each tick of it is taken from what is
measured. A quiet Linux, with its own services, keeps a few hundredths of a core busy."""
BESIDE_CORES = 0.5
"""Load that is too much where cores are left over: it takes no core away, but it shares caches, memory and the
processor's heat, and the scheduler may put it onto our cores for a moment."""
LOWEST_CLOCK = 0.9
"""Share of the clock at the start: a processor that is a tenth slower is not the one the measurement began on;
less is the ordinary to and fro of a boost."""
HEAT = "the processor was slowed down for heat {times}"
QUOTA = "the container's share of the processor was used up {times}"
EMULATED = "an emulated machine's times are not those of a device"
_PAST = 16  # of the firmware's flags: the same bits shifted by this say that it has been so since the start
_CAUSES = 0b1111


def load_limit(machine: Machine, threads: int) -> float:
    """Return how many cores other programs may keep busy beside so many threads."""
    return BESIDE_CORES if machine.cores > threads else CROWDED_CORES


def disturbance(before: Reading, after: Reading, machine: Machine, *, threads: int) -> str:
    """Return why what was measured between two looks should not be believed; empty if nothing disturbed it.

    What no sensor tells is no reason. The clocks must have been read while the cores were at work; clocks of
    idle cores tell of their governor.

    Args:
        before: The machine just before.
        after: The machine just after, with the load in between.
        machine: What it was measured on.
        threads: Threads of what was measured.
    """
    reasons = (
        EMULATED if machine.is_emulated else "",
        _throttling(before, after),
        _events(before.throttle_events, after.throttle_events, HEAT),
        _events(before.quota_stops, after.quota_stops, QUOTA),
        _slower_clock(before.clock_mhz, after.clock_mhz, "its clock fell"),
        _slower_clock(before.clock_cap_mhz, after.clock_cap_mhz, "the limit of its clock fell"),
        _load(after.busy_cores, machine, threads),
    )
    return next(filter(None, reasons), "")


def sustained_disturbance(readings: Sequence[Reading], machine: Machine, *, threads: int) -> str:
    """Return why minutes of load should not be believed; empty if nothing disturbed them.

    Heat and a slower clock are what such a load is to show, and no reason. A quota is one, and other programs
    are, on average.
    """
    loads = [reading.busy_cores for reading in readings if reading.busy_cores is not None]
    stops = [reading.quota_stops for reading in readings] or [None]
    reasons = (
        EMULATED if machine.is_emulated else "",
        _events(stops[0], stops[-1], QUOTA),
        _load(sum(loads) / len(loads), machine, threads) if loads else "",
    )
    return next(filter(None, reasons), "")


def _throttling(before: Reading, after: Reading) -> str:
    if after.throttled is None:
        return ""
    now = ((before.throttled or 0) | after.throttled) & _CAUSES
    if before.throttled is not None:
        now |= (after.throttled & ~before.throttled) >> _PAST & _CAUSES
    sentence = Throttling(flags=now).sentence
    return f"the board was slowed down: {sentence[0].lower()}{sentence[1:-1]}" if sentence else ""


def _events(before: int | None, after: int | None, sentence: str) -> str:
    if before is None or after is None or after <= before:
        return ""
    times = after - before
    return sentence.format(times="once" if times == 1 else f"{times} times")


def _slower_clock(before_mhz: float | None, after_mhz: float | None, what: str) -> str:
    if not before_mhz or after_mhz is None or after_mhz >= LOWEST_CLOCK * before_mhz:
        return ""
    return (
        f"{what} from {before_mhz:.0f} to {after_mhz:.0f} MHz: it got hot, or its power is limited"
    )


def _load(busy_cores: float | None, machine: Machine, threads: int) -> str:
    if busy_cores is None or busy_cores <= load_limit(machine, threads):
        return ""
    who = "other programs or guests" if machine.is_virtual else "other programs"
    return f"{who} kept {busy_cores:.1f} of {machine.cores} cores busy"
