"""Pixels as a spec's input wants them."""

from dataclasses import replace

import numpy as np
from edgecls_device.arrays import Frame
from edgecls_device.spec import InputTensor, ModelSpec

from edgecls_bench.diagnosis.evidence import BY_REFERENCE
from edgecls_bench.diagnosis.preparations import Pixels, prepare

__all__ = ["as_artifact_is_fed", "as_fed"]


def as_artifact_is_fed(
    frame: Frame, name: str, spec: ModelSpec, reference_spec: ModelSpec
) -> Pixels:
    """Return a frame's pixels for an artifact's input.

    Args:
        frame: The photo.
        name: A preparation, or ``BY_REFERENCE`` for the rules of the reference instead of its own.
        spec: Of the artifact.
        reference_spec: Of the reference.
    """
    if name == BY_REFERENCE:
        own, other = spec.preprocessing, reference_spec
        rule = replace(other.preprocessing, height=own.height, width=own.width)
        return as_fed(prepare(frame, rule), replace(other.input, layout=spec.input.layout))
    return as_fed(prepare(frame, spec.preprocessing, name), spec.input)


def as_fed(pixels: Pixels, tensor: InputTensor) -> Pixels:
    """Return RGB pixels in units of 0..255 as a spec's input wants them, without the batch's axis."""
    if tensor.color == "bgr":
        pixels = pixels[..., ::-1]
    if tensor.mean:
        mean, std = np.asarray(tensor.mean, np.float32), np.asarray(tensor.std, np.float32)
        pixels = (pixels - mean) / std
    if tensor.layout == "nchw":
        pixels = pixels.transpose(2, 0, 1)
    return np.ascontiguousarray(pixels, np.float32)
