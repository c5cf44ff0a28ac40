"""The table of backbones: what each is, where its weights come from, what fine-tuning may unfreeze."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from edgecls_device.errors import OptionError
from edgecls_device.lazy import load

from edgecls.training.efficientnet_lite0 import WEIGHTS as LITE0_WEIGHTS
from edgecls.training.quiet_keras import import_keras

__all__ = ["BACKBONES", "DEFAULT_BACKBONE", "Backbone", "backbone_named", "blocks_of", "build"]

DEFAULT_BACKBONE = "efficientnet_lite0"


@dataclass(frozen=True, kw_only=True, slots=True)
class Backbone:
    """One network whose pooled features a head is trained on.

    Attributes:
        name: As in ``--backbone``.
        builder: ``module:function`` that builds it.
        weights: Where its weights come from; empty if it is trained from scratch.
        size: Input height and width in pixels that it was made for.
        block: Pattern of the layer names of one block; group 1 tells the blocks apart.
    """

    name: str
    builder: str
    weights: str
    size: int = 224
    block: str = r"(block\d+)_"

    @property
    def is_pretrained(self) -> bool:
        """Whether it comes with ImageNet weights."""
        return bool(self.weights)


def _application(name: str, block: str) -> Backbone:
    builder = f"edgecls.training.applications:{name}"
    return Backbone(name=name, builder=builder, weights="keras.applications: ImageNet", block=block)


_ALL = (
    Backbone(
        name=DEFAULT_BACKBONE,
        builder="edgecls.training.efficientnet_lite0:efficientnet_lite0",
        weights=LITE0_WEIGHTS,
    ),
    _application("mobilenet_v2", r"(block_\d+|expanded_conv)_"),
    _application("mobilenet_v3_small", r"(expanded_conv(?:_\d+)?)_[a-z]"),
    _application("mobilenet_v3_large", r"(expanded_conv(?:_\d+)?)_[a-z]"),
    _application("efficientnetv2_b0", r"(block\d+[a-z])_"),
    Backbone(name="small_cnn", builder="edgecls.training.small_cnn:small_cnn", weights="", size=96),
)
BACKBONES: Mapping[str, Backbone] = MappingProxyType({entry.name: entry for entry in _ALL})


def backbone_named(name: str) -> Backbone:
    """Return a backbone of the table.

    Raises:
        OptionError: If there is none of that name; the hint has the nearest names.
    """
    if name not in BACKBONES:
        near = get_close_matches(name.lower().replace("-", "_"), BACKBONES, n=3, cutoff=0.3)
        message = f"Expected a backbone that edgecls knows, got {name!r}."
        hint = "one of: " + ", ".join(near or BACKBONES)
        raise OptionError(message, hint=hint)
    return BACKBONES[name]


def build(
    backbone: Backbone,
    *,
    size: int,
    include_top: bool = False,
    pretrained: bool = True,
    seed: int = 0,
) -> Any:
    """Build a backbone as a functional Keras model.

    Input shape: ``(None, size, size, 3)``, float32, RGB 0..255, named ``image``.
    Output shape: ``(None, features)`` pooled, or with ``include_top`` ``(None, 1000)`` logits.

    Args:
        backbone: Which.
        size: Input height and width in pixels.
        include_top: Whether to end in the 1000 ImageNet logits.
        pretrained: Whether to load its ImageNet weights; False is for tests.
        seed: What the weights are drawn from, where it is trained from scratch.

    Raises:
        MissingDependencyError: If TensorFlow, or the package with the weights, is not installed.
        NetworkError: If the weights must be downloaded and cannot.
        SpecError: If the weights do not fit.
    """
    import_keras()
    builder = load(backbone.builder, extra="train")
    if not backbone.is_pretrained:
        return builder(size=size, seed=seed)
    return builder(size=size, include_top=include_top, pretrained=pretrained)


def blocks_of(model: Any, backbone: Backbone) -> tuple[str, ...]:
    """Return the names of the blocks in a model's layers, from input to output."""
    pattern = re.compile(backbone.block)
    found = (pattern.match(layer.name) for layer in model.layers)
    return tuple(dict.fromkeys(match.group(1) for match in found if match))
