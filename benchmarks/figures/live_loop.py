"""The live loop on a camera of 30 frames a second: how old a frame is when it is decided, and what that costs.

The camera is a test picture in a capture process; the model runs with one thread, which is the loop's, and time
is the processor's. What the loop's process spends besides preprocessing and inference is overhead.

    python benchmarks/figures/live_loop.py runs/pets/exports/pets.int8.tflite
"""

import time
from pathlib import Path

from edgecls_device.classifier import Classifier
from edgecls_device.live import classify_source
from edgecls_device.sources.table import open_source
from edgecls_device.stop import Stop
from figure import Row, arguments, describe_machine, figure_of, show

CAMERA = "test:noise?size=640x480&fps=30"
FRAME_MS = 1000 / 30


class Timed:
    """A classifier that adds up its processor time."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self.spent_s = 0.0

    def classify(self, frame, *, k):
        """Classify a frame."""
        start = time.thread_time()
        prediction = self._classifier.classify(frame, k=k)
        self.spent_s += time.thread_time() - start
        return prediction


def main() -> None:
    parser = arguments("Measure the live loop on a camera of 30 frames a second.")
    parser.add_argument("artifact", type=Path, help="an int8 .tflite file")
    parser.add_argument("--frames", type=int, default=300)
    options = parser.parse_args()
    machine = describe_machine()
    with Classifier.open(options.artifact, threads=1) as classifier:
        source, timed = open_source(CAMERA), Timed(classifier)
        start = time.process_time()
        summary = classify_source(source, timed, [], stop=Stop(), limit=options.frames)
        spent = time.process_time() - start
    rows = [
        Row(what="capture to decision, median", value=summary.age_p50_ms, unit="ms"),
        Row(
            what="capture to decision, p99",
            value=summary.age_p99_ms,
            unit="ms",
            at_most=1.5 * FRAME_MS,
        ),
        Row(
            what="processor time besides preprocessing and inference",
            value=(spent - timed.spent_s) / timed.spent_s * 100,
            unit="%",
            at_most=10,
        ),
        Row(what="frames dropped", value=sum(summary.dropped.values()), unit="frames"),
    ]
    show(figure_of(f"Live loop with {options.artifact.name}", machine, rows), options.out)


if __name__ == "__main__":
    main()
