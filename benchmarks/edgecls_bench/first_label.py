"""A child process that only classifies: it shows what a cold start consists of, and how much memory it takes.

It imports nothing but what classifying needs, and that only after it has looked at the clock.
"""

import time

__all__ = ["main"]

_BEGUN_NS = time.perf_counter_ns()
FRAMES = 10


def main(arguments: list[str]) -> None:
    """Classify one frame and some more, with the arguments of :class:`edgecls_bench.probe.Probe`.

    It prints three lines: the first label; nanoseconds of importing, reading the frame, loading and the first
    inference; peak and resident memory in bytes.
    """
    from edgecls_bench.probe import Probe, import_runtime, open_classifier, run_probe, tell

    probe = Probe.from_arguments(arguments)

    def work() -> None:
        import_runtime(probe)
        imported_ns = time.perf_counter_ns()
        frame = probe.read_frame()
        read_ns = time.perf_counter_ns()
        with open_classifier(probe) as classifier:
            loaded_ns = time.perf_counter_ns()
            label = classifier.classify(frame).label
            labelled_ns = time.perf_counter_ns()
            tell(label)
            parts_ns = (
                imported_ns - _BEGUN_NS,
                read_ns - imported_ns,
                loaded_ns - read_ns,
                labelled_ns - loaded_ns,
            )
            tell(" ".join(map(str, parts_ns)))
            for _ in range(FRAMES - 1):
                classifier.classify(frame)
        _tell_memory()

    run_probe(work)


def _tell_memory() -> None:
    from edgecls_bench.memory import peak_and_resident_bytes
    from edgecls_bench.probe import tell

    tell(" ".join(map(str, peak_and_resident_bytes())))
