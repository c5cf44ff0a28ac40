"""The operations of a ``.tflite`` file, each timed as a model of its own.

The Python packages of TFLite have no profiler. So each operation is cut out and opened by itself, with XNNPACK
if it is there in the whole. All are executed in turn, in the order of the model, so that weights come from as
far away as they do in the whole. Input and output are brought into the cache before, where the operation
before would have left them. What a call costs that computes nothing is taken off.
"""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edgecls_bench.profiling.measured import Measured
from edgecls_bench.profiling.stopwatch import Stopwatch
from edgecls_bench.profiling.tflite_interpreters import (
    TfliteRuntime,
    delegated,
    fill,
    with_values,
)
from edgecls_bench.profiling.tflite_operations import TfliteOperations
from edgecls_bench.profiling.tflite_pieces import Pieces, read_nodes

__all__ = ["profile_tflite"]

METHOD = (
    "each operation cut out and timed as a model of its own, in turn with the whole: "
    "TFLite's Python packages have no profiler"
)
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
    runtime = TfliteRuntime(backend, threads)
    plain = runtime.open(
        model_content=data, is_delegated=False, experimental_preserve_all_tensors=True
    )
    fill(plain)
    plain.invoke()
    whole = runtime.open(model_content=data)
    fill(whole)
    nodes = read_nodes(data)
    graph = TfliteOperations(plain, nodes)
    in_xnnpack, partitions = delegated(whole, nodes)
    numbers = [i for i, node in enumerate(nodes) if not node.is_constant]
    with tempfile.TemporaryDirectory(prefix="edgecls-profile-") as directory:
        pieces = Pieces(data, Path(directory) / "piece.tflite")
        opened = []
        for i in numbers:
            node = nodes[i]
            path = pieces.write((*node.needs, i), node.takes, node.gives)
            piece = runtime.open(model_path=str(path), is_delegated=i in in_xnnpack)
            opened.append(with_values(piece, plain))
            alive()
        smallest = min((x for node in nodes for x in node.gives), key=graph.size)
        empty = runtime.open(model_path=str(pieces.write((), [smallest], [smallest])))
        whole_us, call_us, *each_us = _time(
            [whole, empty, *opened], threads=threads, runs=runs, alive=alive
        )
    reasons = graph.reasons(numbers, in_xnnpack)
    rows = [
        graph.row(i, us - call_us, reason)
        for i, us, reason in zip(numbers, each_us, reasons, strict=True)
    ]
    return Measured(method=METHOD, whole_us=whole_us, rows=tuple(rows), partitions=partitions)


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
