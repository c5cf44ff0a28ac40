"""What decides about results, packages and processor: it must be the same on every machine of a cluster."""

import platform
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version

__all__ = ["difference", "versions"]

_PACKAGES = ("edgecls", "numpy", "pyarrow", "ai-edge-litert", "tflite-runtime", "onnxruntime")


@cache
def versions() -> Mapping[str, str]:
    """Return what is installed here: package -> version, "none" if it is not; and the processor's architecture.

    On another architecture the same int8 model gives scores that are a step or two apart.
    """
    python = ".".join(map(str, sys.version_info[:2]))
    found = {"python": python, "processor": platform.machine(), "opencv": _opencv()}
    return {**found, **{package: _version(package) for package in _PACKAGES}}


def difference(here: Mapping[str, str], there: Mapping[str, str]) -> str:
    """Say what differs, such as ``numpy 2.1 here and 1.26 there``; "" if nothing does."""
    names = sorted({*here, *there})
    return ", ".join(
        f"{name} {here.get(name, 'none')} here and {there.get(name, 'none')} there"
        for name in names
        if here.get(name) != there.get(name)
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _opencv() -> str:
    try:
        import cv2
    except ModuleNotFoundError:
        return "none"
    return cv2.__version__
