"""Models that were not made by edgecls: what they say about themselves, and what the user must say.

The shape of the input gives its size and layout, TFLite Metadata its labels, normalization and colours, the
quantization its range. Labels, colour order, resize rule and range that nothing tells are asked for, all at
once, and never guessed: a wrong guess looks like a model that is merely bad.
"""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from edgecls_device.artifact import Artifact
from edgecls_device.backends.protocol import Backend
from edgecls_device.errors import ArtifactError, OptionError
from edgecls_device.files import read_bytes
from edgecls_device.foreign_labels import parse_labels
from edgecls_device.golden import golden_inputs
from edgecls_device.input_range import (
    INPUT_RANGES,
    InputRange,
    parse_input_range,
    quantized_range,
)
from edgecls_device.spec import MAX_SIDE_PX, InputTensor, ModelSpec, Preprocessing
from edgecls_device.tensors import TensorInfo, quantize
from edgecls_device.tflite_metadata import TfliteMetadata, read_tflite_metadata

__all__ = ["ForeignModel", "ForeignOptions", "Question", "describe_foreign", "foreign_spec"]

MAX_LABELS_BYTES = 20_000_000
_SUM_TOLERANCE = 0.01


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignOptions:
    """What the user says about a model; None where nothing is said.

    Attributes:
        labels: File with one label per line.
        input_range: See :mod:`edgecls_device.input_range`.
        color: ``rgb`` or ``bgr``.
        resize: ``crop``, ``stretch`` or ``letterbox``.
        output: ``probabilities`` or ``logits``.
        input_size: ``(height, width)``, for a model that leaves it open.
    """

    labels: Path | None = None
    input_range: str | None = None
    color: Literal["rgb", "bgr"] | None = None
    resize: Literal["crop", "stretch", "letterbox"] | None = None
    output: Literal["probabilities", "logits"] | None = None
    input_size: tuple[int, int] | None = None

    @property
    def given(self) -> tuple[str, ...]:
        """The options that were given, as the user writes them."""
        return tuple(argument.split(" ", 1)[0] for argument in self.arguments)

    @property
    def arguments(self) -> tuple[str, ...]:
        """The options that were given, with their values, such as ``--color rgb``."""
        names = ("labels", "input_range", "color", "resize", "output")
        pairs = [(name.replace("_", "-"), getattr(self, name)) for name in names]
        if self.input_size is not None:
            pairs.append(("input-size", f"{self.input_size[0]}x{self.input_size[1]}"))
        return tuple(f"--{name} {shlex.quote(str(value))}" for name, value in pairs if value)


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """Something that the user must say.

    Attributes:
        option: The option, such as ``--color``.
        values: What it may be.
        example: One of them.
        why: What is not known.
    """

    option: str
    values: str
    example: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignModel:
    """What is known about a model.

    Attributes:
        questions: What the user must still say; empty once everything is known.
        notes: What was read from the file or changed, for people.
        spec: The spec, None while there are questions.
    """

    questions: tuple[Question, ...]
    notes: tuple[str, ...]
    spec: ModelSpec | None


def foreign_spec(
    artifact: Artifact, backend: Backend, options: ForeignOptions
) -> tuple[ModelSpec, tuple[str, ...]]:
    """Return the spec of a model without one, and notes for people.

    Raises:
        ArtifactError: If it is no image classifier, its labels do not match its outputs, or something that
            must be known is neither in the file nor in ``options``.
        OptionError: If an option says something else than the file.
        StorageError: If the labels cannot be read.
    """
    model = describe_foreign(artifact, backend, options)
    if model.spec is None:
        raise _unanswered(artifact, model.questions, options)
    return model.spec, model.notes


def describe_foreign(artifact: Artifact, backend: Backend, options: ForeignOptions) -> ForeignModel:
    """Find out what a model says about itself, and what is missing; see :func:`foreign_spec`."""
    known = read_tflite_metadata(artifact.data) if artifact.format == "tflite" else TfliteMetadata()
    if known.color == "grayscale":
        message = "Expected a model of colour pictures, got one of grey pictures."
        raise ArtifactError(message, hint="give a classifier with three colour channels")
    return _Asking(artifact, backend, options, known).result()


class _Asking:
    """Collects what is known, and questions about what is not."""

    def __init__(
        self, artifact: Artifact, backend: Backend, options: ForeignOptions, known: TfliteMetadata
    ) -> None:
        self._artifact = artifact
        self._backend = backend
        self._options = options
        self._known = known
        self._questions: list[Question] = []
        self._notes: list[str] = []

    def result(self) -> ForeignModel:
        _check_dtype(self._backend.input)
        classes = _classes(self._backend.output)
        layout, size = self._geometry()
        labels = self._labels(classes)
        pixels = self._range()
        color = self._color()
        resize = self._options.resize
        if resize is None:
            why = "no file says how pictures were brought to the input size"
            self._ask("--resize", "crop, stretch or letterbox", "crop", why)
        output = self._output(size, layout)
        spec = None
        if labels and size and pixels and color and resize and output:
            spec = ModelSpec(
                name=self._artifact.path.stem,
                labels=labels,
                preprocessing=Preprocessing(height=size[0], width=size[1], resize=resize),
                input=InputTensor(
                    dtype=cast("Any", self._backend.input.dtype),
                    layout=layout,
                    color=color,
                    mean=pixels.mean,
                    std=pixels.std,
                ),
                output=output,
            )
        return ForeignModel(questions=tuple(self._questions), notes=tuple(self._notes), spec=spec)

    def _ask(self, option: str, values: str, example: str, why: str) -> None:
        self._questions.append(Question(option=option, values=values, example=example, why=why))

    def _geometry(self) -> tuple[Literal["nhwc", "nchw"], tuple[int, int] | None]:
        shape = self._backend.input.shape
        layout = _layout(self._backend.input)
        height, width = shape[1:3] if layout == "nhwc" else shape[2:4]
        said = self._options.input_size
        if height > 0 and width > 0:
            if said not in {None, (height, width)}:
                message = (
                    f"Expected --input-size {height}x{width}, which the model says, got another."
                )
                raise OptionError(message, hint="leave --input-size out")
            return layout, (height, width)
        if said is None:
            why = f"the model leaves it open: {shape}"
            self._ask("--input-size", "HEIGHTxWIDTH in pixels", "224x224", why)
        return layout, said

    def _labels(self, classes: int) -> tuple[str, ...]:
        path, inside = self._options.labels, self._known.labels_file
        if path is not None:
            content, name = read_bytes(path, max_bytes=MAX_LABELS_BYTES), repr(str(path))
            if inside is not None:
                self._notes.append(f"the labels in the file's metadata are replaced by {name}")
        elif inside is not None:
            content, name = inside, "the model's metadata"
        else:
            why = f"the names of its {classes} outputs"
            self._ask("--labels", "a file with one label per line", "labels.txt", why)
            return ()
        labels, notes = parse_labels(content, name=name)
        if len(labels) != classes:
            message = (
                f"Expected {classes} labels for {classes} outputs, got {len(labels)} in {name}."
            )
            hint = "give one label per output, in the order of the outputs"
            if classes == len(labels) + 1:
                hint += '; some models begin with an extra class "background"'
            raise ArtifactError(message, hint=hint)
        self._notes += notes
        return labels

    def _range(self) -> InputRange | None:
        tensor, said = self._backend.input, self._options.input_range
        covered = quantized_range(tensor.dtype, tensor.scale, tensor.zero_point)
        if tensor.dtype == "uint8" and not tensor.scale:
            covered = "0..255"
        if covered:  # the tensor itself says what pixels become
            if said is not None and parse_input_range(said) != parse_input_range(covered):
                message = f"Expected no --input-range other than {covered}, which the model says, got {said}."
                raise OptionError(message, hint="leave --input-range out")
            return InputRange() if tensor.dtype == "uint8" else parse_input_range(covered)
        if said is not None:
            return parse_input_range(said)
        if self._known.mean and self._known.std:
            return _from_metadata(self._known)
        why = f"what its {tensor.dtype} input makes of pixels 0..255"
        self._ask("--input-range", INPUT_RANGES, "-1..1", why)
        return None

    def _color(self) -> Literal["rgb", "bgr"] | None:
        said = self._options.color
        if self._known.color == "rgb":
            if said == "bgr":
                message = "Expected --color rgb, which the model's metadata says, got bgr."
                raise OptionError(message, hint="leave --color out")
            return "rgb"
        if said is None:
            self._ask("--color", "rgb or bgr", "rgb", "the order of its colour channels")
        return said

    def _output(
        self, size: tuple[int, int] | None, layout: str
    ) -> Literal["probabilities", "logits"] | None:
        if self._options.output is not None:
            return self._options.output
        if size is None:
            return None
        if _gives_probabilities(self._backend, size, layout):
            return "probabilities"
        self._ask("--output", "probabilities or logits", "logits", "its outputs do not add up to 1")
        return None


def _check_dtype(tensor: TensorInfo) -> None:
    if tensor.dtype not in {"uint8", "int8", "float32"}:
        message = f"Expected an input of uint8, int8 or float32, got {tensor.dtype}."
        raise ArtifactError(message, hint="export the model with one of these inputs")
    if tensor.dtype == "int8" and not tensor.scale:
        message = "Expected an int8 input that says its scale, got one without."
        raise ArtifactError(message, hint="export the model with a uint8 or float32 input")


def _classes(output: TensorInfo) -> int:
    if output.size != max(output.shape, default=0) or output.size < 2:
        message = f"Expected a classifier with one score per class, got an output of shape {output.shape}."
        raise ArtifactError(message, hint="give an image classifier")
    return output.size


def _layout(tensor: TensorInfo) -> Literal["nhwc", "nchw"]:
    shape = tensor.shape
    if len(shape) == 4 and shape[0] in {1, -1} and max(shape) <= MAX_SIDE_PX:
        if shape[3] == 3 and shape[1] != 3:
            return "nhwc"
        if shape[1] == 3 and shape[3] != 3:
            return "nchw"
    message = f"Expected an input of one colour picture, got the shape {shape}."
    raise ArtifactError(message, hint="give an image classifier for one picture at a time")


def _from_metadata(known: TfliteMetadata) -> InputRange:
    is_usable = (
        len(known.mean) == len(known.std) and len(known.mean) in {1, 3} and min(known.std) > 0
    )
    if not is_usable:
        message = (
            f"Expected a mean and a deviation in the metadata, got {known.mean} and {known.std}."
        )
        raise ArtifactError(message, hint=f"say it with --input-range: {INPUT_RANGES}")
    return InputRange(mean=known.mean, std=known.std)


def _gives_probabilities(backend: Backend, size: tuple[int, int], layout: str) -> bool:
    """Return whether outputs are those of a softmax: by its fixed quantization, or by trying."""
    info = backend.output
    if info.scale:
        least = np.iinfo(np.dtype(info.dtype)).min
        return info.zero_point == least and abs(info.scale - 1 / 256) < 1e-6
    if info.dtype != "float32":
        return False
    for pixels in golden_inputs(0, *size, count=2).astype(np.float32):
        batch = pixels[np.newaxis] if layout == "nhwc" else pixels.transpose(2, 0, 1)[np.newaxis]
        tensor = backend.input
        ready = quantize(batch, tensor) if tensor.scale else batch.astype(tensor.dtype)
        scores = backend.run(np.ascontiguousarray(ready)).reshape(-1)
        if not (scores.min() >= 0 and abs(float(scores.sum()) - 1) <= _SUM_TOLERANCE):
            return False
    return True


def _unanswered(
    artifact: Artifact, questions: tuple[Question, ...], options: ForeignOptions
) -> ArtifactError:
    asked = "; ".join(f"{q.option} ({q.values}): {q.why}" for q in questions)
    message = f"Expected to know what {str(artifact.path)!r} means, got no edgecls spec in it. Say: {asked}."
    examples = [f"{question.option} {question.example}" for question in questions]
    model = shlex.quote(str(artifact.path))
    command = " ".join(["edgecls run", model, *options.arguments, *examples])
    return ArtifactError(message, hint=f"for example: {command} --source photo.jpg")
