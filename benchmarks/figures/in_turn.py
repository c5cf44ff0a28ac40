"""Latency of two files in turn, in one process: a ratio that survives a busy machine better than two runs do.

Blocks of calls alternate, so that the clock frequency and other programs hit both alike; the first calls of a
block find the caches as the other file left them and do not count. The calls are the runtime's own, with one
thread. The ratio is that of the fastest tenths: on a quiet machine it is that of the medians, while on a busy
one medians tell who was interrupted.

    python benchmarks/figures/in_turn.py pets.int8.tflite pets.float32.tflite
"""

import json
import sys
import time
from pathlib import Path
from statistics import median, quantiles

from edgecls_device.artifact import read_artifact
from edgecls_device.backends.protocol import BackendOptions
from edgecls_device.backends.table import choose_backend, open_backend
from edgecls_device.golden import golden_inputs

BLOCK, SETTLING = 8, 2
SECONDS = 4.0


def main() -> None:
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else SECONDS
    artifacts = [read_artifact(Path(path)) for path in sys.argv[1:3]]
    backend = choose_backend(artifacts[0].format)
    calls = [bare_call(artifact, backend) for artifact in artifacts]
    kept: tuple[list[float], list[float]] = ([], [])
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or not kept[1]:
        for call, durations in zip(calls, kept, strict=True):
            durations.extend(block(call)[SETTLING:])
    ours, reference = (quantiles(durations, n=10)[0] for durations in kept)
    found = {"backend": backend, "p50_ms": median(kept[0]), "ratio": ours / reference}
    print(json.dumps(found))


def bare_call(artifact, backend):
    """Return the runtime's own call on a prepared picture."""
    model = open_backend(backend, artifact.data, BackendOptions(threads=1))
    rule = artifact.spec.preprocessing
    return model.bare_call(golden_inputs(0, rule.height, rule.width, count=2)[1:])


def block(call):
    """Return milliseconds of some calls, one after the other."""
    found = []
    for _ in range(BLOCK):
        start = time.perf_counter_ns()
        call()
        found.append((time.perf_counter_ns() - start) / 1e6)
    return found


if __name__ == "__main__":
    main()
