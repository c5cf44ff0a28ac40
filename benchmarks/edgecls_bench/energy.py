"""What a machine's own sensors say of the power it draws: processors of PCs, and the Raspberry Pi 5."""

import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar, Protocol

from edgecls_bench.pmic import PmicSensor, find_pmic
from edgecls_bench.rapl import RaplSensor, find_zones, unreadable
from edgecls_bench.system_files import ROOT

__all__ = ["IDLE_S", "EnergySensor", "idle_watts", "open_energy_sensor", "why_no_energy"]

IDLE_S = 2.0


class EnergySensor(AbstractContextManager["EnergySensor"], Protocol):
    """Tells the mean power between two questions; it counts from entering to leaving, as often as one likes."""

    name: ClassVar[str]

    def watts(self) -> float | None:
        """Return the mean power since the last question, or since entering; None if the sensor failed."""


def open_energy_sensor(root: Path = ROOT) -> EnergySensor | None:
    """Return this machine's sensor; None where there is none that this user may read.

    Args:
        root: Where ``sys`` is.
    """
    zones = find_zones(root)
    if zones and not unreadable(zones):
        return RaplSensor(zones)
    program = find_pmic()
    return None if program is None else PmicSensor(program)


def why_no_energy(root: Path = ROOT) -> str:
    """Return why a sensor that is there is not for this user, and the remedy; empty if there is none, or it is.

    Args:
        root: Where ``sys`` is.
    """
    return "" if open_energy_sensor(root) is not None else unreadable(find_zones(root))


def idle_watts(sensor: EnergySensor, *, seconds: float = IDLE_S) -> float | None:
    """Return what the machine draws with nothing of ours running; None if the sensor failed."""
    with sensor:
        time.sleep(seconds)
    return sensor.watts()
