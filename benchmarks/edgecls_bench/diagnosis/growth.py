"""Where errors grow from layer to layer, and what runs outside of the integer path."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgecls_bench.diagnosis.evidence import Evidence
from edgecls_bench.diagnosis.labels import Order
from edgecls_bench.diagnosis.layers import LayerSums, decibels
from edgecls_bench.diagnosis.network import Operation
from edgecls_bench.diagnosis.preparations import RIGHT
from edgecls_bench.diagnosis.record import Finding, LayerError
from edgecls_bench.metrics import wilson_interval

__all__ = ["check_operations", "check_unexplained", "layer_errors", "worst_layers"]

CLEAR_LEAD = 0.2
FLIPPED = 0.05
"""The limits of an export: at most 5 % of photos differ of those on which the reference leads by 0.2."""

NO_ERROR_DB = 100.0
ROUNDED_DB = 40.0
"""What rounding to 8 bits leaves in a first layer: less than that has another reason."""

_SUMS = frozenset({"ADD", "Add", "SUB", "Sub", "SUM", "Sum", "CONCATENATION", "Concat"})


def layer_errors(evidence: Evidence) -> tuple[LayerError, ...]:
    """Return the error of each layer, in the order of the file."""
    if not evidence.pairs:
        return ()
    sums = evidence.layers[RIGHT]
    sqnr, shares = sums.sqnr_db, sums.clipping_share
    lost = _lost_db(evidence, sums)
    return tuple(
        LayerError(
            name=own.name,
            operation=own.operation,
            is_quantized=own.is_quantized,
            sqnr_db=float(sqnr[i]) if sqnr[i] < NO_ERROR_DB else None,
            lost_db=float(lost[i]) if sqnr[i] < NO_ERROR_DB else None,
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
    """Return the layers where the error grows most, worst first.

    A softmax on floats is left out: it makes large differences of small ones, but adds none of its own.
    """
    known = [
        layer
        for layer in layers
        if layer.lost_db is not None
        and (layer.is_quantized or layer.operation.lower() != "softmax")
    ]
    return sorted(known, key=lambda layer: -(layer.lost_db or 0.0))[:count]


def _lost_db(evidence: Evidence, sums: LayerSums) -> NDArray[np.float64]:
    """Return how much worse each layer is than the errors of its inputs would make it.

    Of a sum, errors add up, so that neither a small input of many errors nor one of few is all that counts.
    Elsewhere it is shares of the signal that add up, and the layer's one input is what it is held against.
    """
    sqnr = sums.sqnr_db
    shares = 10 ** (-sqnr / 10)
    brought = np.full(len(sqnr), NO_ERROR_DB)
    for i, ((own, _), sources) in enumerate(zip(evidence.pairs, evidence.sources, strict=True)):
        places = list(sources)
        is_followed = own.inputs == tuple(evidence.pairs[place][0].key for place in places)
        if places and own.operation in _SUMS and is_followed:
            brought[i] = decibels(sums.signal[i : i + 1], sums.error[places].sum(keepdims=True))[0]
        elif places:
            brought[i] = -10 * np.log10(shares[places].sum())
    return np.asarray(np.minimum(brought, np.maximum(sqnr, ROUNDED_DB)) - sqnr)


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
    where = "".join(
        f" The error grows most in {jump.name!r} ({jump.operation}), by {jump.lost_db:.1f} dB."
        for jump in worst_layers(layers, 1)
        if jump.lost_db is not None and jump.lost_db > 0
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
