"""What one case says of some photos, as columns: what a tally counts, and what results on disk hold."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecls_bench.evaluation import Verdict

__all__ = ["Answers", "answers_of"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """The verdicts of one case, one entry per photo and column; see :class:`~edgecls_bench.evaluation.Verdict`.

    Attributes:
        predicted: Best class, int64.
        confidence: Its score, 0..1, float64.
        keras_confidence: The best score with the temperature of the Keras model, float64.
        true_score: Score of the true class, float64.
        is_in_top5: Whether the true class is among the five best.
        is_agreeing: Whether the best class is that of the reference.
        score_error: Largest difference of a score to the reference, float64.
    """

    predicted: NDArray[np.int64]
    confidence: NDArray[np.float64]
    keras_confidence: NDArray[np.float64]
    true_score: NDArray[np.float64]
    is_in_top5: NDArray[np.bool_]
    is_agreeing: NDArray[np.bool_]
    score_error: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.predicted)


def answers_of(verdicts: Sequence[Verdict]) -> Answers:
    """Return the verdicts of one case as columns."""
    columns = zip(*verdicts, strict=True) if verdicts else ((),) * len(Verdict._fields)
    predicted, confidence, keras_confidence, true_score, in_top5, agreeing, error = columns
    return Answers(
        predicted=np.array(predicted, np.int64),
        confidence=np.array(confidence, np.float64),
        keras_confidence=np.array(keras_confidence, np.float64),
        true_score=np.array(true_score, np.float64),
        is_in_top5=np.array(in_top5, np.bool_),
        is_agreeing=np.array(agreeing, np.bool_),
        score_error=np.array(error, np.float64),
    )
