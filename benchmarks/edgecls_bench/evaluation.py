"""Photos through classifiers: each photo is decoded and resized once, then every case says what it sees.

Cases of the same preprocessing share the pixels, and a temperature is applied a second time only where the
Keras model had another one, so that little is done beside decoding and inference. A photo's pixels and
scores are gone when its verdicts are made, so memory does not grow with the number of photos. Photos are
spread over threads; every inference has one thread, so the verdicts are the same however many there are.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple, Protocol

import numpy as np
from edgecls_device.arrays import Batch, Frame, Scores
from edgecls_device.classifier import Classifier
from edgecls_device.errors import ArtifactError, ImageError, StorageError
from edgecls_device.images import read_image
from edgecls_device.postprocessing import shown_scores
from edgecls_device.preprocessing import Preprocessor
from edgecls_device.spec import ModelSpec

from edgecls_bench.cases import Case, spec_of
from edgecls_bench.metrics import TOP_K, is_among_best

__all__ = [
    "Advance",
    "LabelledPhoto",
    "Panel",
    "Verdict",
    "evaluate",
    "keras_spec",
    "workers_for",
]

LOADED_TO_FILE_SIZE = 3  # a runtime keeps the file, its weights packed for the CPU, and activations


class Advance(Protocol):
    """Called with the number of photos just done, one by default."""

    def __call__(self, steps: int = 1) -> None:
        """Count ``steps`` more as done."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledPhoto:
    """One photo and what it shows.

    Attributes:
        path: The file.
        class_id: Place of its label among the shown labels; None where nobody said what it shows.
    """

    path: Path
    class_id: int | None


class Verdict(NamedTuple):
    """What one case says about one photo.

    Attributes:
        predicted: Best class, also where its score is below the unknown-threshold.
        confidence: Its score.
        keras_confidence: The best score with the temperature of the Keras model.
        true_score: Score of the true class; 0 for a photo without class.
        is_in_top5: Whether the true class is among the five best; False for a photo without class.
        is_agreeing: Whether the best class is that of the reference.
        score_error: Largest difference of a score to the reference.
    """

    predicted: int
    confidence: float
    keras_confidence: float
    true_score: float
    is_in_top5: bool
    is_agreeing: bool
    score_error: float


def workers_for(cases: Sequence[Case], *, cores: int, memory_bytes: int) -> int:
    """Return how many photos to look at at once: one per core, while the models fit in a quarter of memory."""
    models = LOADED_TO_FILE_SIZE * sum(len(case.artifact.data) for case in cases)
    return max(1, min(cores, memory_bytes // 4 // max(models, 1)))


def evaluate(
    cases: Sequence[Case],
    photos: Sequence[LabelledPhoto],
    *,
    reference: int | None,
    workers: int,
    advance: Advance | None = None,
) -> list[tuple[Verdict, ...] | ImageError | StorageError]:
    """Return one verdict per case for each photo, or why the photo could not be read.

    Args:
        cases: Their specs share the shown labels.
        photos: What to look at.
        reference: Index of the case that the others are held against, if any.
        workers: Photos looked at at once; each holds every model.
        advance: Called after each photo, in the calling thread.

    Raises:
        ArtifactError: If a runtime refuses a model or gives scores that are not numbers.
        MissingDependencyError: If a runtime is not installed.
    """
    panels: list[Panel] = []
    idle: SimpleQueue[Panel] = SimpleQueue()

    def look(photo: LabelledPhoto) -> tuple[Verdict, ...] | ImageError | StorageError:
        panel = idle.get()
        try:
            return panel.judge(read_image(photo.path), photo.class_id)
        except (ImageError, StorageError) as error:
            return error
        finally:
            idle.put(panel)

    results = []
    try:
        for _ in range(
            workers
        ):  # here, not in the threads: opening a model redirects standard error
            panels.append(Panel(cases, reference))
            idle.put(panels[-1])
        with ThreadPoolExecutor(workers) as pool:
            try:
                for result in pool.map(look, photos):
                    results.append(result)
                    if advance is not None:
                        advance()
            except BaseException:  # a broken model, or Ctrl-C: don't look at the rest first
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    finally:
        for panel in panels:
            panel.close()
    return results


class Panel:
    """All cases, open, for one photo at a time; used by one thread at a time.

    Args:
        cases: Their specs share the shown labels.
        reference: Index of the case that the others are held against, if any.

    Raises:
        ArtifactError: If a runtime refuses a model.
        MissingDependencyError: If a runtime is not installed.
    """

    def __init__(self, cases: Sequence[Case], reference: int | None) -> None:
        self._cases = cases
        self._reference = reference
        self._classifiers: list[Classifier] = []
        specs = [spec_of(case.artifact) for case in cases]
        self._keras_specs = [keras_spec(spec) for spec in specs]
        inputs = [(spec.preprocessing, spec.input) for spec in specs]
        different = list(dict.fromkeys(inputs))
        self._preprocessors = [Preprocessor(*one) for one in different]
        self._groups = [different.index(one) for one in inputs]
        try:
            for case in cases:
                self._classifiers.append(_open(case))
        except BaseException:
            self.close()
            raise

    def judge(self, frame: Frame, class_id: int | None) -> tuple[Verdict, ...]:
        """Return one verdict per case.

        Args:
            frame: The photo, BGR uint8 of any size.
            class_id: What it shows, among the shown labels; None where nobody said.

        Raises:
            ArtifactError: If a model gives scores that are not numbers.
        """
        batches = [preprocess(frame) for preprocess in self._preprocessors]
        outputs = [
            _output(case, classifier, batches[group])
            for case, classifier, group in zip(
                self._cases, self._classifiers, self._groups, strict=True
            )
        ]
        scores = [
            shown_scores(output, classifier.spec)
            for output, classifier in zip(outputs, self._classifiers, strict=True)
        ]
        wanted = None if self._reference is None else scores[self._reference]
        return tuple(
            _verdict(
                row,
                class_id,
                wanted,
                row if spec is None else shown_scores(output, spec),
            )
            for row, output, spec in zip(scores, outputs, self._keras_specs, strict=True)
        )

    def close(self) -> None:
        """Free the models; closing twice is harmless."""
        for classifier in self._classifiers:
            classifier.close()


def _output(case: Case, classifier: Classifier, batch: Batch) -> Scores:
    try:
        return classifier.raw_scores(batch)
    except ArtifactError as error:
        message = f"{case.title}: {error.message}"
        raise ArtifactError(message, hint=error.hint) from error


def _open(case: Case) -> Classifier:
    try:
        return Classifier.from_artifact(
            case.artifact, spec=spec_of(case.artifact), backend=case.backend, threads=1
        )
    except ArtifactError as error:
        message = f"{case.title}: {error.message}"
        raise ArtifactError(message, hint=error.hint) from error


def _verdict(
    scores: Scores, class_id: int | None, wanted: Scores | None, keras_scores: Scores
) -> Verdict:
    best = int(scores.argmax())
    return Verdict(
        predicted=best,
        confidence=float(scores[best]),
        keras_confidence=float(scores[best] if keras_scores is scores else keras_scores.max()),
        true_score=0.0 if class_id is None else float(scores[class_id]),
        is_in_top5=class_id is not None and is_among_best(scores, class_id, TOP_K),
        is_agreeing=wanted is not None and best == int(wanted.argmax()),
        score_error=0.0
        if wanted is None or wanted is scores
        else float(np.abs(scores - wanted).max()),
    )


def keras_spec(spec: ModelSpec) -> ModelSpec | None:
    """Return a spec with the temperature of the Keras model; None where the artifact has the same."""
    before = spec.provenance.keras_temperature
    return None if before in {None, spec.temperature} else replace(spec, temperature=before)
