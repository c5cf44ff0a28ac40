"""The exporters there are: the whole registry, and the choice among them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from edgecls_device.errors import MissingDependencyError, OptionError
from edgecls_device.lazy import load

from edgecls_export.exported import Images, ModelBody

if TYPE_CHECKING:
    from edgecls_export.frozen import FrozenModel

__all__ = ["EXPORTERS", "Convert", "ExporterEntry", "choose_exporters", "find_exporter"]

Convert: TypeAlias = "Callable[[FrozenModel, Images], ModelBody]"
"""What an exporter is: a frozen model and calibration images (maybe none) give the body of a file."""

_TFLITE = ("tensorflow", "flatbuffers")
_ONNX = ("tensorflow", "tf2onnx", "onnx")
_LITERT_QUANTIZER = (*_TFLITE, "litert_quantizer")
_ONNX_QUANTIZER = (*_ONNX, "onnxruntime", "sympy")


@dataclass(frozen=True, kw_only=True, slots=True)
class ExporterEntry:
    """One exporter.

    Attributes:
        target: ``module:attribute`` of its function.
        packages: What must be installed.
        summary: What it does, in a line.
        fast: Where it is fast.
        slow: Where it is not, or what it costs.
        precision: Which limits of :mod:`edgecls_export.fidelity` it must keep.
        needs_calibration: Whether it measures value ranges on photos.
        training_photos: Photos it wants to be tuned on, instead of those to calibrate on; 0 if it is not tuned.
        is_default: Whether it is exported where no recipe is named.
        extra: What to install for its packages.
    """

    target: str
    packages: tuple[str, ...]
    summary: str
    fast: str
    slow: str
    precision: Literal["float32", "float16", "int8"]
    needs_calibration: bool = False
    training_photos: int = 0
    is_default: bool = True
    extra: str = "export"

    @property
    def is_installed(self) -> bool:
        """Whether all its packages are installed; nothing is imported."""
        return all(find_spec(package) is not None for package in self.packages)

    def check_packages(self) -> None:
        """Check, without importing anything, that what it needs is installed.

        Raises:
            MissingDependencyError: If a package is not.
        """
        for package in self.packages:
            if find_spec(package) is None:
                message = f"Exporting needs the package {package!r}, which is not installed."
                raise MissingDependencyError(message, hint=f"pip install 'edgecls[{self.extra}]'")

    def load(self) -> Convert:
        """Import the function.

        Raises:
            MissingDependencyError: If a package it needs is not installed.
        """
        self.check_packages()
        return cast("Convert", load(self.target, extra=self.extra))


EXPORTERS: Mapping[tuple[str, str], ExporterEntry] = MappingProxyType(
    {
        ("tflite", "float32"): ExporterEntry(
            target="edgecls_export.tflite_exporters:to_float32",
            packages=_TFLITE,
            summary="the model as it was trained",
            fast="nowhere in particular: it is the reference that others are held against",
            slow="about half the speed of int8 on CPUs, four times its size",
            precision="float32",
        ),
        ("tflite", "float16"): ExporterEntry(
            target="edgecls_export.tflite_exporters:to_float16",
            packages=_TFLITE,
            summary="weights stored as float16",
            fast="GPUs and CPUs with float16 arithmetic",
            slow="on other CPUs no faster than float32: weights are widened while loading",
            precision="float16",
        ),
        ("tflite", "int8"): ExporterEntry(
            target="edgecls_export.tflite_exporters:to_int8",
            packages=_TFLITE,
            summary="8-bit integers throughout, weights per channel, float softmax",
            fast="CPUs, above all with dot-product instructions (Pi 5, x86 with VNNI)",
            slow="where an operator has no integer kernel, such as the hard-swish of MobileNetV3",
            precision="int8",
            needs_calibration=True,
        ),
        ("tflite", "int8-litert"): ExporterEntry(
            target="edgecls_export.litert_exporter:to_int8_litert",
            packages=_LITERT_QUANTIZER,
            summary="as int8, made by litert-quantizer, ranges from least to greatest value",
            fast="where int8 is: the operators are the same, the rounding of weights and ranges is not",
            slow="where int8 is; its package wants one exact version of ai-edge-litert",
            precision="int8",
            needs_calibration=True,
            is_default=False,
            extra="litert-quantizer",
        ),
        ("tflite", "int8-io"): ExporterEntry(
            target="edgecls_export.tflite_exporters:to_int8_io",
            packages=_TFLITE,
            summary="8-bit integers throughout and at both ends, for compilers of accelerators",
            fast="Edge TPU and NPUs, whose compilers take no float operator; elsewhere as int8",
            slow="scores in steps of 1/256: of 1000 classes two share the first place on 5 % of photos and the "
            "five best change places on 30 %; temperature and thresholds get coarse",
            precision="int8",
            needs_calibration=True,
            is_default=False,
        ),
        ("tflite", "int8-mixed"): ExporterEntry(
            target="edgecls_export.tflite_mixed:to_int8_mixed",
            packages=_LITERT_QUANTIZER,
            summary="as int8-litert, with the layers in float that lose most: at most a quarter of the weights",
            fast="between int8 and float32, for models that int8 breaks",
            slow="1.1 to 2.1 times the time of int8, 1.1 to 1.6 times its size; gains little where int8 holds",
            precision="int8",
            needs_calibration=True,
            is_default=False,
            extra="litert-quantizer",
        ),
        ("tflite", "int8-qat"): ExporterEntry(
            target="edgecls_export.tuned_exporters:tflite_to_tuned_int8",
            packages=_TFLITE,
            summary="int8 of weights tuned for it against the float model, where that measures better",
            fast="as int8",
            slow="takes minutes to make, and hundreds of photos",
            precision="int8",
            needs_calibration=True,
            training_photos=1000,
            is_default=False,
        ),
        ("tflite", "dynamic"): ExporterEntry(
            target="edgecls_export.tflite_exporters:to_dynamic",
            packages=_TFLITE,
            summary="8-bit weights, activations quantized anew in each operator; no calibration",
            fast="where a model is mostly dense layers; with hard-swish or SiLU it can be faster than float32",
            slow="0.4 to 1.9 times the time of float32 on CPUs, with EfficientNet-Lite0 and MobileNetV2 1.3 to "
            "1.9 times: each operator first looks for its range",
            precision="int8",
            is_default=False,
        ),
        ("tflite", "int16"): ExporterEntry(
            target="edgecls_export.tflite_exporters:to_int16",
            packages=_TFLITE,
            summary="16-bit activations, 8-bit weights, float softmax",
            fast="accelerators and DSPs with 16-bit kernels",
            slow="62 to 98 times the time of float32 on CPUs: the runtime has only plain kernels for them",
            precision="int8",
            needs_calibration=True,
            is_default=False,
        ),
        ("onnx", "float32"): ExporterEntry(
            target="edgecls_export.onnx_exporters:to_float32",
            packages=_ONNX,
            summary="the model as it was trained",
            fast="nowhere in particular: it is the reference that others are held against",
            slow="about half the speed of int8 on CPUs, four times its size",
            precision="float32",
        ),
        ("onnx", "int8"): ExporterEntry(
            target="edgecls_export.onnx_exporters:to_int8",
            packages=_ONNX_QUANTIZER,
            summary="8-bit integers throughout, weights per channel, ranges from least to greatest value",
            fast="CPUs, above all with dot-product instructions (Pi 5, x86 with VNNI)",
            slow="where an operator has no integer kernel: it then runs in float between two conversions",
            precision="int8",
            needs_calibration=True,
        ),
        ("onnx", "float16"): ExporterEntry(
            target="edgecls_export.onnx_exporters:to_float16",
            packages=_ONNX,
            summary="weights stored as float16, widened while loading; arithmetic stays float32",
            fast="on a slow link or a small disk: half the size of float32",
            slow="as fast as float32 and not faster",
            precision="float16",
            is_default=False,
        ),
        ("onnx", "int8-percentile"): ExporterEntry(
            target="edgecls_export.onnx_histograms:to_int8_percentile",
            packages=_ONNX_QUANTIZER,
            summary="as int8, but the rarest 0.01 % of each tensor's values are out of its range",
            fast="where int8 is",
            slow="where int8 is, and made a little more slowly; as near to float32 on EfficientNet-Lite0",
            precision="int8",
            needs_calibration=True,
            is_default=False,
        ),
        ("onnx", "int8-entropy"): ExporterEntry(
            target="edgecls_export.onnx_histograms:to_int8_entropy",
            packages=_ONNX_QUANTIZER,
            summary="as int8, with the ranges that lose the least information (Kullback-Leibler)",
            fast="where int8 is",
            slow="where int8 is; with none of our backbones nearer to float32's answers than int8",
            precision="int8",
            needs_calibration=True,
            is_default=False,
        ),
        ("onnx", "int8-mixed"): ExporterEntry(
            target="edgecls_export.onnx_mixed:to_int8_mixed",
            packages=_ONNX_QUANTIZER,
            summary="as int8, with the layers in float that lose most: at most a quarter of the weights",
            fast="between int8 and float32, for models that int8 breaks",
            slow="1.2 to 2.3 times the time of int8, 1.1 to 1.6 times its size; gains little where int8 holds",
            precision="int8",
            needs_calibration=True,
            is_default=False,
        ),
        ("onnx", "int8-qat"): ExporterEntry(
            target="edgecls_export.tuned_exporters:onnx_to_tuned_int8",
            packages=_ONNX_QUANTIZER,
            summary="int8 of weights tuned for it against the float model, where that measures better",
            fast="as int8",
            slow="takes minutes to make, and hundreds of photos",
            precision="int8",
            needs_calibration=True,
            training_photos=1000,
            is_default=False,
        ),
        ("onnx", "dynamic"): ExporterEntry(
            target="edgecls_export.onnx_exporters:to_dynamic",
            packages=_ONNX_QUANTIZER,
            summary="as dynamic TFLite, but depthwise convolutions and the first one stay in float",
            fast="where a model is mostly dense layers, which one of convolutions is not",
            slow="1.2 to 2.9 times the time of float32 on CPUs: each operator first looks for its range",
            precision="int8",
            is_default=False,
        ),
        ("onnx", "int16"): ExporterEntry(
            target="edgecls_export.onnx_exporters:to_int16",
            packages=_ONNX_QUANTIZER,
            summary="16-bit activations, 8-bit weights, float softmax; needs ONNX Runtime 1.18",
            fast="accelerators and DSPs with 16-bit kernels",
            slow="3.1 to 10.9 times the time of float32 on CPUs: it computes in float, between conversions",
            precision="int8",
            needs_calibration=True,
            is_default=False,
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
    """Return the (format, recipe) pairs asked for, in the order of the table.

    Where no recipe is named, the default ones of the formats are meant. Where only recipes are named, every
    format that has one is meant; where both are named, every pair of theirs must exist.

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
        for key, entry in EXPORTERS.items()
        if (not formats or key[0] in formats)
        and (key[1] in recipes if recipes else entry.is_default)
    )


def _expect_known(what: str, name: str, known: Sequence[str]) -> None:
    if name in known:
        return
    names = list(dict.fromkeys(known))
    near = get_close_matches(name, names, n=1, cutoff=0.4)
    message = f"Expected a {what} of {', '.join(names)}, got {name!r}."
    hint = f"did you mean {near[0]}?" if near else "see: edgecls export --help"
    raise OptionError(message, hint=hint)
