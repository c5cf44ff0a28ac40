"""Photos a second of ``compare`` beside decoding and bare inference of the same files, in turn, on all cores.

The bare side is what a user would write: a thread per core, and in each ``cv2.imread``, one ``cv2.resize`` for
all models, and the runtime's own call with one thread. It does nothing with the scores. Both sides open the
models anew in each round. On a busy machine the ratio of processor time is steadier than that of the seconds,
and close to what a quiet machine shows, since both sides work on all cores all the time.

    python benchmarks/figures/compare_speed.py runs/pets --data photos/
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from statistics import median
from typing import Any

import cv2
import numpy as np
from edgecls_bench.cases import Case, plan_cases, spec_of
from edgecls_bench.compare import LabelledPhoto, compare
from edgecls_device.artifact import Artifact, read_artifact
from edgecls_device.images import IMAGE_SUFFIXES
from figure import Row, arguments, describe_machine, figure_of, show


@dataclass(frozen=True, kw_only=True, slots=True)
class Timed:
    """What one side took for all photos: by the clock, and of all cores together."""

    seconds: float
    processor_s: float


def main() -> None:
    parser = arguments("Time compare beside decoding and bare inference.")
    parser.add_argument("run", type=Path, help="a run with exported files")
    parser.add_argument("--data", type=Path, required=True, help="photos, at any depth")
    parser.add_argument("--limit", type=int, default=500, help="photos at most")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    machine = describe_machine()
    found = sorted(p for p in options.data.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
    paths = found[:: max(1, len(found) // options.limit)][: options.limit]
    artifacts = [read_artifact(path) for path in sorted((options.run / "exports").iterdir())]
    rows = [Row(what="photos", value=len(paths), unit="photos")]
    rows += speed_rows("all files together", artifacts, paths, options.rounds)
    for artifact in artifacts:
        rows += speed_rows(artifact.path.name, [artifact], paths, options.rounds)
    show(figure_of(f"Speed of compare on {options.run.name}", machine, rows), options.out)


def speed_rows(
    name: str, artifacts: Sequence[Artifact], paths: Sequence[Path], rounds: int
) -> Iterator[Row]:
    """Time both sides in turn, after a round that warms the disk and does not count."""
    labels = spec_of(artifacts[0]).output_labels
    photos = [LabelledPhoto(path=path, class_id=0) for path in paths]
    cases = plan_cases(artifacts)

    def ours() -> object:
        return compare(artifacts, photos, labels=labels, data="photos", split="all")

    def theirs() -> object:
        return look_bare(cases, paths)

    pairs = [(timed(ours), timed(theirs)) for _ in range(rounds + 1)][1:]
    for side, which in zip(zip(*pairs, strict=True), ("compare", "bare"), strict=True):
        rate = len(paths) / median(one.seconds for one in side)
        yield Row(what=f"{name}: {which}", value=rate, unit="photos/s")
    by_clock = median(bare.seconds / our.seconds for our, bare in pairs)
    by_work = median(bare.processor_s / our.processor_s for our, bare in pairs)
    yield Row(what=f"{name}: compare of bare", value=100 * by_clock, unit="%", at_least=90)
    yield Row(what=f"{name}: by processor time", value=100 * by_work, unit="%")


def look_bare(cases: Sequence[Case], paths: Sequence[Path]) -> list[int]:
    """Decode and resize each photo once and run every model on it; return the last one's best class."""
    rule = spec_of(cases[0].artifact).preprocessing
    size = (rule.width, rule.height)
    cores = len(os.sched_getaffinity(0))
    idle: SimpleQueue[list[Callable[[Any], Any]]] = SimpleQueue()
    for _ in range(cores):
        idle.put([bare_model(case) for case in cases])

    def look(path: Path) -> int:
        models = idle.get()
        pixels = cv2.cvtColor(cv2.resize(cv2.imread(str(path)), size), cv2.COLOR_BGR2RGB)
        scores = [model(pixels[None]) for model in models]
        idle.put(models)
        return int(np.argmax(scores[-1]))

    with ThreadPoolExecutor(cores) as pool:
        return list(pool.map(look, paths))


def bare_model(case: Case) -> Callable[[Any], Any]:
    """Return pixels -> scores, as the runtime's own documentation calls it."""
    if case.backend == "onnxruntime":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(case.artifact.data, options)
        name = session.get_inputs()[0].name
        return lambda batch: session.run(None, {name: batch})[0]
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=case.artifact.data, num_threads=1)
    interpreter.allocate_tensors()
    feed = interpreter.get_input_details()[0]["index"]
    fetch = interpreter.get_output_details()[0]["index"]

    def run(batch: Any) -> Any:
        interpreter.set_tensor(feed, batch)
        interpreter.invoke()
        return interpreter.get_tensor(fetch)

    return run


def timed(work: Callable[[], object]) -> Timed:
    """Time one call."""
    start, processor = time.perf_counter(), time.process_time()
    work()
    return Timed(seconds=time.perf_counter() - start, processor_s=time.process_time() - processor)


if __name__ == "__main__":
    main()
