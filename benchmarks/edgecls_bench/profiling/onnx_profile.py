"""The operations of an ``.onnx`` file, as ONNX Runtime's own profiler timed them."""

import json
import re
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from edgecls_device.backends.refusals import first_line
from edgecls_device.errors import BenchmarkError
from edgecls_device.lazy import load
from edgecls_device.native_output import captured_stderr
from numpy.typing import NDArray

from edgecls_bench.profiling.layer_names import LayerNames
from edgecls_bench.profiling.marks import DYNAMIC, LAYOUT, Facts, float_islands
from edgecls_bench.profiling.measured import Measured, Row
from edgecls_bench.profiling.onnx_names import OnnxNames
from edgecls_bench.profiling.stopwatch import Stopwatch

__all__ = ["profile_onnx"]

METHOD = "ONNX Runtime's own profiler, in turn with a session without it, which gives the whole"
_CONVOLUTIONS = frozenset({"Conv", "FusedConv", "NhwcFusedConv", "ConvTranspose", "QLinearConv"})
_WEIGHTED = _CONVOLUTIONS | {
    *("Gemm", "FusedGemm", "MatMul", "FusedMatMul"),
    *("QLinearMatMul", "QGemm", "MatMulIntegerToFloat"),
}
_DYNAMIC = frozenset(
    {
        *("DynamicQuantizeLinear", "ConvInteger", "MatMulInteger", "DynamicQuantizeMatMul"),
        "MatMulIntegerToFloat",
    }
)
_LAYOUT = frozenset({"Transpose", "ReorderInput", "ReorderOutput"})
_SHAPES = frozenset({"Reshape", "Squeeze", "Unsqueeze", "Flatten"})
_DTYPES = {"float": "float32", "double": "float64"}
_SUFFIXES = re.compile(r"_kernel_time$|_nchwc$|_token_\d+$|:\d+$")
_INPUT = re.compile(r"tensor\((\w+)\)")
_BLOCK = 10  # runs of one session before the other has its turn
_PAUSE_S = (
    0.05  # the threads of a session still look for work for some milliseconds after its last run
)
_FATAL = 4  # ONNX Runtime's severity; failures also raise


def profile_onnx(data: bytes, *, threads: int, runs: int, alive: Callable[[], None]) -> Measured:
    """Time each operation.

    Args:
        data: The file.
        threads: For one inference.
        runs: How often each operation is timed.
        alive: Called now and then.

    Raises:
        BenchmarkError: If the runtime refuses the file.
    """
    with tempfile.TemporaryDirectory(prefix="edgecls-profile-") as directory:
        profiled = _open(data, threads, trace=str(Path(directory) / "trace"))
        plain = _open(data, threads)
        feeds = {entry.name: _values(entry) for entry in plain.get_inputs()}
        stopwatch = Stopwatch(threads=threads)
        for session in (profiled, plain):
            session.run(None, feeds)  # allocates memory, and is left out
        for start in range(0, runs, _BLOCK):
            for session, watch in ((profiled, Stopwatch(threads=threads)), (plain, stopwatch)):
                time.sleep(_PAUSE_S if threads > 1 else 0.0)
                for _ in range(min(_BLOCK, runs - start)):
                    watch.time(partial(session.run, None, feeds))
                alive()
        events = json.loads(Path(profiled.end_profiling()).read_text(encoding="utf-8"))
    steps = _steps(events)
    reasons = _reasons(steps)
    names = OnnxNames(data)
    layers = LayerNames(names.all())
    rows = [_row(step, reason, names, layers) for step, reason in zip(steps, reasons, strict=True)]
    return Measured(method=METHOD, whole_us=stopwatch.median_us, rows=tuple(rows))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Step:
    """One operation of the session.

    Attributes:
        name: Of the node, with what ONNX Runtime added to it.
        op: Its kind.
        shape: Of its first output.
        facts: What it takes and gives.
        us: Its median duration.
    """

    name: str
    op: str
    shape: tuple[int, ...]
    facts: Facts
    us: float


def _steps(events: Sequence[Mapping[str, Any]]) -> list[_Step]:
    """Return the operations in the order of execution."""
    by_node: dict[str, list[Mapping[str, Any]]] = {}
    for event in events:
        if event.get("cat") == "Node" and str(event.get("name")).endswith("_kernel_time"):
            by_node.setdefault(event["args"]["node_index"], []).append(event)
    return [_step(found) for found in by_node.values()]


def _step(found: Sequence[Mapping[str, Any]]) -> _Step:
    event = found[-1]
    arguments = event["args"]
    op = str(arguments["op_name"])
    takes, _ = _first(arguments.get("input_type_shape"))
    gives, shape = _first(arguments.get("output_type_shape"))
    return _Step(
        name=str(event["name"]),
        op=op,
        shape=shape,
        facts=Facts(
            takes=takes,
            gives=gives,
            is_weighted=op in _WEIGHTED,
            is_layout=op in _LAYOUT | _SHAPES,
        ),
        us=float(median(entry["dur"] for entry in found[1:] or found)),
    )


def _first(tensors: Sequence[Mapping[str, Sequence[int]]] | None) -> tuple[str, tuple[int, ...]]:
    """Return type and shape of the first tensor in a trace, such as ``[{"float": [1, 3]}]``."""
    for tensor in tensors or ():
        for kind, shape in tensor.items():
            return _DTYPES.get(kind, kind), tuple(map(int, shape))
    return "", ()


def _reasons(steps: Sequence[_Step]) -> list[str]:
    """Return why each operation is slow; empty where it is not."""
    convolutions = [i for i, step in enumerate(steps) if step.op in _CONVOLUTIONS] or [0]
    reasons = float_islands([step.facts for step in steps])
    for i, step in enumerate(steps):
        if step.op in _DYNAMIC:
            reasons[i] = DYNAMIC
        elif step.op in _LAYOUT and convolutions[0] < i < convolutions[-1]:
            reasons[i] = reasons[i] or LAYOUT
    return reasons


def _row(step: _Step, reason: str, names: OnnxNames, layers: LayerNames) -> Row:
    name = step.name
    while name not in names and (shorter := _SUFFIXES.sub("", name)) != name:
        name = shorter
    facts = step.facts
    mixed = facts.takes != facts.gives and not facts.is_weighted
    return Row(
        name=layers.layer(name, *_fused(step, name, names)),
        tensor=name,
        op=step.op,
        shape=step.shape,
        precision=f"{facts.takes} to {facts.gives}" if mixed else facts.takes,
        us=step.us,
        reason=reason,
    )


def _fused(step: _Step, name: str, names: OnnxNames) -> tuple[str, ...]:
    """Return more names of an operation; of a convolution also those of what ends it, as its activation."""
    return names.around(name, is_fused=step.facts.is_weighted, until=_WEIGHTED)


def _open(data: bytes, threads: int, *, trace: str = "") -> Any:
    options = load("onnxruntime:SessionOptions", extra="onnx")()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL
    if trace:
        options.enable_profiling = True
        options.profile_file_prefix = trace
    session = load("onnxruntime:InferenceSession", extra="onnx")
    with captured_stderr():
        try:
            return session(data, sess_options=options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors share no public base class
            message = f"onnxruntime cannot load it: {first_line(error)}"
            raise BenchmarkError(message) from error


def _values(entry: Any) -> NDArray[Any]:
    """Return an input of any values; a side that is left open is 1."""
    kind = _INPUT.fullmatch(entry.type)
    dtype = np.dtype(_DTYPES.get(kind[1], kind[1]) if kind else "float32")
    shape = tuple(side if isinstance(side, int) else 1 for side in entry.shape)
    rng = np.random.default_rng(0)
    if dtype.kind == "f":
        return rng.random(shape, np.float32).astype(dtype)
    return rng.integers(0, 127, shape).astype(dtype)
