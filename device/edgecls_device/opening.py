"""Opening any model file: one with our spec as it is, another with what the user says about it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgecls_device.artifact import read_artifact
from edgecls_device.backends.protocol import BackendOptions, default_threads
from edgecls_device.backends.table import choose_backend, open_backend
from edgecls_device.classifier import Classifier
from edgecls_device.errors import OptionError

if TYPE_CHECKING:
    from edgecls_device.foreign import ForeignOptions

__all__ = ["OpenModel", "open_model"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class OpenModel:
    """An open model. The file's content is not kept: a runtime that needs it has it.

    Attributes:
        classifier: Ready to classify.
        notes: What people should know about how it was understood.
    """

    classifier: Classifier
    notes: tuple[str, ...] = ()


def open_model(
    path: Path | str,
    *,
    backend: str | None = None,
    threads: int | None = None,
    foreign: "ForeignOptions | None" = None,
) -> OpenModel:
    """Open a model file.

    Args:
        path: A ``.tflite`` or ``.onnx`` file.
        backend: Its name; by default the first installed one that runs the format.
        threads: Threads for one inference; by default the number of cores, at most 4.
        foreign: What the user says about a model that was not made by edgecls.

    Raises:
        ArtifactError: If it is no usable classifier, or something must be said about it.
        MissingDependencyError: If no runtime for it is installed.
        OptionError: If the backend does not fit, or something is said that the file already says.
        StorageError: If a file cannot be read.
    """
    artifact = read_artifact(path)
    if artifact.spec is not None:
        if foreign is not None and foreign.given:
            message = (
                f"Expected no {foreign.given[0]}, because the model's own spec says it, got one."
            )
            raise OptionError(message, hint=f"leave out {', '.join(foreign.given)}")
        classifier = Classifier.from_artifact(artifact, backend=backend, threads=threads)
        return OpenModel(classifier=classifier)
    from edgecls_device.foreign import ForeignOptions, foreign_spec

    options = BackendOptions(threads=default_threads() if threads is None else threads)
    opened = open_backend(choose_backend(artifact.format, backend), artifact.data, options)
    spec, notes = foreign_spec(artifact, opened, foreign or ForeignOptions())
    return OpenModel(classifier=Classifier(spec, opened), notes=notes)
