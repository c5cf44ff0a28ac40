"""One model file on one runtime, tried in a process of its own: ``python -m edgecls_device.bundles.candidate``.

It is started by ``acceptance.py`` in the environment of a new version. For each number of threads it prints
one line with a :class:`Candidate`. If the runtime crashes or hangs, its line is missing, and the parent says
why.
"""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from edgecls_device.arrays import Frame, Scores
from edgecls_device.artifact import Artifact, read_artifact
from edgecls_device.bundles.acceptance import CANDIDATE_LINE
from edgecls_device.bundles.golden_photos import GoldenPhotos
from edgecls_device.bundles.tuning import Candidate
from edgecls_device.classifier import Classifier
from edgecls_device.errors import EdgeclsError
from edgecls_device.files import read_bytes
from edgecls_device.images import read_image
from edgecls_device.preprocessing import Preprocessor
from edgecls_device.records import encode, from_json
from edgecls_device.verify import verify

__all__ = ["main"]

MEASURE_S = 2.0
"""For all numbers of threads together; longer only as long as photos are left to look at."""

SLOW_S = 8.0
"""A slow device does not look at all photos: after so long the fewest are enough."""

FEWEST = 3
MOST_BYTES = 50_000_000


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Photo:
    """A photo and the probabilities that it must give."""

    frame: Frame
    wanted: Scores


class _Agreement:
    """How far this runtime is from the workstation, so far."""

    def __init__(self) -> None:
        self.samples = self.same_best = 0
        self.worst_error = 0.0
        self.is_within = True

    def add(self, got: Scores, wanted: Scores, *, tolerance: float) -> None:
        error = float(np.abs(got - wanted).max())
        self.samples += 1
        self.same_best += int(got.argmax() == wanted.argmax())
        self.worst_error = max(self.worst_error, error)
        self.is_within = self.is_within and error <= tolerance


class _Trial:
    """What all numbers of threads of one model file have in common."""

    def __init__(self, folder: Path, member: str, photos: str) -> None:
        self.artifact: Artifact = read_artifact(folder / member)
        data = read_bytes(folder / photos, max_bytes=MOST_BYTES)
        golden = from_json(GoldenPhotos, data, name=photos)
        self.tolerance = golden.tolerance
        self.photos = [
            _Photo(
                frame=read_image(folder / photo.member),
                wanted=np.array(photo.scores[member], np.float32),
            )
            for photo in golden.photos
            if member in photo.scores
        ]

    def run(
        self, member: str, backend: str, threads: int, *, is_first: bool, measure_s: float
    ) -> Candidate:
        """Try one number of threads: the first with everything, later ones with what is measured."""
        agreement, times = _Agreement(), list[float]()
        with Classifier.from_artifact(
            self.artifact, backend=backend, threads=threads
        ) as classifier:
            if is_first:
                self._samples(classifier, agreement)
            if agreement.is_within:
                wanted = len(self.photos) if is_first else FEWEST
                times = self._photos(classifier, agreement, wanted=wanted, measure_s=measure_s)
        off = f"scores {agreement.worst_error:.2g} off, more than may be"
        return Candidate(
            artifact=member,
            backend=backend,
            threads=threads,
            samples=agreement.samples,
            same_best=agreement.same_best,
            worst_error=agreement.worst_error,
            p50_ms=round(median(times) * 1000, 3) if times else 0.0,
            failure="" if agreement.is_within else off,
        )

    def _samples(self, classifier: Classifier, agreement: _Agreement) -> None:
        found = verify(classifier)
        agreement.samples, agreement.same_best = found.samples, found.same_best
        agreement.worst_error, agreement.is_within = found.worst_error, found.is_passed

    def _photos(
        self, classifier: Classifier, agreement: _Agreement, *, wanted: int, measure_s: float
    ) -> list[float]:
        """Compare what photos give, again and again; return seconds a frame, from picture to scores."""
        prepare = Preprocessor(classifier.spec.preprocessing, classifier.spec.input)
        photos = self.photos or [_no_photo(classifier)]
        start, times = time.monotonic(), list[float]()
        while len(times) < FEWEST or not _is_enough(
            len(times), wanted=wanted, seconds=time.monotonic() - start, measure_s=measure_s
        ):
            photo = photos[len(times) % len(photos)]
            began = time.perf_counter()
            got = classifier.raw_scores(prepare(photo.frame))
            times.append(time.perf_counter() - began)
            if len(times) <= len(self.photos):
                agreement.add(got, photo.wanted, tolerance=self.tolerance)
        return times[1:] if measure_s else []  # the first warms up


def _is_enough(count: int, *, wanted: int, seconds: float, measure_s: float) -> bool:
    is_slow = measure_s > 0 and seconds > SLOW_S
    return is_slow or (count >= wanted and seconds > measure_s)


def main(arguments: Sequence[str], *, measure_s: float = MEASURE_S) -> None:
    """Try every number of threads, up to one that fails.

    Args:
        arguments: The version's folder, the members of the model file and of the golden photos' scores, the
            backend, and numbers of threads.
        measure_s: How long to measure, for all numbers of threads together; 0 measures nothing, and looks at
        all
            photos however long that takes.
    """
    folder, member, photos, backend, *numbers = arguments
    trial = None
    for number in map(int, numbers):
        try:
            is_first, trial = trial is None, trial or _Trial(Path(folder), member, photos)
            found = trial.run(
                member, backend, number, is_first=is_first, measure_s=measure_s / len(numbers)
            )
        except EdgeclsError as error:
            found = Candidate(
                artifact=member,
                backend=backend,
                threads=number,
                failure=error.message,
            )
        sys.stdout.write(f"{CANDIDATE_LINE}{json.dumps(encode(found))}\n")
        sys.stdout.flush()
        if found.failure:
            return  # more threads would not make it right, and are not held against the samples


def _no_photo(classifier: Classifier) -> _Photo:
    """Return something to measure with, for a bundle without photos."""
    frame = np.zeros((480, 640, 3), np.uint8)
    return _Photo(frame=frame, wanted=np.zeros(len(classifier.spec.labels), np.float32))


if __name__ == "__main__":
    main(sys.argv[1:])
