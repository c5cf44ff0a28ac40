"""Everything a diagnosis looks at, measured photo by photo."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from edgecls_device.spec import ModelSpec
from numpy.typing import NDArray

from edgecls_bench.diagnosis.layers import LayerSums
from edgecls_bench.diagnosis.matching import Pair
from edgecls_bench.diagnosis.network import Operation, Weight
from edgecls_bench.diagnosis.preparations import RIGHT

__all__ = ["BY_REFERENCE", "LAYER_FAMILIES", "Evidence", "Rows"]

BY_REFERENCE = "as the reference"
"""The artifact, fed by the rules in the reference's spec instead of its own."""

LAYER_FAMILIES = frozenset({"color", "range"})
"""Preparations whose effect is followed through the layers: those that an artifact may have inside of it."""

Rows = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Evidence:
    """What was measured.

    Attributes:
        spec: Of the artifact.
        reference_spec: Of the reference.
        class_ids: True class of each photo; empty without classes.
        own: Scores of the artifact by preparation, shape ``(photos, classes)``, in the order of its outputs.
        reference: Scores of the reference by preparation, of the photos in ``looked``.
        looked: Indexes of the photos that the reference was shown in each preparation.
        pairs: Activations of the artifact and of the reference that are the same; none across formats.
        layers: Errors by preparation of the reference, on some of the photos.
        informative: Indexes of quantized pairs whose range depends on the photo.
        ranges: Least and largest value of those by preparation, shape ``(looked, informative, 2)``.
        calibration_ranges: The same of photos that the artifact may have been calibrated on.
        training_ranges: The same of photos of which it may have been calibrated on some.
        operations: Of the artifact.
        weights: Of the artifact.
        input_range: What the first quantization of pixels can hold; None where there is none.
        cut: Share of each photo's pixel values that lie beyond it by more than a grey level.
        pixel_ends: Least and largest pixel value of each photo, as the artifact is fed.
        sources: For each pair the places of the pairs that it is computed from; none where that is the picture.
    """

    spec: ModelSpec
    reference_spec: ModelSpec
    class_ids: tuple[int, ...]
    own: Mapping[str, Rows]
    reference: Mapping[str, Rows]
    looked: Mapping[str, tuple[int, ...]]
    pairs: tuple[Pair, ...]
    layers: Mapping[str, LayerSums]
    informative: tuple[int, ...]
    ranges: Mapping[str, NDArray[np.float32]]
    calibration_ranges: Mapping[str, NDArray[np.float32]]
    operations: tuple[Operation, ...]
    weights: tuple[Weight, ...]
    input_range: tuple[float, float] | None = None
    cut: tuple[float, ...] = ()
    training_ranges: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    pixel_ends: tuple[tuple[float, float], ...] = ()
    sources: tuple[tuple[int, ...], ...] = ()

    @property
    def photos(self) -> int:
        """Number of photos, without those of the calibration."""
        return len(self.own[RIGHT])
