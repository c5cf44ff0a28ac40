"""What is measured: the ways to classify, and with which file, frame size and threads each is run.

Imported by the process that measures, so it imports little.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from environments import OURS

__all__ = [
    "FLOAT_ONNX",
    "INT8_ONNX",
    "SIZES",
    "TFLITE",
    "WAYS",
    "Case",
    "Way",
    "cases_of",
    "cold_command",
    "loop_command",
]

RUNNERS = Path(__file__).with_name("runners")
SIZES = ((640, 480), (1920, 1080))  # width, height
TFLITE, FLOAT_ONNX, INT8_ONNX = "int8.tflite", "float32.onnx", "int8.onnx"


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """One way to classify.

    Attributes:
        name: What it is called.
        script: The script in ``runners``, without its suffix.
        environment: Where it is installed.
        files: What it reads of the prepared files.
        takes_threads: Whether it can be told how many threads to use.
        sees_frames: Whether it begins with a frame; else it is the runtime alone.
        is_command: Whether it is a command: it starts and classifies one photo, and runs no loop of ours.
    """

    name: str
    script: str
    environment: str
    files: tuple[str, ...]
    takes_threads: bool = True
    sees_frames: bool = True
    is_command: bool = False


WAYS = (
    Way(name="invoke", script="invoke", environment=OURS, files=(TFLITE,), sees_frames=False),
    Way(name="bare script", script="bare", environment=OURS, files=(TFLITE,)),
    Way(name="label_image", script="label_image", environment="label-image", files=(TFLITE,)),
    Way(
        name="MediaPipe Tasks",
        script="mediapipe_tasks",
        environment="mediapipe",
        files=(TFLITE,),
        takes_threads=False,
    ),
    Way(
        name="Ultralytics",
        script="ultralytics_predict",
        environment="ultralytics",
        files=(INT8_ONNX, FLOAT_ONNX),
        takes_threads=False,
    ),
    Way(name="OpenCV DNN", script="opencv_dnn", environment=OURS, files=(FLOAT_ONNX,)),
    Way(name="edgecls", script="ours", environment=OURS, files=(TFLITE, INT8_ONNX, FLOAT_ONNX)),
    Way(
        name="edgecls run",
        script="ours",
        environment=OURS,
        files=(TFLITE, INT8_ONNX),
        is_command=True,
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One way with one file, frame size and number of threads.

    Attributes:
        way: The way.
        file: Key of the prepared file.
        size: Width and height of the frames; None for a cold start, which reads the photo.
        threads: Threads, or as many cores as it is held to.
    """

    way: Way
    file: str
    size: tuple[int, int] | None
    threads: int

    @property
    def name(self) -> str:
        """For people, such as ``edgecls, int8.tflite, 640x480, 2 threads``."""
        words = [self.way.name, self.file]
        if self.size is not None:
            words.append("x".join(map(str, self.size)) if self.way.sees_frames else "no frame")
        words.append(f"{self.threads} thread{'s' * (self.threads != 1)}")
        return ", ".join(words)


def cases_of(ways: Sequence[Way], cores: int) -> tuple[Case, ...]:
    """Return all cases.

    TFLite is run with one thread and two, on both sizes; ONNX on all cores, as Ultralytics runs it.

    Args:
        ways: Those that take part.
        cores: Physical cores of the machine: what ONNX Runtime takes by itself.
    """
    return tuple(case for way in ways for case in _cases(way, cores))


def _cases(way: Way, cores: int) -> Iterator[Case]:
    for file in () if way.is_command else way.files:
        if file != TFLITE:
            yield Case(way=way, file=file, size=SIZES[0], threads=cores)
            continue
        for threads in sorted({1, min(2, cores)}):
            for size in SIZES if way.sees_frames else SIZES[:1]:
                yield Case(way=way, file=file, size=size, threads=threads)
    if way.sees_frames:
        for file in (TFLITE, INT8_ONNX) if way.script == "ours" else way.files[:1]:
            threads = min(2, cores) if file == TFLITE else cores
            yield Case(way=way, file=file, size=None, threads=threads)


def loop_command(case: Case, python: Path, model: str, work: Path, count: int) -> list[str | Path]:
    """Return the command that classifies frames in a loop."""
    width, height = case.size or SIZES[0]
    frames = work / f"{width}x{height}.npy"
    words = [case.way.script, model, work / "labels.txt", frames, str(case.threads), str(count)]
    return [python, RUNNERS / "loop.py", *words]


def cold_command(case: Case, python: Path, model: str, work: Path) -> list[str | Path]:
    """Return the command that prints the label of one photo, as a user would call it."""
    photo, labels, threads = work / "photo.jpg", work / "labels.txt", str(case.threads)
    if case.way.is_command:
        words: list[str | Path] = ["run", model, "--source", photo, "--json", "--threads", threads]
        if case.file != TFLITE:
            words += ["--labels", labels, "--input-range", "0..1", "--color", "rgb"]
            words += ["--resize", "crop"]
        return [python.with_name("edgecls"), *words]
    script = RUNNERS / f"{case.way.script}.py"
    if case.way.script == "label_image":
        named = {"model": model, "image": photo, "labels": labels, "threads": threads}
        return [python, script, *(word for k, v in named.items() for word in (f"--{k}", v))]
    return [python, script, model, photo, labels, threads]
