"""A video file through the live loop: how near it comes to the slower of decoding and inference.

Decoding alone, inference alone, a bare pipeline of both in two threads, and the live loop take turns, so that
other programs hit all alike. The clip is drawn here: 640x480, Motion JPEG.

    python benchmarks/figures/live_file.py runs/pets/exports/pets.int8.tflite
"""

import queue
import threading
import time
from itertools import islice
from pathlib import Path
from statistics import median

import cv2
from edgecls_device.classifier import Classifier
from edgecls_device.live import classify_source
from edgecls_device.sources.table import open_source
from edgecls_device.stop import Stop
from figure import Row, arguments, describe_machine, figure_of, show, working_directory

PICTURES = "test:noise?size=640x480&fps=1000"
KEPT, TIMES = 10, 60
AHEAD = 3  # frames that the bare pipeline decodes ahead, as ours does


def draw_clip(path: Path, frames: int) -> None:
    """Write a clip of test pictures."""
    code = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, 30.0, (640, 480))
    source, stop = open_source(PICTURES), Stop()
    written = 0
    while written < frames:
        frame = source.read(stop)
        if frame is not None:
            writer.write(frame.image)
            written += 1
    source.close()
    writer.release()


def decoded(clip: Path):
    """Yield the frames of a clip."""
    capture = cv2.VideoCapture(str(clip), cv2.CAP_FFMPEG)
    while True:
        is_read, image = capture.read()
        if not is_read:
            return
        yield image


def decode_alone(clip: Path, classifier: Classifier) -> int:
    del classifier
    return sum(1 for _ in decoded(clip))


def infer_alone(clip: Path, classifier: Classifier) -> int:
    """Classify frames that are decoded already: the time of decoding a few is given back by many turns."""
    images = list(islice(decoded(clip), KEPT))
    for _ in range(TIMES):
        for image in images:
            classifier.classify(image)
    return KEPT * TIMES


def bare_pipeline(clip: Path, classifier: Classifier) -> int:
    waiting: queue.Queue = queue.Queue(AHEAD)

    def decode() -> None:
        for image in decoded(clip):
            waiting.put(image)
        waiting.put(None)

    threading.Thread(target=decode, daemon=True).start()
    done = 0
    while (image := waiting.get()) is not None:
        classifier.classify(image)
        done += 1
    return done


def live_loop(clip: Path, classifier: Classifier) -> int:
    return classify_source(open_source(str(clip)), classifier, [], stop=Stop()).results


def main() -> None:
    parser = arguments("Measure a video file through the live loop.")
    parser.add_argument("artifact", type=Path, help="an int8 .tflite file")
    parser.add_argument("--frames", type=int, default=600)
    parser.add_argument("--turns", type=int, default=7)
    options = parser.parse_args()
    machine = describe_machine()
    ways = (decode_alone, infer_alone, bare_pipeline, live_loop)
    rates: dict[str, list[float]] = {way.__name__: [] for way in ways}
    with (
        working_directory(None) as directory,
        Classifier.open(options.artifact, threads=1) as classifier,
    ):
        clip = directory / "clip.avi"
        draw_clip(clip, options.frames)
        infer_alone(clip, classifier)
        for _ in range(options.turns):
            for way in ways:
                start = time.perf_counter()
                done = way(clip, classifier)
                rates[way.__name__].append(done / (time.perf_counter() - start))
    found = {name: median(values) for name, values in rates.items()}
    slower = min(found["decode_alone"], found["infer_alone"])
    rows = [
        Row(what=name.replace("_", " "), value=rate, unit="a second")
        for name, rate in found.items()
    ]
    rows += [
        Row(
            what="live loop of the slower stage",
            value=found["live_loop"] / slower * 100,
            unit="%",
            at_least=95,
        ),
        Row(
            what="live loop of the bare pipeline",
            value=found["live_loop"] / found["bare_pipeline"] * 100,
            unit="%",
        ),
    ]
    show(figure_of(f"A video file with {options.artifact.name}", machine, rows), options.out)


if __name__ == "__main__":
    main()
