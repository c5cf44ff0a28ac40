"""The operations of a ``.tflite`` file, each timed as a model of its own.

The Python packages of TFLite have no profiler. So each operation is cut out and opened by itself, with XNNPACK
as in the whole. All are executed in turn, in the order of the model, so that weights come from as far away as
they do in the whole. Input and output are brought into the cache before, where the operation before would have
left them. What a call costs that computes nothing is taken off.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from edgecls_device.backends.table import BACKENDS
from edgecls_device.errors import BenchmarkError
from edgecls_device.native_output import captured_stderr

from edgecls_bench.profiling.layer_names import LayerNames
from edgecls_bench.profiling.marks import DYNAMIC, NOT_DELEGATED, Facts, float_islands
from edgecls_bench.profiling.measured import Measured, Row
from edgecls_bench.profiling.stopwatch import Stopwatch
from edgecls_bench.profiling.tflite_pieces import Node, Pieces, read_nodes

__all__ = ["profile_tflite"]

METHOD = (
    "each operation cut out and timed as a model of its own, in turn with the whole: "
    "TFLite's Python packages have no profiler"
)
_WEIGHTED = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"})
_LAYOUT = frozenset({"RESHAPE", "TRANSPOSE", "SQUEEZE", "EXPAND_DIMS", "PAD", "SHAPE", "PACK"})
_DELEGATE = "DELEGATE"
_REPEATED = 2  # the whole model and the empty one are called once before: both are called in a row in real life


def profile_tflite(
    data: bytes, *, backend: str, threads: int, runs: int, alive: Callable[[], None]
) -> Measured:
    """Time each operation.

    Args:
        data: The file.
        backend: ``litert`` or ``tflite-runtime``.
        threads: For one inference.
        runs: How often each operation is timed.
        alive: Called now and then.

    Raises:
        ArtifactError: If the file is damaged.
        BenchmarkError: If the runtime refuses it, or an operation cannot be executed by itself.
    """
    runtime = _Runtime(backend, threads)
    plain = runtime.open(
        model_content=data, is_delegated=False, experimental_preserve_all_tensors=True
    )
    _fill(plain)
    plain.invoke()
    whole = runtime.open(model_content=data)
    _fill(whole)
    nodes = read_nodes(data)
    graph = _Graph(plain, nodes)
    delegated, partitions = _delegated(whole, nodes)
    numbers = [i for i, node in enumerate(nodes) if not node.is_constant]
    with tempfile.TemporaryDirectory(prefix="edgecls-profile-") as directory:
        pieces = Pieces(data, Path(directory) / "piece.tflite")
        opened = []
        for i in numbers:
            node = nodes[i]
            path = pieces.write((*node.needs, i), node.takes, node.gives)
            opened.append(_with_values(runtime.open(model_path=str(path)), plain))
            alive()
        smallest = min((x for node in nodes for x in node.gives), key=graph.size)
        empty = runtime.open(model_path=str(pieces.write((), [smallest], [smallest])))
        whole_us, call_us, *each_us = _time(
            [whole, empty, *opened], threads=threads, runs=runs, alive=alive
        )
    reasons = graph.reasons(numbers, delegated)
    rows = [
        graph.row(i, us - call_us, reason)
        for i, us, reason in zip(numbers, each_us, reasons, strict=True)
    ]
    return Measured(method=METHOD, whole_us=whole_us, rows=tuple(rows), partitions=partitions)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tensor:
    name: str
    shape: tuple[int, ...]
    dtype: str


class _Graph:
    """What the file says about its operations."""

    def __init__(self, interpreter: Any, nodes: Sequence[Node]) -> None:
        self._nodes = nodes
        # There is no public way to see operations.
        self._ops = [str(step["op_name"]) for step in interpreter._get_ops_details()]  # noqa: SLF001
        self._tensors = {
            int(entry["index"]): _Tensor(
                name=str(entry["name"]),
                shape=tuple(int(side) for side in entry["shape"]),
                dtype=np.dtype(entry["dtype"]).name,
            )
            for entry in interpreter.get_tensor_details()
        }
        self._layers = LayerNames(tensor.name for tensor in self._tensors.values())

    def size(self, index: int) -> int:
        return int(np.prod(self._tensors[index].shape))

    def row(self, i: int, us: float, reason: str) -> Row:
        node = self._nodes[i]
        output = self._tensors[node.gives[0]]
        constants = [self._tensors[index].name for index in node.constants]
        return Row(
            name=self._layers.layer(output.name, *constants),
            tensor=output.name,
            op=self._ops[i],
            shape=output.shape,
            precision=self._precision(i),
            us=us,
            reason=reason,
        )

    def reasons(self, numbers: Sequence[int], delegated: set[int]) -> list[str]:
        """Return why each operation is slow; empty where it is not."""
        islands = float_islands([self._facts(i) for i in numbers])
        return [
            self._not_delegated(i) if i not in delegated else island
            for i, island in zip(numbers, islands, strict=True)
        ]

    def _not_delegated(self, i: int) -> str:
        return DYNAMIC if self._is_dynamic(i) else NOT_DELEGATED

    def _facts(self, i: int) -> Facts:
        node = self._nodes[i]
        gives = self._tensors[node.gives[0]].dtype
        return Facts(
            takes=self._tensors[node.takes[0]].dtype if node.takes else gives,
            gives=gives,
            is_weighted=self._ops[i] in _WEIGHTED,
            is_layout=self._ops[i] in _LAYOUT,
        )

    def _is_dynamic(self, i: int) -> bool:
        facts, constants = self._facts(i), self._nodes[i].constants
        is_integer = bool(constants) and self._tensors[constants[0]].dtype in {"int8", "uint8"}
        return facts.is_weighted and facts.takes == "float32" and is_integer

    def _precision(self, i: int) -> str:
        facts = self._facts(i)
        if self._is_dynamic(i):
            return "int8 weights"
        return facts.gives if facts.takes == facts.gives else f"{facts.takes} to {facts.gives}"


class _Runtime:
    """Opens interpreters of one package."""

    def __init__(self, backend: str, threads: int) -> None:
        self._module = import_module(f"{BACKENDS[backend].package}.interpreter")
        self._threads = threads

    def open(self, *, is_delegated: bool = True, **model: Any) -> Any:
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
        message = f"an operation cannot be opened by itself: {reason}"
        raise BenchmarkError(message) from failure


def _delegated(whole: Any, nodes: Sequence[Node]) -> tuple[set[int], int]:
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


def _time(
    interpreters: Sequence[Any], *, threads: int, runs: int, alive: Callable[[], None]
) -> list[float]:
    """Return the median duration of each in microseconds; the first is the whole model."""
    ends = []
    for interpreter in interpreters:
        details = (interpreter.get_input_details(), interpreter.get_output_details())
        ends.append([[entry["index"] for entry in side] for side in details])
        interpreter.invoke()
    stopwatches = [Stopwatch(threads=threads) for _ in interpreters]
    for _ in range(runs):
        for i, (interpreter, (takes, gives), stopwatch) in enumerate(
            zip(interpreters, ends, stopwatches, strict=True)
        ):
            if i < _REPEATED:
                interpreter.invoke()
            for index in gives:
                interpreter.tensor(index)().fill(0)
            for index in takes:
                interpreter.get_tensor(index)
            stopwatch.time(interpreter.invoke)
        alive()
    return [stopwatch.median_us for stopwatch in stopwatches]


def _fill(interpreter: Any) -> None:
    """Give a whole model any picture."""
    rng = np.random.default_rng(0)
    for entry in interpreter.get_input_details():
        dtype, shape = np.dtype(entry["dtype"]), tuple(entry["shape"])
        if dtype.kind == "f":
            values = rng.random(shape, np.float32).astype(dtype)
        else:
            values = rng.integers(0, 127, shape).astype(dtype)
        interpreter.set_tensor(entry["index"], values)


def _with_values(piece: Any, whole: Any) -> Any:
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
