"""What every backend promises."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from numpy.typing import NDArray

from edgecls_device.errors import OptionError
from edgecls_device.tensors import TensorInfo

__all__ = ["Backend", "BackendOptions", "default_threads"]

MAX_THREADS = 256


def default_threads() -> int:
    """Return how many threads to use: the cores this process may use, at most 4."""
    return min(4, len(os.sched_getaffinity(0)))


@dataclass(frozen=True, kw_only=True, slots=True)
class BackendOptions:
    """How a backend runs.

    Attributes:
        threads: Threads for one inference.

    Raises:
        OptionError: If ``threads`` is not in 1..256.
    """

    threads: int

    def __post_init__(self) -> None:
        if not 1 <= self.threads <= MAX_THREADS:
            message = f"Expected 1..{MAX_THREADS} threads, got {self.threads}."
            raise OptionError(message, hint="use the number of cores, e.g. --threads 4")


class Backend(Protocol):
    """One loaded model on one runtime. It neither resizes nor normalizes.

    ``run`` takes exactly the shape and dtype of ``input`` and raises ``ArtifactError`` if the runtime cannot
    compute it; the caller owns the result. Closing twice is harmless; running after closing is an error.

    What is written to ``input_memory`` need not be copied: ``run()`` without a batch computes it. Nobody may
    hold that array while the model computes, so it is asked for anew for each batch.
    """

    name: ClassVar[str]

    @classmethod
    def open(cls, model: bytes, options: BackendOptions) -> "Backend":
        """Load a model from its bytes.

        Raises:
            ArtifactError: If the runtime refuses it, or it has not one input and one output.
        """

    @property
    def input(self) -> TensorInfo:
        """The input tensor."""

    @property
    def output(self) -> TensorInfo:
        """The output tensor."""

    def input_memory(self) -> NDArray[Any] | None:
        """Return the memory that the runtime reads its input from; None if its shape is left open."""

    def run(self, batch: NDArray[Any] | None = None) -> NDArray[Any]:
        """Compute the output for one batch; by default for what was written to ``input_memory``."""

    def bare_call(self, batch: NDArray[Any]) -> Callable[[], object]:
        """Return the runtime's own call on a prepared batch, with nothing of ours around it.

        Benchmarks hold ``run`` and ``Classifier.classify`` against it.
        """

    def close(self) -> None:
        """Free the model."""
