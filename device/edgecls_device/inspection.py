"""What a model file says about itself, for people and as a record."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from edgecls_device.artifact import read_artifact
from edgecls_device.backends.protocol import BackendOptions
from edgecls_device.backends.table import choose_backend, open_backend
from edgecls_device.errors import ArtifactError, MissingDependencyError
from edgecls_device.foreign import ForeignOptions, Question, describe_foreign
from edgecls_device.spec import ModelSpec
from edgecls_device.tensors import TensorInfo

__all__ = ["Inspection", "inspect_model"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Inspection:
    """A model file, looked at.

    Attributes:
        path: Where it is.
        format: ``tflite`` or ``onnx``.
        size_bytes: Its size.
        sha256: Of its content, as hex.
        has_spec: Whether it was made by edgecls.
        spec: Its spec; for another model what is known once everything is, else None.
        backend: The runtime that loaded it, empty if none did.
        input: Its input tensor, None if no runtime loaded it.
        output: Its output tensor, None if no runtime loaded it.
        questions: What ``edgecls run`` must be told.
        notes: What people should know about how it was understood.
        problem: Why it cannot be run here, empty if it can.
    """

    kind: ClassVar[str] = "edgecls.inspection"
    version: ClassVar[int] = 1

    path: str
    format: str
    size_bytes: int
    sha256: str
    has_spec: bool
    spec: ModelSpec | None
    backend: str = ""
    input: TensorInfo | None = None
    output: TensorInfo | None = None
    questions: tuple[Question, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""


def inspect_model(path: Path | str) -> Inspection:
    """Look at a model file; a runtime is only needed for its tensors.

    Raises:
        ArtifactError: If it is no model, or cut off.
        SpecError: If the spec inside is damaged or from a newer version.
        StorageError: If it cannot be read.
    """
    artifact = read_artifact(path)
    spec, questions, notes = artifact.spec, tuple[Question, ...](), tuple[str, ...]()
    backend, problem = "", ""
    tensors: tuple[TensorInfo | None, TensorInfo | None] = (None, None)
    try:
        opened = open_backend(
            choose_backend(artifact.format), artifact.data, BackendOptions(threads=1)
        )
        backend, tensors = opened.name, (opened.input, opened.output)
        if spec is None:
            found = describe_foreign(artifact, opened, ForeignOptions())
            spec, questions, notes = found.spec, found.questions, found.notes
    except (ArtifactError, MissingDependencyError) as error:
        problem = error.message + (f" ({error.hint})" if error.hint else "")
    return Inspection(
        path=str(path),
        format=artifact.format,
        size_bytes=len(artifact.data),
        sha256=artifact.sha256,
        has_spec=artifact.spec is not None,
        spec=spec,
        backend=backend,
        input=tensors[0],
        output=tensors[1],
        questions=questions,
        notes=notes,
        problem=problem,
    )
