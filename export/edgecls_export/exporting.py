"""Export one file: require, convert, look, embed the spec, reload, compare with Keras, and only then name it.

A converted model first runs in memory, on the runtime that ships, over golden samples and photos: its spec
is fitted to these scores, and they are compared with Keras. The file is written once, with its final spec,
and must give its golden scores again when a device's code reloads it.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from edgecls_device.arrays import Scores
from edgecls_device.artifact import read_artifact
from edgecls_device.backends.protocol import BackendOptions, default_threads
from edgecls_device.backends.table import choose_backend
from edgecls_device.classifier import Classifier
from edgecls_device.errors import EdgeclsError, ExportError
from edgecls_device.files import storage_errors, writing
from edgecls_device.golden import golden_inputs
from edgecls_device.spec import ModelSpec
from edgecls_device.stamps import installed_versions
from edgecls_device.verify import verify

from edgecls_export.confidence import refitted
from edgecls_export.exported import ExportedArtifact, Images, ModelBody
from edgecls_export.fidelity import Fidelity, check_limits, golden_tolerance, measure, run_all
from edgecls_export.frozen import FrozenModel, fingerprint, freeze
from edgecls_export.native_log import output_to_log
from edgecls_export.operators import open_converted
from edgecls_export.rehearsal import rehearse
from edgecls_export.requirements import (
    check_class_ids,
    check_destination,
    check_images,
    check_model,
)
from edgecls_export.table import Convert, find_exporter

__all__ = ["STEPS", "export", "try_out"]

STEPS = ("convert", "check")
"""The steps of one export, as ``on_step`` is told them."""

_EMBED = {
    "tflite": "edgecls_export.tflite_metadata",
    "onnx": "edgecls_export.onnx_graph",
}


def export(
    model: Any,
    spec: ModelSpec,
    *,
    format: str,  # noqa: A002 - the user's word for it
    recipe: str,
    destination: Path,
    photos: Images,
    log: Path,
    calibration: Images | None = None,
    class_ids: Sequence[int] | None = None,
    on_step: Callable[[str], None] | None = None,
) -> ExportedArtifact:
    """Write one self-describing file.

    Args:
        model: A Keras classifier (float32 RGB 0..255 in, a Softmax layer ``scores`` at its end), or what
            ``freeze`` made of it: several exports then share their work.
        spec: What the model means. The file gets a copy with the recipe and golden scores of its own.
        format: ``tflite`` or ``onnx``.
        recipe: A recipe of the format, see ``EXPORTERS``.
        destination: The file; its suffix is the format.
        photos: Prepared photos to compare with Keras on, uint8 ``(N, H, W, 3)`` RGB; without any, only the
            golden samples are compared.
        log: What the converters print is appended to it.
        calibration: Prepared photos to take value ranges from, or to tune on; about 100 are enough for ranges.
        class_ids: True classes of ``photos``; temperature and unknown-threshold are then fitted to this file's
            own scores, see :func:`edgecls_export.confidence.refitted`.
        on_step: Called with ``convert`` and ``check`` when each begins.

    Raises:
        ExportError: If the model does not fit the spec, cannot be converted, or the file does not score as
            Keras does; ``destination`` is then left as it was.
        MissingDependencyError: If a package is not installed.
        OptionError: If there is no such format or recipe, or the images do not fit.
        StorageError: If the file or the log cannot be written.
    """
    start = time.perf_counter()
    entry = find_exporter(format, recipe)
    if calibration is None or not (entry.needs_calibration or entry.training_photos):
        calibration = photos[:0]
    frozen = freeze(model)
    check_model(frozen, spec)
    check_images(photos, spec, name="check")
    check_images(calibration, spec, name="calibration", at_least=int(entry.needs_calibration))
    check_class_ids(class_ids, photos, spec)
    check_destination(destination, format)
    rehearse(format, recipe, log=log)
    tell = on_step or (lambda _: None)
    tell(STEPS[0])
    title = f"{destination.name}: {format} {recipe}"
    with output_to_log(log, title):
        body = _convert(entry.load(), frozen, calibration, title, log)
    spec = _own_spec(spec, recipe, calibration, entry.packages)
    tell(STEPS[1])
    with output_to_log(log, f"{title}: check"), writing(destination) as temporary:
        seen = _run(body, spec, format, photos)
        spec = _with_golden(spec, entry.precision, body, seen.golden)
        if class_ids is not None:
            spec = refitted(spec, seen.photos, np.asarray(class_ids, np.int64))
        embed = import_module(_EMBED[format]).embed_spec
        temporary.write_bytes(embed(body.data, spec))
        _verify(temporary)
        found = _compare(seen, frozen, spec, photos, entry.precision)
    return ExportedArtifact(
        path=str(destination),
        format=format,
        recipe=recipe,
        size_bytes=destination.stat().st_size,
        seconds=time.perf_counter() - start,
        backend=seen.backend,
        photos=len(photos),
        agreement=found.agreement if len(photos) else None,
        worst_error=found.worst_error,
        mean_error=found.mean_error,
        calibration_photos=len(calibration),
        temperature=spec.temperature,
        unknown_threshold=spec.unknown_threshold,
        note=body.note,
    )


def try_out(
    model: Any,
    spec: ModelSpec,
    *,
    format: str,  # noqa: A002 - the user's word for it
    recipe: str,
    photos: Images,
    log: Path,
    calibration: Images,
) -> Scores:
    """Convert without writing a file, and return the scores on the runtime that ships.

    Arguments are those of :func:`export`.

    Returns:
        The model's own scores, shape ``(len(photos), num_classes)``, float32.

    Raises:
        ExportError: If the model cannot be converted.
        MissingDependencyError: If a package is not installed.
        OptionError: If there is no such format or recipe.
        StorageError: If the log cannot be written.
    """
    entry = find_exporter(format, recipe)
    title = f"trial of {len(calibration)} calibration photos: {format} {recipe}"
    with output_to_log(log, title):
        body = _convert(entry.load(), freeze(model), calibration, title, log)
        return _run(body, spec, format, photos).photos


def _convert(
    convert: Convert, frozen: FrozenModel, calibration: Images, title: str, log: Path
) -> ModelBody:
    try:
        with storage_errors("write temporary files in", Path(tempfile.gettempdir())):
            return convert(frozen, calibration)
    except EdgeclsError:
        raise
    except Exception as error:  # converters raise nearly anything
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
        message = f"Expected a model that converts to {title.partition(': ')[2]}, got: {reason}"
        hint = f"the converter's output is in {log}; try another --recipe or --format"
        raise ExportError(message, hint=hint) from error


def _own_spec(
    spec: ModelSpec, recipe: str, calibration: Images, packages: Sequence[str]
) -> ModelSpec:
    """Return the spec of one file: the model's, with how this file was made."""
    provenance = replace(
        spec.provenance,
        recipe=recipe,
        calibration_fingerprint=fingerprint(calibration),
        packages={**spec.provenance.packages, **installed_versions(packages)},
    )
    return replace(spec, provenance=provenance)


class _Seen(NamedTuple):
    """What a converted model gives on the runtime that ships.

    Attributes:
        golden: Its own scores for the golden inputs, shape ``(samples, num_classes)``, float32.
        photos: The same for photos.
        backend: The runtime.
    """

    golden: Scores
    photos: Scores
    backend: str


def _run(body: ModelBody, spec: ModelSpec, file_format: str, photos: Images) -> _Seen:
    options = BackendOptions(threads=default_threads())
    name = choose_backend(file_format)
    with Classifier(spec, open_converted(file_format, body.data, options)) as classifier:
        golden = run_all(classifier, _golden(spec))
        return _Seen(golden=golden, photos=run_all(classifier, photos), backend=name)


def _with_golden(spec: ModelSpec, precision: str, body: ModelBody, scores: Scores) -> ModelSpec:
    """Return the spec with the golden scores of this very model."""
    rows = tuple(tuple(float(f"{score:.7g}") for score in row) for row in scores)
    tolerance = golden_tolerance(precision, body.logit_step, body.tolerance)
    return replace(spec, golden=replace(spec.golden, scores=rows, tolerance=tolerance))


def _golden(spec: ModelSpec) -> Images:
    return golden_inputs(spec.golden.seed, spec.preprocessing.height, spec.preprocessing.width)


def _verify(path: Path) -> None:
    """Reload a file as a device does, and hold it against its golden scores.

    Raises:
        ExportError: If it is too far from them.
    """
    with Classifier.from_artifact(read_artifact(path)) as classifier:
        verified = verify(classifier)
    if not verified.is_passed:
        message = f"Expected the same scores after reloading, got {verified.worst_error:.3g} off."
        raise ExportError(message, hint="the runtime is not deterministic; update it")


def _compare(
    seen: _Seen, frozen: FrozenModel, spec: ModelSpec, photos: Images, precision: str
) -> Fidelity:
    """Compare with Keras.

    Raises:
        ExportError: If the model is too far from it.
    """
    found = measure(seen.golden, frozen.keras_scores(_golden(spec)))
    # No photo looks like a golden sample, and int8 is fitted to photos.
    if precision != "int8" or not len(photos):
        check_limits(found, precision, inputs=f"{len(seen.golden)} golden samples")
    if len(photos):
        found = measure(seen.photos, frozen.keras_scores(photos))
        check_limits(found, precision, inputs=f"{len(photos)} photos")
    return found
