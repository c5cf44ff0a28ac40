"""What one ``edgecls bench profile`` found: the operations of TFLite and ONNX models in one form."""

from dataclasses import dataclass
from typing import ClassVar

from edgecls_bench.machine import Machine

__all__ = ["ModelProfile", "Operation", "Profile"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """One operation, as the runtime executes it.

    Attributes:
        name: The layer it comes from, as far as the file says it.
        tensor: The full name in the file: of its first output in TFLite, of the node in ONNX.
        op: The runtime's name of it, such as ``CONV_2D`` or ``QLinearConv``.
        shape: Of its first output.
        precision: What it computes in, such as ``int8`` or ``float32``.
        p50_us: Median duration in microseconds.
        share: Of the sum of all durations of the model, 0..1.
        is_fast_path: Whether the runtime executes it in its fastest way.
        reason: Why not; empty if it does.
    """

    name: str
    tensor: str
    op: str
    shape: tuple[int, ...]
    precision: str
    p50_us: float
    share: float
    is_fast_path: bool
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelProfile:
    """The operations of one model file on one runtime, in the order in which they are executed.

    Attributes:
        artifact: Name of the file.
        sha256: Of its content, as hex.
        format: ``tflite`` or ``onnx``.
        backend: The runtime.
        threads: Threads for one inference.
        runs: How often each operation was timed.
        method: How it was timed, in a sentence.
        whole_us: Median duration of the whole model in microseconds, timed in turn with the operations.
        operations: Empty if it could not be profiled.
        partitions: Parts into which TFLite cut the model to give them to XNNPACK; 0 for ONNX.
        advice: What to do about operations that left the fast path, a sentence each.
        error: Why it could not be profiled; empty if it could.
    """

    artifact: str
    sha256: str
    format: str
    backend: str
    threads: int
    runs: int
    method: str = ""
    whole_us: float = 0.0
    operations: tuple[Operation, ...] = ()
    partitions: int = 0
    advice: tuple[str, ...] = ()
    error: str = ""

    @property
    def sum_us(self) -> float:
        """Sum of the operations' durations, in microseconds."""
        return sum(operation.p50_us for operation in self.operations)

    @property
    def slow(self) -> tuple[Operation, ...]:
        """The operations that left the fast path."""
        return tuple(entry for entry in self.operations if not entry.is_fast_path)

    @property
    def slow_share(self) -> float:
        """Their share of the time, 0..1."""
        return sum(operation.share for operation in self.slow)


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """The profiles of some model files on one machine.

    Attributes:
        created: When, ISO 8601.
        machine: What they were made on.
        models: In the order given.
        void: Why the times say nothing; empty if they do.
    """

    kind: ClassVar[str] = "edgecls.profile"
    version: ClassVar[int] = 1

    created: str
    machine: Machine
    models: tuple[ModelProfile, ...]
    void: str = ""
