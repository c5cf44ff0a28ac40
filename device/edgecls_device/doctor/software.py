"""Checks of Python, OpenCV, runtimes and extras."""

import json
import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from edgecls_device.backends.table import BACKENDS
from edgecls_device.doctor.check import Check, Facts, State
from edgecls_device.doctor.trial import try_code

__all__ = [
    "check_edgecls",
    "check_extras",
    "check_model",
    "check_opencv",
    "check_python",
    "check_runtimes",
]

EXTRAS = {
    "web": {"aiohttp": "aiohttp", "prometheus_client": "prometheus-client"},
    "mqtt": {"paho.mqtt": "paho-mqtt"},
}
"""Extra -> module -> package, of what is imported on demand."""

_OPENCV = """
import json
from edgecls_device.opencv import cv2
from edgecls_device.sources.gstreamer import has_gstreamer
lines = [line.partition(":") for line in cv2.getBuildInformation().splitlines()]
build = {key.strip(): value.strip() for key, _, value in lines}
print(json.dumps({
    "version": cv2.__version__,
    "windows": build.get("GUI", "NONE").upper() not in {"NONE", "NO", ""},
    "gstreamer": has_gstreamer(),
    "ffmpeg": build.get("FFMPEG", "NO").upper().startswith("YES"),
}))
"""

_RUNTIME = """
from edgecls_device.lazy import load
load({target!r}, extra={extra!r})
"""

_MODEL = """
import json, pathlib
from edgecls_device.classifier import Classifier
from edgecls_device.errors import EdgeclsError
from edgecls_device.service.probe import probe
path = pathlib.Path({path!r})
try:
    with Classifier.open(path) as classifier:
        print(json.dumps([classifier.backend.name, probe(classifier, name=path.name).note, "", ""]))
except EdgeclsError as error:
    print(json.dumps(["", "", error.message, error.hint]))
"""


def check_edgecls() -> Iterator[Check]:
    """Which edgecls this is."""
    try:
        number = version("edgecls")
    except PackageNotFoundError:
        number = "not installed as a package"
    place = str(Path(__file__).resolve().parents[1])
    yield Check(name="edgecls", found=f"{number}, in {place}", facts={"version": number})


def check_python() -> Iterator[Check]:
    """Which Python, and whether the system's packages are seen."""
    number = platform.python_version()
    is_own = sys.prefix != sys.base_prefix
    where = f"in the environment {sys.prefix}" if is_own else "of the system"
    facts: Facts = {
        "version": number,
        "is_environment": is_own,
        "bits": 64 if sys.maxsize > 2**32 else 32,
    }
    yield Check(name="python", found=f"{number} ({facts['bits']} bits) {where}", facts=facts)


def check_opencv() -> Iterator[Check]:
    """Whether OpenCV can be loaded, and what it was built with."""
    trial = try_code(_OPENCV)
    if trial.failure:
        hint = "pip install 'edgecls[device]', or on 32-bit Raspberry Pi OS: sudo apt install python3-opencv"
        yield Check(name="opencv", state="problem", found=trial.failure, hint=hint)
        return
    facts = json.loads(trial.output)
    has = {"windows": "windows (--show)", "ffmpeg": "FFmpeg", "gstreamer": "GStreamer"}
    there = [word for key, word in has.items() if facts[key]]
    lacks = [word for key, word in has.items() if not facts[key]]
    told = f"{facts['version']} with {', '.join(there) or 'nothing'}"
    told += f"; without {', '.join(lacks)}" if lacks else ""
    state: State = "ok" if facts["ffmpeg"] else "note"
    hint = (
        ""
        if facts["ffmpeg"]
        else "videos and RTSP streams need FFmpeg: pip install 'edgecls[device]'"
    )
    yield Check(name="opencv", state=state, found=told, hint=hint, facts=facts)


def check_runtimes() -> Iterator[Check]:
    """Which runtimes are installed, and whether each can be loaded: it is tried in a process of its own."""
    installed = {entry.format for entry in BACKENDS.values() if _is_there(entry.package)}
    for name, entry in BACKENDS.items():
        if not _is_there(entry.package):
            is_needed = entry.format not in installed
            yield Check(
                name=name,
                state="note" if is_needed else "ok",
                found=f"not installed (.{entry.format} files)"
                + ("" if is_needed else ", not needed"),
                hint=f"pip install 'edgecls[{entry.extra}]'" if is_needed else "",
                facts={"is_loaded": False},
            )
            continue
        trial = try_code(_RUNTIME.format(target=entry.target, extra=entry.extra))
        if trial.failure:
            yield Check(
                name=name,
                state="problem",
                found=f"installed, but when it is loaded: {trial.failure}",
                hint=f"pip install --force-reinstall 'edgecls[{entry.extra}]'",
                facts={"is_loaded": False},
            )
            continue
        number = _version_of(entry.package.replace("_", "-"))
        told = f"{number}, runs .{entry.format} files".removeprefix(", ")
        yield Check(name=name, found=told, facts={"is_loaded": True, "version": number})


def check_extras() -> Iterator[Check]:
    """Whether the packages of the extras are installed."""
    for extra, modules in EXTRAS.items():
        missing = [package for module, package in modules.items() if not _is_there(module)]
        numbers = ", ".join(f"{package} {_version_of(package)}" for package in modules.values())
        yield Check(
            name=extra,
            state="note" if missing else "ok",
            found=f"not installed: {', '.join(missing)}" if missing else numbers,
            hint=f"pip install 'edgecls[{extra}]', for --{extra}" if missing else "",
            facts={"is_installed": not missing},
        )


def check_model(path: Path) -> Check:
    """Run a model in a process of its own, with its golden samples if it has any."""
    trial = try_code(_MODEL.format(path=str(path)))
    if trial.failure:
        hint = "try another runtime: edgecls verify --backend NAME"
        return Check(
            name="model", state="problem", found=f"{path.name}: {trial.failure}", hint=hint
        )
    backend, note, message, hint = json.loads(trial.output)
    if message:
        return Check(name="model", state="problem", found=f"{path.name}: {message}", hint=hint)
    told = note or f"{path.name} runs on {backend} as it should"
    state: State = "note" if note else "ok"
    return Check(name="model", state=state, found=told, facts={"backend": backend})


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of its parent package
        return False


def _version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
