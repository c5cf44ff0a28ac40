import numpy as np
import pytest

from edgecls.training.confidence import evaluate


def test_the_evaluation_counts_and_finds_overconfidence():
    scores = np.tile(np.float32([0.9, 0.1]), (10, 1))
    result = evaluate(scores, np.array([0] * 6 + [1] * 4))
    assert (result.photos, result.accuracy) == (10, 0.6)
    assert result.calibration_error == pytest.approx(0.3, abs=1e-6)
    assert result.loss == pytest.approx(-(0.6 * np.log(0.9) + 0.4 * np.log(0.1)), abs=1e-5)
