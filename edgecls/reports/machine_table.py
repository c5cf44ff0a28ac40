"""The same files on several machines, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgecls_bench.measurement import BenchCase

from edgecls.reports.measured import Key, join_records, short_names
from edgecls.reports.speed_section import MachineSpeed

__all__ = ["MachineCell", "MachineRow", "MachineTable", "machine_table"]


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineCell:
    """One artifact on one backend of one machine.

    Attributes:
        fastest: Its fastest case there; None if none was measured that counts.
        is_void: Whether only void ones were measured.
        is_chosen: Whether it is what is recommended there.
    """

    fastest: BenchCase | None
    is_void: bool
    is_chosen: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineRow:
    """One artifact on one backend.

    Attributes:
        name: Its short name.
        cells: One for each machine.
    """

    name: str
    cells: tuple[MachineCell, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineTable:
    """All of them.

    Attributes:
        machines: In the order of their sections.
        rows: In the order of the records.
    """

    machines: tuple[MachineSpeed, ...]
    rows: tuple[MachineRow, ...]


def machine_table(speeds: Sequence[MachineSpeed]) -> MachineTable | None:
    """Put the sections' fastest cases beside each other; None for fewer than two machines."""
    if len(speeds) < 2:
        return None
    measured = [{entry.key: entry for entry in join_records(None, one.run)} for one in speeds]
    names: dict[Key, str] = {}
    for entries in measured:
        names |= {
            key: names.get(key, name) for key, name in short_names([*entries.values()]).items()
        }
    chosen = [one.recommendation.speed if one.recommendation else None for one in speeds]
    rows = []
    for key, name in names.items():
        cells = []
        for entries, best in zip(measured, chosen, strict=True):
            entry = entries.get(key)
            fastest = entry.fastest if entry is not None else None
            cells.append(
                MachineCell(
                    fastest=fastest,
                    is_void=entry is not None and fastest is None and bool(entry.voids),
                    is_chosen=best is not None and (best.artifact, best.backend) == key,
                )
            )
        rows.append(MachineRow(name=name, cells=tuple(cells)))
    return MachineTable(machines=tuple(speeds), rows=tuple(rows))
