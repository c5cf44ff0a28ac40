"""A child process that profiles one file, and prints what it found as one line of JSON."""

import json
import time
from collections.abc import Sequence
from pathlib import Path

from edgecls_device.errors import BenchmarkError
from edgecls_device.records import encode

from edgecls_bench.probe import run_probe, tell
from edgecls_bench.profiling.measured import Measured

__all__ = ["main"]

TELL_EVERY_S = 1.0


def main(arguments: Sequence[str]) -> None:
    """Profile: file, format, backend, threads, runs. Empty lines say that it is alive."""
    path, file_format, backend, threads, runs = arguments
    data = Path(path).read_bytes()
    alive = _Alive()

    def work() -> None:
        if file_format == "tflite":
            from edgecls_bench.profiling.tflite_profile import profile_tflite

            found = profile_tflite(
                data, backend=backend, threads=int(threads), runs=int(runs), alive=alive
            )
        else:
            from edgecls_bench.profiling.onnx_profile import profile_onnx

            found = profile_onnx(data, threads=int(threads), runs=int(runs), alive=alive)
        _check(found)
        tell(json.dumps(encode(found)))

    run_probe(work)


class _Alive:
    """Prints an empty line, at most every second: printing is not what is timed."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self) -> None:
        if time.monotonic() - self._last > TELL_EVERY_S:
            self._last = time.monotonic()
            tell("")


def _check(found: Measured) -> None:
    if not found.rows:
        message = "it has no operations to time"
        raise BenchmarkError(message)
