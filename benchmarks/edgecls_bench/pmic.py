"""The power chip (PMIC) of a Raspberry Pi 5, which tells volts and amperes of every rail that it feeds.

Source: ``vcgencmd pmic_read_adc`` in the documentation of Raspberry Pi OS. It tells of moments, so it is asked
again and again in a thread. What hangs at the 5 V input itself, such as USB devices, and the losses of the chip
are in none of its rails: users who compared it with a meter found about a seventh more, and half a watt.
"""

import re
import subprocess
import threading
from shutil import which
from typing import ClassVar

__all__ = ["PmicSensor", "find_pmic", "total_watts"]

EVERY_S = 0.5
ANSWER_WITHIN_S = 2.0

_LINE = re.compile(r"\s*(\S+)_([AV])\s+(?:current|volt)\(\d+\)=([0-9.]+)[AV]\s*")


def find_pmic() -> str | None:
    """Return the program that asks the chip; None where there is no such chip, or it does not answer."""
    program = which("vcgencmd")
    return program if program is not None and _ask(program) is not None else None


def total_watts(answer: str) -> float | None:
    """Return the power of all rails together; None if the answer names none.

    Args:
        answer: Lines such as ``VDD_CORE_A current(7)=1.11625000A`` and ``VDD_CORE_V volt(15)=0.74944980V``.
            A rail of which only one of both is told, as of the 5 V input, does not count.
    """
    told: dict[str, dict[str, float]] = {"A": {}, "V": {}}
    for line in answer.splitlines():
        match = _LINE.fullmatch(line)
        if match is not None:
            told[match[2]][match[1]] = float(match[3])
    rails = told["A"].keys() & told["V"].keys()
    return sum(told["A"][rail] * told["V"][rail] for rail in rails) if rails else None


class PmicSensor:
    """Asks the chip twice a second and tells the mean."""

    name: ClassVar[str] = "pmic"

    def __init__(self, program: str, *, every_s: float = EVERY_S) -> None:
        """Take the program, and how often to ask it, in seconds."""
        self._program = program
        self._every_s = every_s
        self._lock = threading.Lock()
        self._told: list[float] = []
        self._is_over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "PmicSensor":
        """Begin to ask."""
        self._told.clear()
        self._is_over.clear()
        self._thread = threading.Thread(target=self._watch, name="edgecls-pmic", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Ask no more; what was told last can still be asked for."""
        self._is_over.set()
        if self._thread is not None:
            self._thread.join()

    def watts(self) -> float | None:
        """Return the mean of what the chip told since the last question, or since entering; None if nothing."""
        with self._lock:
            told, self._told = self._told, []
        return sum(told) / len(told) if told else None

    def _watch(self) -> None:
        while True:
            watts = _ask(self._program)
            if watts is not None:
                with self._lock:
                    self._told.append(watts)
            if self._is_over.wait(self._every_s):
                return


def _ask(program: str) -> float | None:
    try:
        done = subprocess.run(
            [program, "pmic_read_adc"],
            capture_output=True,
            text=True,
            timeout=ANSWER_WITHIN_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):  # a chip that does not answer has told nothing
        return None
    return total_watts(done.stdout)
