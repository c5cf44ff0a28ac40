"""Weights: how different their channels are, and whether each channel has a scale of its own."""

from collections.abc import Sequence

import numpy as np

from edgecls_bench.diagnosis.network import Weight, channel_ranges
from edgecls_bench.diagnosis.record import Finding, WeightSpread

__all__ = ["check_weights", "spread_of"]

NOTICEABLE_DB = 1.0
"""A quarter more noise. Converters give a convolution one scale for all channels only where they are told to,
so the loss need not be large to be worth a word; below this it would be one about nothing."""

NO_CHOICE = "ConvInteger"
"""ONNX Runtime's dynamic quantization makes these of convolutions: they take one scale, so that is no slip."""


def spread_of(weight: Weight) -> WeightSpread:
    """Return how the channels of a weight differ.

    One scale must fit the widest channel. A channel of half its range then has half as many steps: 6 dB less.
    """
    ranges = channel_ranges(weight.values).astype(np.float64)
    ranges = np.maximum(ranges, weight.step / 2)  # a channel that was rounded away
    lost = 20 * np.log10(ranges.max() / ranges)
    return WeightSpread(
        name=weight.name,
        operation=weight.operation,
        channels=len(ranges),
        scales=weight.scales,
        ratio=float(ranges.max() / np.median(ranges)),
        lost_db=float(lost.mean()) if weight.scales == 1 else 0.0,
    )


def check_weights(spreads: Sequence[WeightSpread]) -> list[Finding]:
    """Return whether convolutions have one scale for all their channels.

    Dense layers are left out: small ones have one scale on purpose, since a runtime crashes on more.
    """
    convolutions = [
        entry for entry in spreads if "CONV" in entry.operation.upper() and entry.channels > 1
    ]
    shared = [entry for entry in convolutions if entry.scales == 1]
    if not shared or 2 * len(shared) < len(convolutions):
        return []
    lost = float(np.median([entry.lost_db for entry in shared]))
    worst = max(shared, key=lambda entry: entry.lost_db)
    sentence = (
        f"{len(shared)} of {len(convolutions)} convolutions have one scale for all channels, though these "
        f"differ: that costs {lost:.1f} dB of weight precision in the median layer and {worst.lost_db:.1f} dB "
        f"in the worst, where the widest of {worst.channels} channels has {worst.ratio:.1f} times the median "
        "range."
    )
    return [
        Finding(
            kind="per-tensor weights",
            is_fault=lost >= NOTICEABLE_DB and not all(e.operation == NO_CHOICE for e in shared),
            weight=4.0 + min(lost / 100, 0.5),
            sentence=sentence,
            remedy="quantize weights per channel, as the recipe int8 does: edgecls export RUN --recipe int8",
            evidence={"shared": len(shared), "convolutions": len(convolutions), "lost_db": lost},
        )
    ]
