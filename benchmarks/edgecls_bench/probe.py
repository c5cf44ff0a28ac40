"""What the child processes of a benchmark share: their arguments, and errors as one line.

Kept small: the process that measures memory imports it.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from edgecls_device.arrays import Frame
from edgecls_device.backends.table import BACKENDS
from edgecls_device.classifier import Classifier
from edgecls_device.errors import EdgeclsError
from edgecls_device.lazy import load

__all__ = ["Probe", "import_runtime", "open_classifier", "run_probe", "tell"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """What a child is asked to run.

    Attributes:
        artifact: The model file.
        backend: The runtime.
        threads: Threads for one inference.
        frame: A ``.npy`` file with one BGR uint8 frame.
        spec: A file with the spec, for a model that has none inside; else None.
    """

    artifact: Path
    backend: str
    threads: int
    frame: Path
    spec: Path | None

    def to_arguments(self) -> list[str]:
        """Return it as command-line arguments."""
        spec = "" if self.spec is None else str(self.spec)
        return [str(self.artifact), self.backend, str(self.threads), str(self.frame), spec]

    @classmethod
    def from_arguments(cls, arguments: Sequence[str]) -> "Probe":
        """Read what :meth:`to_arguments` gives; more arguments may follow."""
        artifact, backend, threads, frame, spec = arguments[:5]
        return cls(
            artifact=Path(artifact),
            backend=backend,
            threads=int(threads),
            frame=Path(frame),
            spec=Path(spec) if spec else None,
        )

    def read_frame(self) -> Frame:
        """Return the frame."""
        frame: Frame = np.load(self.frame)
        return frame


def import_runtime(probe: Probe) -> None:
    """Import what opening the artifact would import.

    Raises:
        MissingDependencyError: If the runtime is not installed.
    """
    entry = BACKENDS[probe.backend]
    load(entry.target, extra=entry.extra)


def open_classifier(probe: Probe) -> Classifier:
    """Open the artifact as it would be opened to classify."""
    if probe.spec is None:
        return Classifier.open(probe.artifact, backend=probe.backend, threads=probe.threads)
    from edgecls_device.artifact import read_artifact
    from edgecls_device.records import from_json
    from edgecls_device.spec import ModelSpec

    spec = from_json(ModelSpec, probe.spec.read_bytes(), name=str(probe.spec))
    return Classifier.from_artifact(
        read_artifact(probe.artifact), spec=spec, backend=probe.backend, threads=probe.threads
    )


def tell(text: str) -> None:
    """Print one line for the parent, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def run_probe(work: Callable[[], None]) -> None:
    """Do the work; an error of ours becomes one line on standard error and exit code 1."""
    try:
        work()
    except EdgeclsError as error:
        hint = f" ({error.hint})" if error.hint else ""
        sys.stderr.write(f"{error.message}{hint}\n")
        sys.exit(1)
