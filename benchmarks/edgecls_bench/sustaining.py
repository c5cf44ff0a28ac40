"""Minutes of load without a pause: what the speed comes to when the machine is warm, and what a frame costs."""

import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from edgecls_device.records import decode

from edgecls_bench.children import Line, run_module
from edgecls_bench.conditions import sustained_disturbance
from edgecls_bench.energy import IDLE_S, EnergySensor, idle_watts
from edgecls_bench.machine import Machine
from edgecls_bench.measurement import Energy
from edgecls_bench.pinning import cores_for
from edgecls_bench.probe import Probe
from edgecls_bench.readings import Reading
from edgecls_bench.sensors import Sensors, own_cpu_s
from edgecls_bench.sustained import Sustained, SustainedPoint
from edgecls_bench.sustained_load import Stretch

__all__ = ["measure_energy", "sustain"]

POINTS, SHORTEST_POINT_S, LONGEST_POINT_S = 20, 0.2, 5.0
ENERGY_S = 5.0
SILENCE_S = 60.0


def sustain(
    probe: Probe,
    machine: Machine,
    *,
    seconds: float,
    cores: Sequence[int] = (),
    sensors: Sensors | None = None,
    energy: EnergySensor | None = None,
    silence_s: float = SILENCE_S,
    advance: Callable[[SustainedPoint], None] | None = None,
) -> Sustained:
    """Classify without a pause in a process of its own, and look at the machine every few seconds.

    Args:
        probe: What to run.
        machine: This machine.
        seconds: For how long. There is a point every five seconds, or oftener where that would be few.
        cores: Cores that the process is held to; by default those that should be used first.
        sensors: The machine's.
        energy: Sensor of its power, if it has one.
        silence_s: After that long without a sign of life a process counts as hanging.
        advance: Called with each point as soon as it is there.

    Raises:
        BenchmarkError: If the process crashes or hangs.
    """
    points: list[SustainedPoint] = []

    def on_look(look: _Look) -> None:
        points.append(look.point)
        if advance is not None:
            advance(look.point)

    _run(
        _Load(
            probe=probe,
            seconds=seconds,
            every_s=min(LONGEST_POINT_S, max(SHORTEST_POINT_S, seconds / POINTS)),
            cores=tuple(cores) or cores_for(machine, probe.threads),
            silence_s=silence_s,
        ),
        sensors or Sensors(),
        energy,
        on_look,
    )
    return Sustained(
        artifact=probe.artifact.name,
        backend=probe.backend,
        threads=probe.threads,
        points=tuple(points),
        void=sustained_disturbance(
            [point.reading for point in points], machine, threads=probe.threads
        ),
    )


def measure_energy(
    probe: Probe,
    sensor: EnergySensor,
    *,
    cores: Sequence[int] = (),
    seconds: float = ENERGY_S,
    idle_s: float = IDLE_S,
    silence_s: float = SILENCE_S,
) -> Energy | None:
    """Classify without a pause and count the energy of a frame; first look what the machine draws without.

    Args:
        probe: What to run.
        sensor: Sensor of the machine's power.
        cores: Cores that the process is held to; by default it may use all.
        seconds: For how long.
        idle_s: For how long to look without.
        silence_s: After that long without a sign of life a process counts as hanging.

    Returns:
        None if the sensor failed meanwhile.

    Raises:
        BenchmarkError: If the process crashes or hangs.
    """
    idle = idle_watts(sensor, seconds=idle_s)
    looks: list[_Look] = []
    load = _Load(
        probe=probe,
        seconds=seconds,
        every_s=seconds / 2,
        cores=tuple(cores),
        silence_s=silence_s,
    )
    _run(load, Sensors(), sensor, looks.append)
    spent = [(look.point.watts, look.seconds) for look in looks if look.point.watts is not None]
    if idle is None or not spent or len(spent) < len(looks):
        return None
    joules = sum(watts * part_s for watts, part_s in spent)
    return Energy(
        sensor=sensor.name,
        millijoules_per_frame=1000 * joules / sum(look.point.frames for look in looks),
        idle_watts=idle,
        watts=joules / sum(part_s for _, part_s in spent),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Load:
    """What runs, and how often it tells of it; see :func:`sustain`."""

    probe: Probe
    seconds: float
    every_s: float
    cores: tuple[int, ...]
    silence_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class _Look:
    """A point, and how long its stretch was."""

    point: SustainedPoint
    seconds: float


def _run(
    load: _Load,
    sensors: Sensors,
    energy: EnergySensor | None,
    on_look: Callable[[_Look], None],
) -> None:
    """Run the child and make a point of each line it prints; the first says that it is ready."""
    passed_s: list[float] = []

    def read(stretch: Stretch) -> Reading:
        own_s = own_cpu_s() + stretch.cpu_s
        return sensors.read(sum(passed_s), own_cpu_s=own_s, cores=load.cores)

    def on_line(line: Line) -> None:
        stretch: Stretch = decode(Stretch, json.loads(line.text), "stretch")
        watts = None if energy is None else energy.watts()
        passed_s.append(stretch.seconds)
        reading = read(stretch)
        if stretch.frames:
            point = SustainedPoint(
                at_s=round(sum(passed_s) - stretch.seconds / 2, 3),
                frames=stretch.frames,
                p50_ms=stretch.p50_ms,
                p99_ms=stretch.p99_ms,
                reading=reading,
                watts=watts,
            )
            on_look(_Look(point=point, seconds=stretch.seconds))

    arguments = [*load.probe.to_arguments(), str(load.seconds), str(load.every_s)]
    with energy or nullcontext():
        run_module(
            "edgecls_bench.sustained_load",
            arguments,
            silence_s=load.silence_s,
            on_line=on_line,
            cores=load.cores,
        )
