"""An emulated Raspberry Pi as a test uses it: commands run inside, each in a process of its own."""

import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.arm.systems import System

__all__ = ["EDGECLS", "HOME", "Finished", "Pi"]

HOME = "/home/pi"
NAME = "shapes"
ROOT = f"/opt/edgecls/{NAME}"
PYTHON = f"{ROOT}/confirmed/environment/bin/python"
EDGECLS = f"{ROOT}/confirmed/environment/bin/edgecls"
PROJECT = Path(__file__).resolve().parents[2]
WITHIN_S = 1500.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """A command that ended.

    Attributes:
        code: Its exit code.
        output: What it printed, on standard output.
        errors: What it printed, on standard error.
        seconds: How long it took.
    """

    code: int
    output: str
    errors: str
    seconds: float

    @property
    def printed(self) -> str:
        """All it printed, for a failed test's message."""
        return f"{self.output}\n{self.errors}\nexit code {self.code} after {self.seconds:.0f} s"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pi:
    """A computer with a root file system and what was written above it.

    Attributes:
        system: What it is.
        below: Its layers that do not change, the topmost first.
        layer: Takes what its commands write.
        brought: File of this machine -> its read-only path inside.
        sensors: Options of ``inside.py`` that say what the computer measures.
    """

    system: System
    below: tuple[Path, ...]
    layer: Path
    brought: Mapping[Path, str] = field(default_factory=dict)
    sensors: tuple[str, ...] = ()

    def run(self, *command: str, board: str = "", within_s: float = WITHIN_S) -> Finished:
        """Run a command inside, without a network, and wait for it.

        Args:
            command: Program and arguments.
            board: Name of another board than the one the system is usually on.
            within_s: Killed after so many seconds, with all it started.
        """
        words = [sys.executable, "-m", "tests.arm.inside", self.system.name, "--layer", self.layer]
        for folder in self.below:
            words += ["--below", folder]
        for source, path in self.brought.items():
            words += ["--bring", f"{source}={path}"]
        words += [*self.sensors, *(["--board", board] if board else [])]
        begin = time.monotonic()
        done = subprocess.run(
            [*map(str, words), "--", *command],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=within_s,
            cwd=PROJECT,
        )
        return Finished(
            code=done.returncode,
            output=done.stdout,
            errors=done.stderr,
            seconds=time.monotonic() - begin,
        )

    def above(self, layer: Path) -> "Pi":
        """Return this computer as it is now; what is written to it goes to another layer."""
        return replace(self, below=(self.layer / "upper", *self.below), layer=layer)

    def with_files(self, *files: Path) -> "Pi":
        """Return this computer with more files in its user's folder."""
        return replace(
            self, brought={**self.brought, **{file: f"{HOME}/{file.name}" for file in files}}
        )

    def with_sensors(self, *options: str) -> "Pi":
        """Return this computer in another state; see ``inside.py --help``."""
        return replace(self, sensors=options)

    def write(self, path: str, text: str, *, mode: int = 0o644) -> None:
        """Put a file into its topmost layer; nothing may run inside meanwhile."""
        place = self.layer / "upper" / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
        place.chmod(mode)
