"""Interpreters of TFLite: opening them, giving them values, and seeing what they hand to XNNPACK."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
from edgecls_device.backends.table import BACKENDS
from edgecls_device.errors import BenchmarkError
from edgecls_device.native_output import captured_stderr

from edgecls_bench.profiling.tflite_pieces import Node

__all__ = ["TfliteRuntime", "delegated", "fill", "with_values"]

_DELEGATE = "DELEGATE"


class TfliteRuntime:
    """Opens interpreters of one package."""

    def __init__(self, backend: str, threads: int) -> None:
        """``backend`` is ``litert`` or ``tflite-runtime``."""
        self._backend = backend
        self._module = import_module(f"{BACKENDS[backend].package}.interpreter")
        self._threads = threads

    def open(self, *, is_delegated: bool = True, **model: Any) -> Any:
        """Open a model, with XNNPACK or without.

        Raises:
            BenchmarkError: If the runtime refuses it.
        """
        resolvers = self._module.OpResolverType
        kind = resolvers.AUTO if is_delegated else resolvers.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        with captured_stderr() as printed:
            try:
                interpreter = self._module.Interpreter(
                    num_threads=self._threads, experimental_op_resolver_type=kind, **model
                )
                interpreter.allocate_tensors()
            except (RuntimeError, ValueError) as error:
                failure = error
            else:
                return interpreter
        reason = " ".join([str(failure).strip(), *printed[-1:]])
        message = f"{self._backend} cannot open it: {reason}"
        raise BenchmarkError(message) from failure


def delegated(whole: Any, nodes: Sequence[Node]) -> tuple[set[int], int]:
    """Return the numbers of the operations that XNNPACK executes, and into how many parts it took them."""
    makers = {index: i for i, node in enumerate(nodes) for index in node.gives}
    parts = [
        step
        for step in whole._get_ops_details()  # noqa: SLF001 - no public way to see operations
        if step["op_name"] == _DELEGATE
    ]
    found: set[int] = set()
    count = 0
    for part in parts:
        members = _members(part, makers, nodes)
        found |= members
        count += any(not nodes[i].is_constant for i in members)
    return found, count


def _members(part: Any, makers: Mapping[int, int], nodes: Sequence[Node]) -> set[int]:
    """Return the numbers of the operations between the inputs and the outputs of a part."""
    ends = set(map(int, part["inputs"]))
    open_ends = [int(index) for index in part["outputs"]]
    found: set[int] = set()
    while open_ends:
        maker = makers.get(open_ends.pop())
        if maker is not None and maker not in found:
            found.add(maker)
            open_ends.extend(index for index in nodes[maker].takes if index not in ends)
    return found


def fill(interpreter: Any) -> None:
    """Give a whole model any picture."""
    rng = np.random.default_rng(0)
    for entry in interpreter.get_input_details():
        dtype, shape = np.dtype(entry["dtype"]), tuple(entry["shape"])
        if dtype.kind == "f":
            values = rng.random(shape, np.float32).astype(dtype)
        else:
            values = rng.integers(0, 127, shape).astype(dtype)
        interpreter.set_tensor(entry["index"], values)


def with_values(piece: Any, whole: Any) -> Any:
    """Give a piece what it takes in the whole model: indexes and shapes too must be real ones."""
    inputs = piece.get_input_details()
    values = [whole.get_tensor(entry["index"]) for entry in inputs]
    for entry, array in zip(inputs, values, strict=True):
        if tuple(entry["shape"]) != array.shape:
            piece.resize_tensor_input(entry["index"], array.shape)
            piece.allocate_tensors()
    for entry, array in zip(inputs, values, strict=True):
        piece.set_tensor(entry["index"], array)
    return piece
