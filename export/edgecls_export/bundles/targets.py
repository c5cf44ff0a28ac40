"""The systems that bundles are made for, and whether what is wished for exists there.

What there is on PyPI for a system decides most of it: 32-bit Raspberry Pi OS has no LiteRT and no ONNX Runtime,
and takes NumPy and OpenCV from Debian. A refusal names what is possible, before anything slow is done.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from edgecls_device.bundles.manifest import TargetFacts
from edgecls_device.errors import OptionError

__all__ = [
    "LOCKS",
    "RUNTIME_PACKAGES",
    "TARGETS",
    "Target",
    "check_artifact",
    "check_wish",
    "find_target",
]

LOCKS = Path(__file__).parent / "locks"
FOLDER_TARGETS = ("web", "android")  # of edgecls bundle too: a folder, nothing that installs itself
_OLDEST_GLIBC = {
    "x86_64": 5,
    "aarch64": 17,
    "armv7l": 17,
}  # PEP 600: what CPython's wheels began with
_LEGACY = {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}
_RUNS = {"litert": "tflite", "tflite-runtime": "tflite", "onnxruntime": "onnx"}
_Format = Literal["tflite", "onnx"]

RUNTIME_PACKAGES: Mapping[str, str] = MappingProxyType(
    {"litert": "ai-edge-litert", "tflite-runtime": "tflite-runtime", "onnxruntime": "onnxruntime"}
)
"""Backend -> the package that is locked for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """One system.

    Attributes:
        facts: What the bundle's manifest says of it, for the default Python.
        machine: The last part of its wheels' platform tags, such as ``aarch64``.
        pythons: The versions of Python it may have, the default first.
        camera: The camera stack, in words.
        sees_system_packages: Whether the device's environment sees apt's packages.
        default_artifacts: (format, recipe) of the model files that are bundled by default.
        note: What else to know, in words.
    """

    facts: TargetFacts
    machine: Literal["aarch64", "armv7l", "x86_64"]
    pythons: tuple[str, ...]
    camera: str
    sees_system_packages: bool
    default_artifacts: tuple[tuple[_Format, str], ...]
    note: str = ""

    @property
    def name(self) -> str:
        """Its name in the table."""
        return self.facts.name

    @property
    def formats(self) -> tuple[str, ...]:
        """The file formats that a backend of the target runs, the preferred one first."""
        return tuple(dict.fromkeys(_RUNS[backend] for backend in self.facts.backends))

    def backends_of(self, file_format: str) -> tuple[str, ...]:
        """Return the backends that run a file format there, the preferred one first."""
        return tuple(name for name in self.facts.backends if _RUNS[name] == file_format)

    def narrowed(self, backends: Sequence[str]) -> "Target":
        """Return the target with some of its backends only."""
        kept = tuple(name for name in self.facts.backends if name in backends)
        return replace(self, facts=replace(self.facts, backends=kept))

    def lock(self, python: str) -> Path:
        """Return the file of locked wheels for a version of Python."""
        version = f"-py{python.replace('.', '')}" if len(self.pythons) > 1 else ""
        return LOCKS / f"{self.name}{version}.txt"

    def requirements(self) -> tuple[Path, tuple[Path, ...]]:
        """Return the files that ``scripts/lock`` makes the lock from: what is wanted, and what is left out."""
        own = LOCKS / f"{self.name}.in"
        left_out = [LOCKS / "excludes.txt", LOCKS / f"{self.name}-excludes.txt"]
        return (
            own if own.is_file() else LOCKS / "linux.in",
            tuple(path for path in left_out if path.is_file()),
        )

    def platforms(self) -> tuple[str, ...]:
        """Return the platform tags (PEP 600) of wheels that fit, the newest first."""
        newest = int(self.facts.glibc.partition(".")[2])
        tags: list[str] = []
        for minor in range(newest, _OLDEST_GLIBC[self.machine] - 1, -1):
            tags.append(f"manylinux_2_{minor}_{self.machine}")
            if minor in _LEGACY:
                tags.append(f"{_LEGACY[minor]}_{self.machine}")
        return tuple(tags)


_INT8: tuple[tuple[_Format, str], ...] = (("tflite", "int8"), ("onnx", "int8"))
_PI_CAMERAS = "CSI: picamera2 from apt; USB: V4L2; network: RTSP and HTTP"
_LINUX_CAMERAS = "USB: V4L2; network: RTSP and HTTP"


def _pi64(name: str, codename: str, python: str, glibc: str) -> Target:
    return Target(
        facts=TargetFacts(
            name=name,
            title=f"Raspberry Pi OS {codename}, 64-bit",
            architecture="arm64",
            python=python,
            glibc=glibc,
            codename=codename,
            backends=("litert", "onnxruntime"),
            apt_packages=(),
        ),
        machine="aarch64",
        pythons=(python,),
        camera=_PI_CAMERAS,
        sees_system_packages=True,
        default_artifacts=_INT8,
    )


def _linux(
    name: str, machine: Literal["aarch64", "x86_64"], architecture: Literal["arm64", "amd64"]
) -> Target:
    return Target(
        facts=TargetFacts(
            name=name,
            title=f"Linux, {machine}",
            architecture=architecture,
            python="3.11",
            glibc="2.28",
            codename="",
            backends=("litert", "onnxruntime"),
            apt_packages=(),
        ),
        machine=machine,
        pythons=("3.11", "3.10", "3.12", "3.13"),
        camera=_LINUX_CAMERAS,
        sees_system_packages=False,
        default_artifacts=_INT8,
        note="Debian 12, Ubuntu 22.04 or later; name the Python that it has with --python",
    )


_BOOKWORM32 = Target(
    facts=TargetFacts(
        name="bookworm32",
        title="Raspberry Pi OS bookworm, 32-bit",
        architecture="armhf",
        python="3.11",
        glibc="2.36",
        codename="bookworm",
        backends=("tflite-runtime",),
        apt_packages=("python3-numpy", "python3-opencv"),
    ),
    machine="armv7l",
    pythons=("3.11",),
    camera=_PI_CAMERAS,
    sees_system_packages=True,
    default_artifacts=(("tflite", "int8"),),
    note="NumPy and OpenCV come from apt; there is no ONNX Runtime",
)

_ALL = (
    _pi64("bookworm64", "bookworm", "3.11", "2.36"),
    _pi64("trixie64", "trixie", "3.13", "2.41"),
    _BOOKWORM32,
    _linux("linux-aarch64", "aarch64", "arm64"),
    _linux("linux-x86_64", "x86_64", "amd64"),
)

TARGETS: Mapping[str, Target] = MappingProxyType({target.name: target for target in _ALL})
"""Targets by name, in the order in which they are shown."""


def find_target(name: str) -> Target:
    """Return a target by its name.

    Raises:
        OptionError: If there is none of that name; the nearest one is named.
    """
    if name in TARGETS:
        return TARGETS[name]
    known = [*TARGETS, *FOLDER_TARGETS]
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    message = f"Expected a target of {', '.join(known)}, got {name!r}."
    mean = f"did you mean {near[0]}? " if near else ""
    raise OptionError(message, hint=f"{mean}see: edgecls bundle --list-targets")


def check_wish(target: Target, *, python: str | None = None, backends: Sequence[str] = ()) -> str:
    """Return the version of Python that a bundle will be for.

    Args:
        target: The system.
        python: The wished version; None takes the default.
        backends: Runtimes that must exist there.

    Raises:
        OptionError: If the target lacks one of these; the hint says what is possible.
    """
    if python is not None and python not in target.pythons:
        message = f"Expected a Python of {target.facts.title}: {', '.join(target.pythons)}; got {python!r}."
        raise OptionError(
            message, hint=_elsewhere("--python", python, _targets_with_python(python))
        )
    for backend in backends:
        if backend not in target.facts.backends:
            there = ", ".join(target.facts.backends)
            message = f"Expected a runtime of {target.facts.title}: {there}; got {backend!r}."
            where = [t.name for t in TARGETS.values() if backend in t.facts.backends]
            raise OptionError(message, hint=_elsewhere("the runtime", backend, where))
    return python or target.pythons[0]


def check_artifact(target: Target, name: str, file_format: str) -> None:
    """Refuse a model file that no runtime of the target runs.

    Raises:
        OptionError: If it is of such a format; the hint says what is possible.
    """
    if file_format in target.formats:
        return
    wanted = " or ".join(f".{known}" for known in target.formats)
    message = f"Expected a {wanted} file for {target.facts.title}, got {name!r}."
    where = [t.name for t in TARGETS.values() if file_format in t.formats]
    runs = f"it has {', '.join(target.facts.backends)}, which runs {wanted} files"
    raise OptionError(message, hint=f"{runs}; .{file_format} runs on {', '.join(where)}")


def _targets_with_python(python: str) -> list[str]:
    return [target.name for target in TARGETS.values() if python in target.pythons]


def _elsewhere(what: str, value: str, where: Sequence[str]) -> str:
    if not where:
        return f"no target has {value}; see: edgecls bundle --list-targets"
    return f"leave {what} out; {value} is on {', '.join(where)}"
