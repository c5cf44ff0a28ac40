"""The backends there are, and which one runs a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from types import MappingProxyType
from typing import cast

from edgecls_device.backends.protocol import Backend, BackendOptions
from edgecls_device.errors import MissingDependencyError, OptionError
from edgecls_device.lazy import load

__all__ = ["BACKENDS", "BackendEntry", "choose_backend", "installed_backends", "open_backend"]


@dataclass(frozen=True, kw_only=True, slots=True)
class BackendEntry:
    """One backend.

    Attributes:
        target: ``module:attribute`` of the class.
        format: The file format it runs.
        package: What it needs to be installed.
        extra: The extra that brings it.
    """

    target: str
    format: str
    package: str
    extra: str


BACKENDS: Mapping[str, BackendEntry] = MappingProxyType(
    {
        "litert": BackendEntry(
            target="edgecls_device.backends.litert:LitertBackend",
            format="tflite",
            package="ai_edge_litert",
            extra="device",
        ),
        "tflite-runtime": BackendEntry(
            target="edgecls_device.backends.tflite_runtime:TfliteRuntimeBackend",
            format="tflite",
            package="tflite_runtime",
            extra="tflite-runtime",
        ),
        "onnxruntime": BackendEntry(
            target="edgecls_device.backends.onnxruntime:OnnxruntimeBackend",
            format="onnx",
            package="onnxruntime",
            extra="onnx",
        ),
    }
)
"""Backends by name; of several for one format the first that is installed is the default."""


def installed_backends(file_format: str) -> tuple[str, ...]:
    """Return the names of the installed backends that run ``tflite`` or ``onnx`` files."""
    return tuple(
        name
        for name, entry in BACKENDS.items()
        if entry.format == file_format and find_spec(entry.package) is not None
    )


def choose_backend(file_format: str, name: str | None = None) -> str:
    """Return the backend for a format: the named one, or the first that is installed.

    Raises:
        OptionError: If the named one does not exist or runs another format.
        MissingDependencyError: If none is installed.
    """
    fitting = [key for key, entry in BACKENDS.items() if entry.format == file_format]
    if name is not None:
        if name not in BACKENDS:
            from difflib import get_close_matches

            near = get_close_matches(name, BACKENDS, n=1, cutoff=0.4)
            message = f"Expected a backend of {', '.join(BACKENDS)}, got {name!r}."
            raise OptionError(
                message, hint=f"did you mean {near[0]}?" if near else "see: edgecls run --help"
            )
        if name not in fitting:
            message = (
                f"Expected a backend for .{file_format} files ({', '.join(fitting)}), got {name!r}."
            )
            raise OptionError(message, hint=f"use --backend {fitting[0]}")
        return name
    installed = installed_backends(file_format)
    if not installed:
        message = f"Expected a runtime for .{file_format} files, got none installed ({', '.join(fitting)})."
        raise MissingDependencyError(
            message, hint=f"pip install 'edgecls[{BACKENDS[fitting[0]].extra}]'"
        )
    return installed[0]


def open_backend(name: str, model: bytes, options: BackendOptions) -> Backend:
    """Load a model on the named backend.

    Raises:
        ArtifactError: If the runtime refuses the model.
        MissingDependencyError: If the runtime is not installed.
    """
    entry = BACKENDS[name]
    backend = load(entry.target, extra=entry.extra)
    return cast("Backend", backend.open(model, options))
