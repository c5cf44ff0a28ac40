"""A child process that only classifies: it shows how long a cold start takes, and how much memory.

It prints the first label, and after some more frames its largest resident memory. It imports nothing but what
classifying needs.
"""

import resource
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgecls_bench.probe import Probe, open_classifier, run_probe, tell

__all__ = ["main", "peak_memory_bytes"]

FRAMES = 10


def main(arguments: Sequence[str]) -> None:
    """Classify one frame, print its label, classify some more, print the peak memory in bytes."""
    probe = Probe.from_arguments(arguments)

    def work() -> None:
        frame = np.load(probe.frame)
        with open_classifier(probe) as classifier:
            tell(classifier.classify(frame).label)
            for _ in range(FRAMES - 1):
                classifier.classify(frame)
        tell(str(peak_memory_bytes()))

    run_probe(work)


def peak_memory_bytes() -> int:
    """Return the largest resident memory of this process so far.

    ``VmHWM`` starts anew with the program; ``ru_maxrss`` also holds what the parent had when it started the
    child, which is more than the child's own where the parent is large.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
