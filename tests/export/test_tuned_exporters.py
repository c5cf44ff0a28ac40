"""The recipe int8-qat: tuned weights where they measure better."""

import numpy as np
import pytest
from edgecls_device.errors import OptionError
from edgecls_export import EXPORTERS, freeze, tuned_exporters
from edgecls_export.fidelity import Fidelity
from edgecls_export.native_log import output_to_log
from edgecls_export.tuned_exporters import is_better
from edgecls_export.tuning import Tuning

from tests.export.test_tuning import unequal_model
from tests.export.tiny import pictures

pytest.importorskip("tensorflow")
pytestmark = pytest.mark.slow

IMAGES = pictures(40, seed=11)


@pytest.fixture
def convert(tmp_path, monkeypatch):
    """Return a function that converts to TFLite and gives data, note and log."""

    def run(frozen, recipe, images=IMAGES, **tuning):
        monkeypatch.setattr(tuned_exporters, "TUNING", Tuning(batch_size=8, **tuning))
        log = tmp_path / "log"
        with output_to_log(log, recipe):
            body = EXPORTERS["tflite", recipe].load()(frozen, images)
        return body.data, body.note, log.read_text(errors="replace")

    return run


def test_tuned_weights_are_kept_where_they_are_better_and_tuned_once(convert):
    frozen = freeze(unequal_model())
    told = []
    frozen.on_tuning_step = told.append
    plain, note, _ = convert(frozen, "int8", IMAGES[:32])
    assert note == ""
    data, note, log = convert(frozen, "int8-qat", steps=1000, learning_rate=3e-4)
    assert "On 8 photos that were not tuned on, tflite int8 has a mean score error" in note
    assert note.endswith("The tuned weights are kept.")
    assert note in log
    assert data != plain
    assert sum(told) == 40  # ten passes over 32 photos, in batches of 8
    convert(frozen, "int8-qat", steps=1000)
    assert sum(told) == 40


def test_a_model_keeps_its_own_weights_where_tuning_gains_nothing(convert):
    frozen = freeze(unequal_model())
    plain, _, _ = convert(frozen, "int8", IMAGES[:32])
    data, note, log = convert(frozen, "int8-qat", steps=1, learning_rate=3.0)  # far too high
    assert note.endswith("The model keeps its own weights.")
    assert note in log
    assert data == plain


def test_too_few_photos_are_refused(convert):
    with pytest.raises(OptionError, match="at least 10 photos to tune on, got 9") as error:
        convert(freeze(unequal_model()), "int8-qat", IMAGES[:9])
    assert "hundred" in error.value.hint


def _fidelity(agreement, mean_error):
    return Fidelity(
        inputs=100, agreement=agreement, flipped=0, worst_error=0.5, mean_error=mean_error
    )


@pytest.mark.parametrize(
    ("agreement", "mean_error", "better"),
    [
        (0.9, 0.01, True),
        (0.95, 0.01, True),
        (0.85, 0.01, False),
        (0.95, 0.02, False),
        (0.9, np.nan, False),
    ],
)
def test_nearer_scores_count_only_with_as_many_equal_answers(agreement, mean_error, better):
    assert is_better(_fidelity(agreement, mean_error), _fidelity(0.9, 0.02)) == better
