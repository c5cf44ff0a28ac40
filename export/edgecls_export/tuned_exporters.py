"""Exporters of ``int8-qat``: int8 of weights that were tuned for it, where that measures better.

The last photos are kept from tuning. Both the weights of the model and the tuned ones are exported by the usual
int8 exporter, run on these photos by the runtime that ships, and compared with Keras; the tuned weights must
earn their place.
"""

import math
import sys
import time
from dataclasses import replace

import numpy as np
from edgecls_device.arrays import Scores
from edgecls_device.backends.protocol import BackendOptions
from edgecls_device.errors import OptionError

from edgecls_export.bias_correction import corrected
from edgecls_export.exported import Images, ModelBody
from edgecls_export.fidelity import Fidelity, measure
from edgecls_export.frozen import FrozenModel, fingerprint, freeze
from edgecls_export.operators import open_converted
from edgecls_export.table import find_exporter
from edgecls_export.tuning import Tuning, tune

__all__ = ["LEAST_PHOTOS", "TUNING", "onnx_to_tuned_int8", "tflite_to_tuned_int8"]

TUNING = Tuning()
LEAST_PHOTOS = 10
HELD_BACK = 0.2
MOST_HELD_BACK = 200
RANGE_PHOTOS = 100
MOST_PASSES = 10
"""No more often is each photo tuned on: of few photos, weights would learn the photos themselves."""


def tflite_to_tuned_int8(frozen: FrozenModel, images: Images) -> ModelBody:
    """Convert to int8 TFLite with tuned weights, or with the model's own where these score no worse.

    The note of the result says which, and what was measured.

    Args:
        frozen: The model.
        images: Photos to tune on, those of every class in turn; the last fifth (at most 200) decides which
            weights are better. Value ranges are taken from the first 100.

    Raises:
        ExportError: If nothing in the model can be tuned.
        OptionError: If there are too few photos.
    """
    return _better(frozen, images, "tflite")


def onnx_to_tuned_int8(frozen: FrozenModel, images: Images) -> ModelBody:
    """Convert to int8 ONNX likewise; see :func:`tflite_to_tuned_int8`."""
    return _better(frozen, images, "onnx")


def is_better(after: Fidelity, before: Fidelity) -> bool:
    """Whether tuned weights earn their place: scores nearer to Keras, and as many answers the same."""
    return after.mean_error < before.mean_error and after.agreement >= before.agreement


def _better(frozen: FrozenModel, images: Images, file_format: str) -> ModelBody:
    if len(images) < LEAST_PHOTOS:
        message = f"Expected at least {LEAST_PHOTOS} photos to tune on, got {len(images)}."
        raise OptionError(
            message, hint="give some hundred; labels are not needed. Or use --recipe int8"
        )
    held_back = min(MOST_HELD_BACK, math.ceil(HELD_BACK * len(images)))
    ours, theirs = images[:-held_back], images[-held_back:]
    tuned = _tuned(frozen, ours, pairwise=file_format == "onnx")
    to_int8 = find_exporter(file_format, "int8").load()
    ranges = ours[:RANGE_PHOTOS]
    plain_body, tuned_body = to_int8(frozen, ranges), to_int8(tuned, ranges)
    wanted = frozen.keras_scores(theirs)
    before, after = (_seen(body, file_format, theirs, wanted) for body in (plain_body, tuned_body))
    keeps = is_better(after, before)
    outcome = "The tuned weights are kept." if keeps else "The model keeps its own weights."
    note = (
        f"On {held_back} photos that were not tuned on, {file_format} int8 has a mean score error of "
        f"{before.mean_error:.4g} and an agreement of {before.agreement:.2%}; tuned, {after.mean_error:.4g} "
        f"and {after.agreement:.2%}. {outcome}"
    )
    _log(note)
    return replace(tuned_body if keeps else plain_body, note=note)


def _tuned(frozen: FrozenModel, images: Images, *, pairwise: bool) -> FrozenModel:
    """Return the model tuned for the weights of one format, once."""
    key = " ".join([fingerprint(images), *["pairwise"] * pairwise])
    if key not in frozen.tuned:
        begin = time.perf_counter()
        start = corrected(frozen, images[:RANGE_PHOTOS], pairwise=pairwise)
        tuning = replace(TUNING, steps=_steps(len(images)), pairwise=pairwise)
        model = tune(
            start.model, images, tuning, teacher=frozen.model, on_step=frozen.on_tuning_step
        )
        frozen.tuned[key] = freeze(model)
        frozen.tuned[key].is_fitted_to_int8 = True
        _log(f"Tuned for {tuning.steps} steps in {time.perf_counter() - begin:.0f} s.")
    return frozen.tuned[key]


def _steps(photos: int) -> int:
    return min(TUNING.steps, math.ceil(MOST_PASSES * photos / TUNING.batch_size))


def _seen(body: ModelBody, file_format: str, images: Images, wanted: Scores) -> Fidelity:
    backend = open_converted(file_format, body.data, BackendOptions(threads=1))
    try:
        scores = np.concatenate([backend.run(image[np.newaxis]) for image in images])
    finally:
        backend.close()
    return measure(scores, wanted)


def _log(text: str) -> None:
    sys.stderr.write(f"{text}\n")  # an exporter's output goes to the log of the export
