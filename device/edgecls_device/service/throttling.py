"""Whether a Raspberry Pi is slowed down: too little voltage, or too hot.

The firmware's answer is a number of flags, see ``vcgencmd get_throttled`` in the documentation of Raspberry Pi
OS. Newer kernels have it in a file, which costs nothing; else the program is asked.
"""

import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shutil import which

__all__ = ["ThrottleWatch", "Throttling", "read_throttling"]

FILES = (
    "sys/devices/platform/soc/soc:firmware/get_throttled",
    "sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled",
)
ASKED_EVERY_S = 10.0
ANSWER_WITHIN_S = 2.0

SENTENCES = {
    0: "The supply gives too little voltage: use one that was made for this board, and a short cable.",
    3: "The board is at its soft temperature limit and runs slower: cool it.",
    2: "The board is throttled and runs slower: cool it, or check its supply.",
    1: "The processor's frequency is capped: cool it, or check its supply.",
}
"""By bit, what is so now, the cause before its effect."""
PAST = 16  # the same bits shifted by this: it has been so since the board was started


@dataclass(frozen=True, kw_only=True, slots=True)
class Throttling:
    """What the firmware says.

    Attributes:
        flags: Its number.
    """

    flags: int

    @property
    def is_slowed(self) -> bool:
        """Whether it is so now."""
        return any(self.flags >> bit & 1 for bit in SENTENCES)

    @property
    def was_slowed(self) -> bool:
        """Whether it has been so since the board was started, so that a benchmark is void."""
        return any(self.flags >> (bit + PAST) & 1 for bit in SENTENCES)

    @property
    def sentence(self) -> str:
        """What is wrong now and what to do about it; empty if nothing is."""
        return next((text for bit, text in SENTENCES.items() if self.flags >> bit & 1), "")


def read_throttling(root: Path = Path("/")) -> Throttling | None:
    """Ask the firmware; None where there is none to ask, as on other boards.

    Args:
        root: Where ``sys`` is.
    """
    for name in FILES:
        path = root / name
        if path.exists():
            return _flags(path.read_text(), base=16)
    program = which("vcgencmd")
    if program is None:
        return None
    done = subprocess.run(
        [program, "get_throttled"],
        capture_output=True,
        text=True,
        timeout=ANSWER_WITHIN_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return _flags(done.stdout.partition("=")[2], base=16)


def _flags(text: str, *, base: int) -> Throttling | None:
    try:
        return Throttling(flags=int(text.strip(), base))
    except ValueError:
        return None  # such as "error=1 error_msg=..." of a board without such firmware


class ThrottleWatch:
    """The newest answer, asked for every ten seconds in a thread of its own: a program may take a while."""

    def __init__(
        self,
        *,
        every_s: float = ASKED_EVERY_S,
        read: Callable[[], Throttling | None] = read_throttling,
    ) -> None:
        """Take how often to ask, in seconds, and whom."""
        self._every_s = every_s
        self._read = read
        self._newest: Throttling | None = None
        self._trouble = ""
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="edgecls-throttling", daemon=True)

    def start(self) -> None:
        """Ask for the first time, and go on in a thread unless nobody can answer."""
        self._ask()
        if self._newest is not None:
            self._thread.start()

    @property
    def reason(self) -> str:
        """Why the run is slower than it should be, a sentence; empty if it is not, or if nobody knows."""
        return "" if self._newest is None else self._newest.sentence

    @property
    def trouble(self) -> str:
        """Why nobody knows, a sentence; empty if somebody does, or if there is no firmware to ask."""
        return self._trouble

    def close(self) -> None:
        """End the thread; closing twice is harmless."""
        self._is_closed.set()
        if self._thread.is_alive():
            self._thread.join(ANSWER_WITHIN_S + 1)

    def _watch(self) -> None:
        while not self._is_closed.wait(self._every_s):
            self._ask()

    def _ask(self) -> None:
        start = time.monotonic()
        try:
            self._newest, self._trouble = self._read(), ""
        except (OSError, subprocess.SubprocessError) as error:
            spent = time.monotonic() - start
            self._newest = None
            self._trouble = f"Cannot ask the firmware about throttling ({spent:.1f} s): {error}."
