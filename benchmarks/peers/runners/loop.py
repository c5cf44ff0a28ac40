"""Classify frames again and again in one way, and print how long each took, as JSON.

It runs in the environment of whoever is measured, so it needs nothing but NumPy. WAY is a script of this folder
with ``open_model(model, labels, threads)``, which returns a function: BGR frame -> label. ``labels`` is a file
with one label per line.

    python loop.py WAY MODEL LABELS.txt FRAMES.npy THREADS COUNT
"""

import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

WARM_UP_S = 0.5
LEAST_WARM_UP = 5
FIRST_S = 60.0  # a warm-up that takes this long has shown enough


def main() -> None:
    way, model, labels, frames_path, threads, count = sys.argv[1:]
    classify = import_module(way).open_model(model, labels, int(threads))
    frames = list(np.load(frames_path))
    label = warm_up(classify, frames)
    processor, start = time.process_time_ns(), time.perf_counter_ns()
    samples = [timed(classify, frames[i % len(frames)]) for i in range(int(count))]
    passed = time.perf_counter_ns() - start
    told = {
        "label": label,
        "samples_ns": samples,
        "busy_cores": (time.process_time_ns() - processor) / passed,
    }
    sys.stdout.write(f"\n{json.dumps(told)}\n")  # whatever was printed before ends here


def warm_up(classify: Callable[[Any], str], frames: list[Any]) -> str:
    """Classify until caches, clocks and lazily made buffers are as in a running program.

    Returns:
        The label of the first frame.
    """
    start, done = time.perf_counter(), 0
    label = classify(frames[0])
    while done < LEAST_WARM_UP or time.perf_counter() - start < WARM_UP_S:
        classify(frames[done % len(frames)])
        done += 1
        if time.perf_counter() - start > FIRST_S:
            break
    return label


def timed(classify: Callable[[Any], str], frame: Any) -> int:
    """Return the nanoseconds of one call."""
    start = time.perf_counter_ns()
    classify(frame)
    return time.perf_counter_ns() - start


if __name__ == "__main__":
    main()
