"""Where errors grow from layer to layer, and what runs outside of the integer path."""

from collections.abc import Sequence

import numpy as np

from edgecls_bench.diagnosis.evidence import Evidence
from edgecls_bench.diagnosis.labels import Order
from edgecls_bench.diagnosis.network import Operation
from edgecls_bench.diagnosis.preparations import RIGHT
from edgecls_bench.diagnosis.record import Finding, LayerError
from edgecls_bench.metrics import wilson_interval

__all__ = ["check_operations", "check_unexplained", "layer_errors", "worst_layers"]

CLEAR_LEAD = 0.2
FLIPPED = 0.05
"""The limits of an export: at most 5 % of photos differ of those on which the reference leads by 0.2."""

NO_ERROR_DB = 100.0


def layer_errors(evidence: Evidence) -> tuple[LayerError, ...]:
    """Return the error of each layer, in the order of the file."""
    if not evidence.pairs:
        return ()
    sums = evidence.layers[RIGHT]
    sqnr, shares = sums.sqnr_db, sums.clipping_share
    before = np.concatenate([sqnr[:1], sqnr[:-1]])
    return tuple(
        LayerError(
            name=own.name,
            operation=own.operation,
            is_quantized=own.is_quantized,
            sqnr_db=float(sqnr[i]) if sqnr[i] < NO_ERROR_DB else None,
            lost_db=float(before[i] - sqnr[i]) if sqnr[i] < NO_ERROR_DB else None,
            low=own.low if own.is_quantized else None,
            high=own.high if own.is_quantized else None,
            seen_low=float(sums.low[i]),
            seen_high=float(sums.high[i]),
            clipped_photos=float(sums.clipped[i]) / max(sums.photos, 1),
            clipping_share=float(shares[i]),
        )
        for i, (own, _) in enumerate(evidence.pairs)
    )


def worst_layers(layers: Sequence[LayerError], count: int) -> list[LayerError]:
    """Return the layers with the largest error, worst first."""
    known = [layer for layer in layers if layer.sqnr_db is not None]
    return sorted(known, key=lambda layer: layer.sqnr_db or 0.0)[:count]


def check_operations(operations: Sequence[Operation]) -> list[Finding]:
    """Return a note where an integer model computes in float in between."""
    integer = sum(op.is_integer for op in operations)
    floats = [op.kind for op in operations if not op.is_integer and not op.is_conversion]
    conversions = sum(op.is_conversion for op in operations)
    if not integer or len(floats) <= 2:  # a cast before and the softmax behind
        return []
    kinds = ", ".join(sorted(set(floats))[:5])
    return [
        Finding(
            kind="float operations",
            is_fault=False,
            weight=0.8,
            sentence=f"{len(floats)} operations run in float between {integer} on integers ({kinds}), with "
            f"{conversions} conversions: exact, but each way in and out costs time.",
            remedy="if it is too slow, choose a backbone whose operations all have integer kernels: "
            "edgecls train PHOTOS --backbone efficientnet_lite0",
            evidence={
                "float": len(floats),
                "integer": integer,
                "conversions": conversions,
            },
        )
    ]


def check_unexplained(
    evidence: Evidence, order: Order, layers: Sequence[LayerError]
) -> list[Finding]:
    """Return a fault where clear answers differ though nothing else was found to be wrong."""
    own, wanted = evidence.own[RIGHT][:, order.best], evidence.reference[RIGHT]
    ranked = np.sort(wanted, axis=1)
    lead = ranked[:, -1] - (ranked[:, -2] if wanted.shape[1] > 1 else 0.0)
    flipped = int(((own.argmax(axis=1) != wanted.argmax(axis=1)) & (lead > CLEAR_LEAD)).sum())
    if wilson_interval(flipped, len(own))[0] <= FLIPPED:
        return []
    jump = max((layer for layer in layers if layer.lost_db is not None), key=_lost, default=None)
    where = (
        f" The error grows most in {jump.name!r} ({jump.operation}), by {jump.lost_db:.1f} dB."
        if jump is not None
        else ""
    )
    return [
        Finding(
            kind="layer error",
            is_fault=True,
            weight=2.0,
            sentence=f"{flipped} of {len(own)} photos get another label though the reference is sure, "
            f"and no usual cause fits.{where}",
            remedy="keep the worst layers in float, or tune: edgecls export RUN --recipe int8-mixed,int8-qat",
            evidence={"flipped": flipped, "photos": len(own)},
        )
    ]


def _lost(layer: LayerError) -> float:
    return layer.lost_db or 0.0
