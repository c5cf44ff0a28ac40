"""The exporters there are: the whole registry, and the choice among them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias, cast

from edgecls_device.errors import MissingDependencyError, OptionError
from edgecls_device.lazy import load

from edgecls_export.exported import Images, ModelBody

if TYPE_CHECKING:
    from edgecls_export.frozen import FrozenModel

__all__ = ["EXPORTERS", "Convert", "ExporterEntry", "choose_exporters", "find_exporter"]

Convert: TypeAlias = "Callable[[FrozenModel, Images], ModelBody]"
"""What an exporter is: a frozen model and calibration images (maybe none) give the body of a file."""

EXTRA = "export"
_TFLITE = ("tensorflow", "flatbuffers")
_ONNX = ("tensorflow", "tf2onnx", "onnx")
_ONNX_QUANTIZER = (*_ONNX, "onnxruntime", "sympy")


@dataclass(frozen=True, kw_only=True, slots=True)
class ExporterEntry:
    """One exporter.

    Attributes:
        target: ``module:attribute`` of its function.
        packages: What must be installed.
        needs_calibration: Whether it measures value ranges on photos.
    """

    target: str
    packages: tuple[str, ...]
    needs_calibration: bool = False

    def check_packages(self) -> None:
        """Check, without importing anything, that what it needs is installed.

        Raises:
            MissingDependencyError: If a package is not.
        """
        for package in self.packages:
            if find_spec(package) is None:
                message = f"Exporting needs the package {package!r}, which is not installed."
                raise MissingDependencyError(message, hint=f"pip install 'edgecls[{EXTRA}]'")

    def load(self) -> Convert:
        """Import the function.

        Raises:
            MissingDependencyError: If a package it needs is not installed.
        """
        self.check_packages()
        return cast("Convert", load(self.target, extra=EXTRA))


EXPORTERS: Mapping[tuple[str, str], ExporterEntry] = MappingProxyType(
    {
        ("tflite", "float32"): ExporterEntry(
            target="edgecls_export.tflite_exporters:to_float32", packages=_TFLITE
        ),
        ("tflite", "float16"): ExporterEntry(
            target="edgecls_export.tflite_exporters:to_float16", packages=_TFLITE
        ),
        ("tflite", "int8"): ExporterEntry(
            target="edgecls_export.tflite_exporters:to_int8",
            packages=_TFLITE,
            needs_calibration=True,
        ),
        ("onnx", "float32"): ExporterEntry(
            target="edgecls_export.onnx_exporters:to_float32", packages=_ONNX
        ),
        ("onnx", "int8"): ExporterEntry(
            target="edgecls_export.onnx_exporters:to_int8",
            packages=_ONNX_QUANTIZER,
            needs_calibration=True,
        ),
    }
)
"""Exporters by (format, recipe)."""


def find_exporter(file_format: str, recipe: str) -> ExporterEntry:
    """Return the exporter for a format and a recipe.

    Raises:
        OptionError: If the format, the recipe, or the pair of them does not exist.
    """
    _expect_known("format", file_format, [key[0] for key in EXPORTERS])
    _expect_known("recipe", recipe, [key[1] for key in EXPORTERS])
    if (file_format, recipe) not in EXPORTERS:
        there = [key[1] for key in EXPORTERS if key[0] == file_format]
        message = f"Expected a recipe of {file_format} ({', '.join(there)}), got {recipe!r}."
        formats = ", ".join(key[0] for key in EXPORTERS if key[1] == recipe)
        raise OptionError(message, hint=f"{recipe} exists for: {formats}")
    return EXPORTERS[file_format, recipe]


def choose_exporters(
    formats: Sequence[str] = (), recipes: Sequence[str] = ()
) -> tuple[tuple[str, str], ...]:
    """Return the (format, recipe) pairs asked for, in the order of the table; by default all.

    Where only formats or only recipes are named, every pair that has them is meant; where both are
    named, every pair of theirs must exist.

    Raises:
        OptionError: If a named format, recipe or pair does not exist.
    """
    for name in formats:
        _expect_known("format", name, [key[0] for key in EXPORTERS])
    for name in recipes:
        _expect_known("recipe", name, [key[1] for key in EXPORTERS])
    for file_format in formats:
        for recipe in recipes:
            find_exporter(file_format, recipe)
    return tuple(
        key
        for key in EXPORTERS
        if (not formats or key[0] in formats) and (not recipes or key[1] in recipes)
    )


def _expect_known(what: str, name: str, known: Sequence[str]) -> None:
    if name in known:
        return
    names = list(dict.fromkeys(known))
    near = get_close_matches(name, names, n=1, cutoff=0.4)
    message = f"Expected a {what} of {', '.join(names)}, got {name!r}."
    hint = f"did you mean {near[0]}?" if near else "see: edgecls export --help"
    raise OptionError(message, hint=hint)
