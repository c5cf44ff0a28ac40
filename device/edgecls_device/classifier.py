"""Classifier: a model file and a frame give a label. The device's public face."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import cast

import numpy as np

from edgecls_device.arrays import Batch, Frame, Scores
from edgecls_device.artifact import Artifact, read_artifact
from edgecls_device.backends.protocol import Backend, BackendOptions, default_threads
from edgecls_device.backends.table import choose_backend, open_backend
from edgecls_device.errors import ArtifactError
from edgecls_device.postprocessing import UNKNOWN_LABEL, ScoredLabel, shown_scores, top_k
from edgecls_device.preprocessing import Preprocessor
from edgecls_device.spec import ModelSpec
from edgecls_device.tensors import TensorInfo, dequantize, quantize

__all__ = ["Classifier", "Prediction"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """What a frame shows.

    Attributes:
        label: The best label, or ``unknown`` if its score is below the spec's threshold.
        score: The best score, 0..1.
        class_id: Place of the best label among the shown labels, also if it is unknown.
        is_unknown: Whether the score is below the threshold.
        preprocess_ms: Time from frame to model input.
        inference_ms: Time in the runtime.
        scores: All scores, in the order of the shown labels, float32; read-only.
        labels: The shown labels.
        k: How many labels :attr:`top` holds.
    """

    label: str
    score: float
    class_id: int
    is_unknown: bool
    preprocess_ms: float
    inference_ms: float
    scores: Scores = field(compare=False, repr=False)
    labels: tuple[str, ...] = field(default=(), compare=False, repr=False)
    k: int = 0

    @property
    def top(self) -> tuple[ScoredLabel, ...]:
        """The best labels, best first; sorted when asked, since many frames need only the best one."""
        return tuple(top_k(self.scores, self.labels, self.k)) if self.labels else ()


class Classifier:
    """One model on one backend.

    It is for one thread at a time: its buffers are reused from frame to frame.

    Attributes:
        spec: What the model means.
    """

    def __init__(self, spec: ModelSpec, backend: Backend) -> None:
        """Join a spec and an open backend.

        Raises:
            ArtifactError: If they do not fit together.
        """
        _check_fit(spec, backend.input, backend.output)
        self.spec = spec
        self._backend = backend
        self._preprocessor = Preprocessor(spec.preprocessing, spec.input)
        self._labels = spec.output_labels
        self._input_dtype = np.dtype(backend.input.dtype)
        self._is_quantized = backend.output.dtype != "float32"
        self._input_memory = _memory_of(backend, self._preprocessor.dtype)

    @classmethod
    def open(
        cls, path: Path | str, *, backend: str | None = None, threads: int | None = None
    ) -> "Classifier":
        """Open a model file.

        Args:
            path: A ``.tflite`` or ``.onnx`` file.
            backend: ``litert``, ``tflite-runtime`` or ``onnxruntime``; by default the first installed one
                that runs the format.
            threads: Threads for one inference; by default the number of cores, at most 4.

        Raises:
            ArtifactError: If it is no usable classifier.
            MissingDependencyError: If no runtime for it is installed.
            OptionError: If the backend does not exist or does not run this format.
            StorageError: If the file cannot be read.
        """
        return cls.from_artifact(read_artifact(path), backend=backend, threads=threads)

    @classmethod
    def from_artifact(
        cls,
        artifact: Artifact,
        *,
        spec: ModelSpec | None = None,
        backend: str | None = None,
        threads: int | None = None,
    ) -> "Classifier":
        """Open a model that was already read; ``spec`` describes one that has none inside.

        Raises:
            ArtifactError: If it is no usable classifier, or nothing says what it means.
            MissingDependencyError: If no runtime for it is installed.
            OptionError: If the backend does not exist or does not run this format.
        """
        spec = spec or artifact.spec
        if spec is None:
            message = f"Expected a model with an edgecls spec inside, got {str(artifact.path)!r} without one."
            raise ArtifactError(
                message, hint=f"edgecls run {artifact.path} --labels labels.txt --source photo.jpg"
            )
        name = choose_backend(artifact.format, backend)
        options = BackendOptions(threads=default_threads() if threads is None else threads)
        return cls(spec, open_backend(name, artifact.data, options))

    @property
    def backend(self) -> Backend:
        """The open backend."""
        return self._backend

    def classify(self, frame: Frame, *, k: int = 5) -> Prediction:
        """Say what a frame shows.

        Args:
            frame: BGR uint8 of any size, as OpenCV gives it.
            k: How many labels ``top`` holds, at least 1.

        Raises:
            FrameError: If it is not a picture.
            ArtifactError: If the model gives scores that are not numbers.
            ValueError: If ``k < 1``.
        """
        if k < 1:
            message = f"Expected k to be at least 1, got {k}."
            raise ValueError(message)
        start = time.perf_counter_ns()
        batch = self._prepare(frame)
        ready = time.perf_counter_ns()
        output = self.raw_scores(batch)
        done = time.perf_counter_ns()
        scores = shown_scores(output, self.spec)
        values = scores.tolist()
        score = max(values)
        class_id = values.index(score)  # of equals the first, as in top
        is_unknown = score < self.spec.unknown_threshold
        return Prediction(
            label=UNKNOWN_LABEL if is_unknown else self._labels[class_id],
            score=score,
            class_id=class_id,
            is_unknown=is_unknown,
            preprocess_ms=(ready - start) / 1e6,
            inference_ms=(done - ready) / 1e6,
            scores=scores,
            labels=self._labels,
            k=k,
        )

    def _prepare(self, frame: Frame) -> Batch | None:
        """Return the model's input; None where the runtime has it already."""
        if self._input_memory is None:
            return self._preprocessor(frame)
        self._preprocessor.write(frame, self._input_memory)
        return None

    def raw_scores(self, batch: Batch | None) -> Scores:
        """Return the model's own output for a prepared input, before temperature and groups.

        Args:
            batch: Batch 1 as ``spec.input`` says; for our own artifacts uint8 NHWC RGB. None for what was
                written to the backend's ``input_memory``.

        Returns:
            Shape ``(num_classes,)``, float32.

        Raises:
            ArtifactError: If it holds values that are not numbers.
        """
        if batch is not None and batch.dtype != self._input_dtype:
            info = self._backend.input
            batch = quantize(batch, info) if info.scale else batch.astype(info.dtype)
        output = self._backend.run(batch).reshape(-1)
        if self._is_quantized:
            output = dequantize(output, self._backend.output)
        if not math.isfinite(sum(output.tolist())):  # faster than NumPy's isfinite for one row
            message = "Expected scores that are numbers, got NaN or infinity."
            raise ArtifactError(
                message, hint="export the model again; check it with: edgecls verify ARTIFACT"
            )
        return output

    def close(self) -> None:
        """Free the model; closing twice is harmless."""
        self._backend.close()

    def __enter__(self) -> "Classifier":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _memory_of(backend: Backend, dtype: str) -> Callable[[], Batch] | None:
    """Return what gives the runtime's own input; None if its shape is left open, or it holds other numbers."""
    if backend.input.dtype != dtype or backend.input_memory() is None:
        return None
    return cast("Callable[[], Batch]", backend.input_memory)


def _check_fit(spec: ModelSpec, tensor: TensorInfo, output: TensorInfo) -> None:
    height, width = spec.preprocessing.height, spec.preprocessing.width
    wanted = (1, height, width, 3) if spec.input.layout == "nhwc" else (1, 3, height, width)
    got = tuple(
        side if side > 0 else asked for side, asked in zip(tensor.shape, wanted, strict=False)
    )
    if len(tensor.shape) != 4 or got != wanted:
        message = f"Expected a model input of shape {wanted}, got {tensor.shape}."
        raise ArtifactError(message, hint="the spec does not describe this model; export it again")
    if tensor.dtype != spec.input.dtype:
        message = f"Expected a model input of {spec.input.dtype}, got {tensor.dtype}."
        raise ArtifactError(message, hint="the spec does not describe this model; export it again")
    is_quantized = output.dtype in {"uint8", "int8", "int16"} and output.scale > 0
    if output.dtype != "float32" and not is_quantized:
        message = f"Expected scores of float32, or quantized with a scale, got {output.dtype}."
        raise ArtifactError(
            message, hint="give a classifier that ends in scores, not in class numbers"
        )
    if output.size != max(output.shape) or output.size != len(spec.labels):
        shape = (1, len(spec.labels))
        message = f"Expected a model output of shape {shape} for its labels, got {output.shape}."
        raise ArtifactError(message, hint="give one label per output, in the order of the outputs")
