"""An environment for each peer: MediaPipe and Ultralytics bring an OpenCV of their own, so none shares one."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from edgecls_device.errors import BenchmarkError

__all__ = ["ENVIRONMENTS", "OURS", "Environment", "python_of"]

ROOT = Path(__file__).resolve().parents[2]
CONSTRAINTS = ROOT / "constraints" / "peers.txt"
OURS = "edgecls"


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """What a peer is installed with.

    Attributes:
        requirements: For pip; versions are those of ``constraints/peers.txt``.
        like_ours: Packages that must have the version that edgecls runs with here, since they run the model.
        shown: Packages whose versions stand in the table.
    """

    requirements: tuple[str, ...]
    like_ours: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()


ENVIRONMENTS: Mapping[str, Environment] = {
    "label-image": Environment(
        requirements=("pillow",), like_ours=("ai-edge-litert", "numpy"), shown=("pillow",)
    ),
    "mediapipe": Environment(requirements=("mediapipe",), shown=("mediapipe",)),
    "ultralytics": Environment(
        requirements=("ultralytics", "torch", "torchvision", "onnx"),
        like_ours=("onnxruntime",),
        shown=("ultralytics", "torch", "onnxruntime"),
    ),
}


def python_of(name: str, folder: Path) -> Path:
    """Return the Python of an environment under ``folder``, made and filled if it is not there yet.

    Raises:
        BenchmarkError: If pip cannot install it.
    """
    if name == OURS:
        return Path(sys.executable)
    environment, place = ENVIRONMENTS[name], folder / name
    python, wanted = place / "bin" / "python", _wanted(environment)
    stamp = place / "installed.txt"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    sys.stderr.write(f"Installing {name} into {place}...\n")
    _run([sys.executable, "-m", "venv", "--clear", place], name)
    constraints = place / "constraints.txt"
    constraints.write_text(_constraints(environment), encoding="utf-8")
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*install, "--constraint", constraints, *wanted.split()], name)
    stamp.write_text(wanted, encoding="utf-8")
    return python


def versions_in(python: Path, names: tuple[str, ...]) -> dict[str, str]:
    """Return the versions of packages in another environment."""
    code = "import sys, importlib.metadata as m; print(*map(m.version, sys.argv[1:]), sep='\\n')"
    done = subprocess.run([python, "-c", code, *names], capture_output=True, text=True, check=True)
    return dict(zip(names, done.stdout.split(), strict=True))


def _wanted(environment: Environment) -> str:
    ours = [f"{name}=={version(name)}" for name in environment.like_ours]
    return " ".join([*environment.requirements, *ours])


def _constraints(environment: Environment) -> str:
    """Return the tested versions, but for the packages that have our version."""
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line.partition("==")[0] not in environment.like_ours]
    return "\n".join(kept) + "\n"


def _run(command: list[str | Path], name: str) -> None:
    done = subprocess.run(command, stdout=sys.stderr, check=False)
    if done.returncode:
        message = f"Expected to install {name}, got exit code {done.returncode}."
        raise BenchmarkError(message, hint="leave it out with --without, or see what pip said")
