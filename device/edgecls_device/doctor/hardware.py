"""Checks of the machine: processor, memory, disk, clock, heat. What a machine does not tell is left out."""

import os
import platform
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from edgecls_device.doctor.check import Check, Facts, State
from edgecls_device.service.throttling import read_throttling

__all__ = [
    "check_clock",
    "check_disk",
    "check_heat",
    "check_memory",
    "check_processor",
    "check_system",
]

ROOT = Path("/")
LITTLE_MEMORY, LITTLE_DISK, NO_DISK = 200e6, 500e6, 20e6
HOT_CELSIUS = 80.0
OLDEST_YEAR = 2024


def check_system(root: Path = ROOT) -> Iterator[Check]:
    """Operating system, machine and board."""
    names = dict(
        line.split("=", 1) for line in _text(root, "etc/os-release").splitlines() if "=" in line
    )
    system = names.get("PRETTY_NAME", "").strip('"') or platform.system()
    board = _text(root, "proc/device-tree/model").strip("\0")
    facts = {"system": system, "machine": platform.machine(), "board": board}
    where = f" on a {board}" if board else ""
    yield Check(
        name="system",
        found=f"{system}, Linux {platform.release()}, {platform.machine()}{where}",
        facts=facts,
    )


def check_processor(root: Path = ROOT) -> Iterator[Check]:
    """Cores that may be used, and the governor of their frequency."""
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    governor = _text(root, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    facts: Facts = {"cores": cores, "governor": governor}
    if governor == "powersave":
        command = "echo ondemand | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
        yield Check(
            name="processor",
            state="note",
            found=f"{cores} cores, held at their lowest frequency (governor powersave)",
            hint=command,
            facts=facts,
        )
        return
    told = f"{cores} cores" + (f", governor {governor}" if governor else "")
    yield Check(name="processor", found=told, facts=facts)


def check_memory(root: Path = ROOT) -> Iterator[Check]:
    """Memory in all, and how much can be had."""
    rows = dict(
        line.split(":", 1) for line in _text(root, "proc/meminfo").splitlines() if ":" in line
    )
    if "MemTotal" not in rows:
        return
    total, free = (
        1024 * int(rows.get(key, "0").split()[0]) for key in ("MemTotal", "MemAvailable")
    )
    is_little = free < LITTLE_MEMORY
    yield Check(
        name="memory",
        state="note" if is_little else "ok",
        found=f"{free / 1e6:.0f} of {total / 1e6:.0f} MB can be had",
        hint="stop other programs; a run needs 100 to 200 MB" if is_little else "",
        facts={"total_bytes": total, "available_bytes": free},
    )


def check_disk(folder: Path = Path()) -> Iterator[Check]:
    """Room where the command was started, and whether one may write there."""
    usage = shutil.disk_usage(folder)
    is_writable = os.access(folder, os.W_OK)
    told = f"{usage.free / 1e9:.1f} of {usage.total / 1e9:.1f} GB are free here"
    hint = ""
    state: State = "ok"
    if usage.free < LITTLE_DISK:
        state, hint = "note", "make room, or give snapshots and logs a quota"
    if usage.free < NO_DISK:
        state = "problem"
    if not is_writable:
        state, told, hint = "note", f"{told}, but nothing may be written", "go to a folder of yours"
    facts = {"free_bytes": usage.free, "total_bytes": usage.total, "is_writable": is_writable}
    yield Check(name="disk", state=state, found=told, hint=hint, facts=facts)


def check_clock(root: Path = ROOT) -> Iterator[Check]:
    """Whether the clock can be right: boards without one start in the past until the network tells them."""
    now = time.localtime()
    told = time.strftime("%Y-%m-%d %H:%M:%S %z", now)
    is_kept = (root / "run/systemd/timesync").is_dir()
    is_set = (root / "run/systemd/timesync/synchronized").exists()
    facts: Facts = {"time": told, "is_synchronized": is_set}
    if now.tm_year < OLDEST_YEAR:
        yield Check(
            name="clock",
            state="problem",
            found=f"{told}: it was never set, so certificates seem invalid",
            hint="connect it to a network, or: sudo date -s '2026-01-31 12:00'",
            facts=facts,
        )
    elif is_kept and not is_set:
        hint = "timedatectl status; without a network its stamps may be wrong"
        yield Check(
            name="clock", state="note", found=f"{told}, not synchronized", hint=hint, facts=facts
        )
    else:
        yield Check(name="clock", found=told, facts=facts)


def check_heat(root: Path = ROOT) -> Iterator[Check]:
    """Temperature, and whether the firmware slows the board down."""
    degrees = [
        int(text) / 1000
        for path in sorted(root.glob("sys/class/thermal/thermal_zone*/temp"))
        if (text := _text(path, "").lstrip("-")).isdigit()
    ]
    if degrees:
        hottest = max(degrees)
        is_hot = hottest >= HOT_CELSIUS
        yield Check(
            name="temperature",
            state="note" if is_hot else "ok",
            found=f"{hottest:.0f} °C",
            hint="give it air or a heat sink: at 80 °C a Raspberry Pi slows down" if is_hot else "",
            facts={"celsius": hottest},
        )
    yield from _check_throttling(root)


def _check_throttling(root: Path) -> Iterator[Check]:
    try:
        throttling = read_throttling(root)
    except (OSError, subprocess.SubprocessError) as error:
        yield Check(name="throttling", state="note", found=f"the firmware cannot be asked: {error}")
        return
    if throttling is None:
        return
    facts: Facts = {"flags": f"0x{throttling.flags:x}"}
    if throttling.is_slowed:
        yield Check(
            name="throttling",
            state="problem",
            found=f"slowed down now (0x{throttling.flags:x})",
            hint=throttling.sentence,
            facts=facts,
        )
    elif throttling.was_slowed:
        told = f"not now, but since the start of the board (0x{throttling.flags:x})"
        hint = "a better supply or cooling; then start it again"
        yield Check(name="throttling", state="note", found=told, hint=hint, facts=facts)
    else:
        yield Check(name="throttling", found="none since the start of the board", facts=facts)


def _text(root: Path, name: str) -> str:
    try:
        path = root / name if name else root
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
