"""Load a converted model on the runtime that ships, and name the operator that the runtime lacks."""

import re

from edgecls_device.backends.protocol import Backend, BackendOptions
from edgecls_device.backends.table import BACKENDS, choose_backend, open_backend
from edgecls_device.errors import ArtifactError, ExportError
from edgecls_device.stamps import installed_versions

__all__ = ["missing_operator", "open_converted"]

_ONNX_OPERATOR = re.compile(
    r"Could not find an implementation for (?P<op>[\w.:]+)\((?P<version>\d+)\)"  # known, no kernel for the type
    r"|No Op registered for (?P<op2>[\w.:]+) with domain_version of (?P<version2>\d+)"
    r"|(?P<op3>[\w.:]+)\((?P<version3>-?\d+)\) is not a registered function/op"
)
_ONNX_SET = re.compile(r"domain (?P<domain>[\w.]+) is till opset (?P<most>\d+)")
_TFLITE_OPERATOR = re.compile(
    r"builtin opcode '(?P<op>\w+)' version '(?P<version>\d+)'"
    r"|unresolved custom op: (?P<op2>\w+)"
)


def open_converted(file_format: str, data: bytes, options: BackendOptions) -> Backend:
    """Load a model on the first installed backend of its format.

    Raises:
        ExportError: If the backend lacks an operator; the message names it and its version.
        ArtifactError: If the backend refuses it for another reason.
        MissingDependencyError: If no backend is installed.
    """
    name = choose_backend(file_format)
    try:
        return open_backend(name, data, options)
    except ArtifactError as error:
        lacking = missing_operator(error.message)
        if not lacking:
            raise
        package = BACKENDS[name].package
        version = " ".join(installed_versions((package,)).values())
        message = f"Expected operators that {name} {version} has, got {lacking}."
        other = "tflite" if file_format == "onnx" else "onnx"
        hint = f"use --format {other} or another recipe, or update the runtime"
        raise ExportError(message, hint=hint) from error


def missing_operator(reason: str) -> str:
    """Return operator and operator set that a runtime's message complains about; empty if about none.

    The forms are those of ONNX Runtime 1.17 to 1.32, LiteRT 1.2 to 2.3 and tflite-runtime 2.14.
    """
    found = _ONNX_OPERATOR.search(reason)
    if found is not None:
        name, version = (value for value in found.groups() if value is not None)
        known = f" of operator set {version}" if int(version) > 0 else ", which no operator set has"
        return f"{name}{known}"
    newer = _ONNX_SET.search(reason)
    if newer is not None:
        return f"a newer operator set of {newer['domain']} than its {newer['most']}"
    found = _TFLITE_OPERATOR.search(reason)
    if found is None:
        return ""
    return f"{found['op']} of version {found['version']}" if found["op"] else f"{found['op2']}"
