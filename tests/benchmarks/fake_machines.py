"""Machines that are folders with ``proc`` and ``sys``, and descriptions of machines."""

import os

from edgecls_bench.machine import Machine

CPU = "sys/devices/system/cpu/cpu{core}"


class FakeMachine:
    """A folder in which a test writes what sensors say."""

    def __init__(self, root, cores=2):
        self.root = root
        self.cores = cores
        self._ticks = [0] * 8
        self.pass_time()

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")

    def read(self, name):
        return (self.root / name).read_text().strip()

    def write_core(self, core, **files):
        for name, text in files.items():
            self.write(f"{CPU.format(core=core)}/{name.replace('__', '/')}", text)

    def pass_time(self, *, user_s=0.0, system_s=0.0, steal_s=0.0, idle_s=0.0):
        """Let seconds of all cores together pass."""
        second = os.sysconf("SC_CLK_TCK")
        for field, seconds in ((0, user_s), (2, system_s), (7, steal_s), (3, idle_s)):
            self._ticks[field] += round(seconds * second)
        line = " ".join(map(str, self._ticks))
        each = "\n".join(f"cpu{core} {line} 0 0" for core in range(self.cores))
        self.write("proc/stat", f"cpu  {line} 0 0\n{each}\nintr 1 2 3")

    def throttle(self, flags):
        """Let the firmware of a Raspberry Pi say this."""
        self.write("sys/devices/platform/soc/soc:firmware/get_throttled", f"{flags:x}")


def described(**changes):
    """Return the description of a machine that is a Raspberry Pi, but for the changes."""
    facts = {
        "model": "Raspberry Pi 5 Model B Rev 1.0",
        "architecture": "aarch64",
        "cores": 4,
        "memory_bytes": 8_323_000_000,
        "system": "Linux 6.12.47",
        "python": "3.11.2",
        "governor": "ondemand",
        "clock_mhz": (1500, 2400),
        "cores_in_order": (0, 1, 2, 3),
    }
    return Machine(**{**facts, **changes})
