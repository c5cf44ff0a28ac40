"""Why an artifact does not answer as its reference does: all checks, and the one main cause."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from edgecls_device.artifact import Artifact
from edgecls_device.errors import ArtifactError
from edgecls_device.stamps import now

from edgecls_bench.cases import spec_of
from edgecls_bench.diagnosis.calibration import check_calibration, read_calibration
from edgecls_bench.diagnosis.collecting import collect
from edgecls_bench.diagnosis.evidence import Evidence
from edgecls_bench.diagnosis.growth import check_operations, check_unexplained, layer_errors
from edgecls_bench.diagnosis.input_range import check_input_range, is_cut
from edgecls_bench.diagnosis.labels import Order, check_labels, in_reference_order
from edgecls_bench.diagnosis.pixels import (
    check_accuracy,
    check_pixels,
    check_spec,
)
from edgecls_bench.diagnosis.preparations import RIGHT
from edgecls_bench.diagnosis.record import Diagnosis, Finding
from edgecls_bench.diagnosis.scores import check_scores
from edgecls_bench.diagnosis.weights import check_weights, spread_of
from edgecls_bench.evaluation import Advance
from edgecls_bench.machine import describe_machine
from edgecls_bench.metrics import wilson_interval

__all__ = ["diagnose"]

FEW_PHOTOS = 30
"""Below this a cause that spoils one photo in ten may not show at all."""


def diagnose(
    artifact: Artifact,
    reference: Artifact,
    photos: Sequence[Path],
    *,
    class_ids: Sequence[int] = (),
    calibration: Sequence[Path] = (),
    training: Sequence[Path] = (),
    threads: int = 1,
    advance: Advance | None = None,
) -> Diagnosis:
    """Hold an artifact against its float32 reference, and say what is wrong with it.

    Args:
        artifact: What is to be explained.
        reference: The float32 file of the same model; of the same format, or layers cannot be followed.
        photos: What to look at; about 100 are enough.
        class_ids: Class of each photo, if known.
        calibration: Photos that it may have been calibrated on; they tell how those were prepared.
        training: Other photos, of which it may have been calibrated on some.
        threads: For one inference.
        advance: Called after each photo.

    Raises:
        ArtifactError: If a file has no spec, the classes do not fit, or a runtime refuses a file.
        DataError: If no photo can be read.
        MissingDependencyError: If a runtime is not installed.
    """
    counts = [len(spec_of(entry).labels) for entry in (artifact, reference)]
    if counts[0] != counts[1]:
        message = (
            f"Expected a reference with the same number of classes ({counts[0]}), got {counts[1]}."
        )
        raise ArtifactError(message, hint="give the float32 file of the same run with --reference")
    machine = describe_machine()
    evidence = collect(
        artifact,
        reference,
        photos,
        class_ids=class_ids,
        calibration=calibration,
        training=training,
        threads=threads,
        advance=advance,
    )
    order = in_reference_order(evidence)
    layers = layer_errors(evidence)
    spreads = tuple(map(spread_of, evidence.weights))
    fit = read_calibration(evidence)
    findings = [
        *check_labels(evidence, order),
        *check_spec(evidence, order),
        *check_pixels(evidence, order, is_cut=is_cut(evidence)),
        *check_input_range(evidence, fit),
        *check_accuracy(evidence),
        *check_scores(evidence, order),
        *check_calibration(evidence, fit),
        *check_weights(spreads),
        *check_operations(evidence.operations),
        *_check_count(evidence),
    ]
    if not any(finding.is_fault for finding in findings):
        findings += check_unexplained(evidence, order, layers)
    findings.sort(key=lambda finding: (not finding.is_fault, -finding.weight))
    own, wanted = evidence.own[RIGHT][:, order.columns], evidence.reference[RIGHT]
    same = int((own.argmax(axis=1) == wanted.argmax(axis=1)).sum())
    accuracy, reference_accuracy = _accuracies(evidence, order)
    return Diagnosis(
        created=now(),
        artifact=artifact.path.name,
        sha256=artifact.sha256,
        reference=reference.path.name,
        recipe=evidence.spec.provenance.recipe,
        photos=evidence.photos,
        layer_photos=evidence.layers[RIGHT].photos,
        is_healthy=not findings or not findings[0].is_fault,
        cause=_cause(findings, same, evidence.photos),
        agreement=same / evidence.photos,
        agreement_interval=wilson_interval(same, evidence.photos),
        mean_score_error=float(np.abs(own - wanted).max(axis=1).mean()),
        accuracy=accuracy,
        reference_accuracy=reference_accuracy,
        integer_operations=sum(op.is_integer for op in evidence.operations),
        float_operations=sum(
            not op.is_integer and not op.is_conversion for op in evidence.operations
        ),
        conversions=sum(op.is_conversion for op in evidence.operations),
        findings=tuple(findings),
        layers=layers,
        weights=spreads,
        calibration=fit.fits,
        machine=machine,
    )


def _cause(findings: Sequence[Finding], same: int, photos: int) -> str:
    if findings and findings[0].is_fault:
        return findings[0].sentence
    low, high = wilson_interval(same, photos)
    return (
        f"healthy: the same best label as the reference on {same} of {photos} photos "
        f"({100 * low:.1f}-{100 * high:.1f} %), and none of the usual faults"
    )


def _check_count(evidence: Evidence) -> list[Finding]:
    if evidence.photos >= FEW_PHOTOS:
        return []
    return [
        Finding(
            kind="few photos",
            is_fault=False,
            weight=0.9,
            sentence=f"Only {evidence.photos} photos were looked at: faults that spoil few photos do not show.",
            remedy="give more photos: --data PHOTOS --no-labels",
            evidence={"photos": evidence.photos},
        )
    ]


def _accuracies(evidence: Evidence, order: Order) -> tuple[float | None, float | None]:
    if not evidence.class_ids or evidence.reference_spec.groups:
        return None, None
    true = np.asarray(evidence.class_ids)
    own, wanted = evidence.own[RIGHT][:, order.columns], evidence.reference[RIGHT]
    return float((own.argmax(axis=1) == true).mean()), float((wanted.argmax(axis=1) == true).mean())
