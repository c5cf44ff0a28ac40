"""A Keras model's forward pass in float, with the rounding that int8 exporters will put in.

Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference", CVPR 2018: weights are rounded per output channel with the batch normalization behind them
folded in; activations are rounded to 8 bits behind the ReLU that fuses with their layer; the gradient
passes each rounding as if it were not there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from edgecls_export.layer_calls import LayerCall, Ref, layer_calls, refs_in

__all__ = ["FakeQuantized", "Tunable", "fake_quantize_weights"]

ValueOf: TypeAlias = Callable[[Any], Any]
"""Gives the tensor to use for a Keras variable."""

Round: TypeAlias = Callable[[Any, int], Any]
"""Rounds an activation, given the number of its point."""

WHOLE_TENSOR_OUTPUTS = 3
"""Dense layers of no more outputs get a single scale in TFLite, see ``tflite_exporters``."""

WEIGHTED = frozenset({"Conv2D", "DepthwiseConv2D", "Dense"})
SAME_RANGE = frozenset(
    {
        "Cropping2D",
        "Dropout",
        "Flatten",
        "GlobalMaxPooling2D",
        "Identity",
        "MaxPooling2D",
        "Permute",
        "Reshape",
        "SpatialDropout2D",
        "ZeroPadding2D",
    }
)
"""Layers whose output has the scale of their input, so that it is not rounded again."""


def fake_quantize_weights(kernel: Any, *, per_channel: bool = True, pairwise: bool = False) -> Any:
    """Round weights as int8 does: symmetric, -127..127, one scale for each output channel.

    Args:
        kernel: ``(..., channels)``, float32.
        per_channel: Whether each channel has a scale of its own; otherwise there is one.
        pairwise: Whether sums of two are kept small too, see :func:`edgecls_export.pair_sums.row_spans`.

    Returns:
        The same shape; its gradient is that of the identity.
    """
    import tensorflow as tf

    axes = list(range(len(kernel.shape) - 1)) if per_channel else None
    most = tf.reduce_max(tf.abs(kernel), axis=axes, keepdims=True)
    if pairwise:
        rows = tf.reshape(kernel, (-1, kernel.shape[-1]))
        rows = tf.pad(rows, ((0, tf.shape(rows)[0] % 2), (0, 0)))
        for side in (tf.nn.relu(rows), tf.nn.relu(-rows)):
            sums = tf.reduce_max(side[0::2] + side[1::2], axis=0 if per_channel else None)
            most = tf.maximum(most, sums)
    scale = tf.maximum(most, 1e-30) / 127
    return kernel + tf.stop_gradient(tf.round(kernel / scale) * scale - kernel)


def _rounded_weights(
    values: Any, *, per_channel: bool = True, pairwise: bool = False, is_constant: bool = False
) -> Any:
    """Round a kernel, or a constant that is rounded as activations are: 0 and its own values in its range."""
    import tensorflow as tf

    if not is_constant:
        return fake_quantize_weights(values, per_channel=per_channel, pairwise=pairwise)
    least, most = tf.minimum(tf.reduce_min(values), 0), tf.maximum(tf.reduce_max(values), 0)
    rounded = tf.quantization.fake_quant_with_min_max_vars(values, least, most, num_bits=8)
    return values + tf.stop_gradient(rounded - values)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tunable:
    """A variable that may be tuned.

    Attributes:
        variable: The Keras variable.
        is_kernel: Whether it multiplies; otherwise it is added.
        is_depthwise: Whether it is a kernel whose last two axes are both channels.
        point: Where the output that it goes into is rounded.
    """

    variable: Any
    is_kernel: bool
    is_depthwise: bool
    point: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Step:
    """One call, together with the batch normalization that is folded into it."""

    call: LayerCall
    norm: Any
    output: Any

    @property
    def layer(self) -> Any:
        return self.call.layer

    @property
    def kind(self) -> str:
        return type(self.call.layer).__name__


class FakeQuantized:
    """The forward pass of a model of one input and one output.

    Attributes:
        points: Number of activations that are rounded.
        tunables: What can be tuned, in the order of the layers, each once.
        unknown: Names of layers whose weights stay in float here.
    """

    def __init__(self, model: Any, *, pairwise: bool = False) -> None:
        """Read a model.

        Args:
            model: A Keras model.
            pairwise: Whether weights are rounded as for ONNX, see :mod:`edgecls_export.pair_sums`.
        """
        self._pairwise = pairwise
        graph = layer_calls(model)
        self._input, self._output = graph.input_key, graph.output_key
        self._readers = _readers(graph.calls)
        self._steps = self._folded(graph.calls)
        rounded = [step.output.key for step in self._steps if self._is_rounded(step)]
        self._points = {key: point for point, key in enumerate(rounded)}
        # between a layer and its own activation, or between a factor and an offset
        inner = [step for step in self._steps if _is_rounded_inside(step)]
        self._inner = {id(step): len(rounded) + number for number, step in enumerate(inner)}
        self.points = len(rounded) + len(inner)
        self.tunables = self._tunables()
        self.unknown = tuple(
            step.layer.name
            for step in self._steps
            if getattr(step.layer, "weights", ())
            and not (step.kind in WEIGHTED or _is_norm(step.layer))
        )

    def rounded(self, pixels: Any, value_of: ValueOf, ranges: Any) -> Any:
        """Return the output with everything rounded as int8 would.

        Args:
            pixels: ``(N, H, W, 3)``, float32, whole numbers 0..255.
            value_of: Gives the tensor to use for a variable.
            ranges: Least and greatest value at each point, ``(points, 2)``, float32.
        """
        import tensorflow as tf

        def round_(x: Any, point: int) -> Any:
            least, most = ranges[point, 0], ranges[point, 1]
            return tf.quantization.fake_quant_with_min_max_vars(x, least, most, num_bits=8)

        return self._run(pixels, value_of, round_, _rounded_weights)

    def observed(self, pixels: Any, value_of: ValueOf) -> tuple[Any, list[Any]]:
        """Return the output without rounding, and the ranges at each point: ``(2, channels)``, float32."""
        import tensorflow as tf

        ranges: list[Any] = [None] * self.points

        def look(x: Any, point: int) -> Any:
            channels = tf.reshape(x, (-1, x.shape[-1]))
            ranges[point] = tf.stack([tf.reduce_min(channels, 0), tf.reduce_max(channels, 0)])
            return x

        output = self._run(pixels, value_of, look, lambda values, **_: values)
        for step in self._steps:
            if _is_norm(step.layer):  # TFLite gives a product and its sum with an offset one range
                inner, outer = self._inner[id(step)], self._point_behind(step)
                both = (ranges[inner], ranges[outer])
                least, most = (tf.concat([each[i] for each in both], 0) for i in (0, 1))
                ranges[inner] = tf.stack([least, most])
        return output, ranges

    def _run(
        self, pixels: Any, value_of: ValueOf, round_: Round, weights: Callable[..., Any]
    ) -> Any:
        import keras

        tensors = {self._input: pixels}

        def get(value: Any) -> Any:
            return tensors[value.key] if isinstance(value, Ref) else value

        for step in self._steps:
            args, kwargs = (
                keras.tree.map_structure(get, part) for part in (step.call.args, step.call.kwargs)
            )
            if step.kind in WEIGHTED:
                result = _linear(step, args[0], value_of, partial(weights, **self._grid(step)))
                if id(step) in self._inner:
                    result = round_(result, self._inner[id(step)])
                result = step.layer.activation(result)
            elif _is_norm(step.layer):
                scale, offset = _scale_and_offset(step.layer, value_of)
                result = round_(args[0] * weights(scale, is_constant=True), self._inner[id(step)])
                result += weights(offset, is_constant=True)
            else:
                if isinstance(step.layer, keras.Layer):
                    kwargs["training"] = False
                result = step.layer(*args, **kwargs)
            if isinstance(step.output, Ref):
                point = self._points.get(step.output.key)
                result = result if point is None else round_(result, point)
                tensors[step.output.key] = result
                continue
            for ref, tensor in zip(refs_in(step.output), keras.tree.flatten(result), strict=True):
                tensors[ref.key] = tensor
        return tensors[self._output]

    def _grid(self, step: _Step) -> dict[str, bool]:
        """Return how the kernel of a step is rounded."""
        layer = step.layer
        adds_32_bits = step.kind == "DepthwiseConv2D" and layer.depth_multiplier == 1
        is_whole = step.kind == "Dense" and layer.units <= WHOLE_TENSOR_OUTPUTS
        return {
            "per_channel": self._pairwise or not is_whole,
            "pairwise": self._pairwise and not adds_32_bits,
        }

    def _folded(self, calls: tuple[LayerCall, ...]) -> tuple[_Step, ...]:
        steps, folded = [], set()
        for call in calls:
            if id(call) in folded:
                continue
            norm = None
            if type(call.layer).__name__ in WEIGHTED and _is_linear(call.layer.activation):
                reader = self._only_reader(call.output)
                norm = reader if reader is not None and _is_norm(reader.layer) else None
            if norm is None:
                steps.append(_Step(call=call, norm=None, output=call.output))
            else:
                folded.add(id(norm))
                steps.append(_Step(call=call, norm=norm.layer, output=norm.output))
        return tuple(steps)

    def _is_rounded(self, step: _Step) -> bool:
        if not isinstance(step.output, Ref) or step.kind in SAME_RANGE:
            return False
        reader = self._only_reader(step.output)
        return reader is None or not _is_fusing_relu(reader.layer)

    def _only_reader(self, output: Any) -> LayerCall | None:
        readers = self._readers.get(output.key, []) if isinstance(output, Ref) else []
        is_end = isinstance(output, Ref) and output.key == self._output
        return readers[0] if len(readers) == 1 and not is_end else None

    def _tunables(self) -> tuple[Tunable, ...]:
        found: dict[int, Tunable] = {}
        for step in self._steps:
            for variable, is_kernel in _variables(step):
                point = self._point_behind(step)
                is_depthwise = is_kernel and step.kind == "DepthwiseConv2D"
                tunable = Tunable(
                    variable=variable, is_kernel=is_kernel, is_depthwise=is_depthwise, point=point
                )
                found.setdefault(id(variable), tunable)
        return tuple(found.values())

    def _point_behind(self, step: _Step) -> int:
        """Return the point where the sum of a step's products and its bias is rounded."""
        if id(step) in self._inner and step.kind in WEIGHTED:
            return self._inner[id(step)]
        key = step.output.key
        while key not in self._points:  # behind the activation that fuses with it
            key = self._readers[key][0].output.key
        return self._points[key]


def _variables(step: _Step) -> list[tuple[Any, bool]]:
    if _is_norm(step.layer):
        return [(step.layer.gamma, True)] * step.layer.scale + [
            (step.layer.beta, False)
        ] * step.layer.center
    if step.kind not in WEIGHTED:
        return []
    found = [(step.layer.kernel, True)]
    if step.norm is not None and step.norm.center:
        found.append((step.norm.beta, False))
    elif step.layer.use_bias:
        found.append((step.layer.bias, False))
    return found


def _linear(step: _Step, x: Any, value_of: ValueOf, weights: Callable[..., Any]) -> Any:
    """Convolve or multiply, with the batch normalization folded in."""
    import keras
    import tensorflow as tf

    layer = step.layer
    kernel = value_of(layer.kernel)
    bias = value_of(layer.bias) if layer.use_bias else 0.0
    shape = tf.shape(kernel)
    if (
        step.kind == "DepthwiseConv2D"
    ):  # its output channels are those of the input times the multiplier
        kernel = tf.reshape(
            kernel, (shape[0], shape[1], 1, layer.kernel.shape[2] * layer.kernel.shape[3])
        )
    if step.norm is not None:
        scale, offset = _scale_and_offset(step.norm, value_of)
        kernel, bias = kernel * scale, bias * scale + offset
    kernel = tf.reshape(weights(kernel), shape)
    if step.kind == "Dense":
        return keras.ops.matmul(x, kernel) + bias
    convolve = keras.ops.depthwise_conv if step.kind == "DepthwiseConv2D" else keras.ops.conv
    return (
        convolve(
            x,
            kernel,
            strides=layer.strides,
            padding=layer.padding,
            data_format=layer.data_format,
            dilation_rate=layer.dilation_rate,
        )
        + bias
    )


def _scale_and_offset(layer: Any, value_of: ValueOf) -> tuple[Any, Any]:
    import tensorflow as tf

    scale = tf.math.rsqrt(value_of(layer.moving_variance) + layer.epsilon)
    if layer.scale:
        scale *= value_of(layer.gamma)
    offset = -value_of(layer.moving_mean) * scale
    if layer.center:
        offset += value_of(layer.beta)
    return scale, offset


def _readers(calls: tuple[LayerCall, ...]) -> dict[int, list[LayerCall]]:
    found: dict[int, list[LayerCall]] = {}
    for call in calls:
        for ref in refs_in((call.args, call.kwargs)):
            found.setdefault(ref.key, []).append(call)
    return found


def _is_norm(layer: Any) -> bool:
    if type(layer).__name__ != "BatchNormalization":
        return False
    return layer.axis in {-1, layer.input_spec.ndim - 1}


def _is_rounded_inside(step: _Step) -> bool:
    if step.kind not in WEIGHTED:
        return _is_norm(step.layer)
    return not (_is_linear(step.layer.activation) or _is_relu(step.layer.activation))


def _is_linear(activation: Any) -> bool:
    return getattr(activation, "__name__", "") == "linear"


def _is_relu(activation: Any) -> bool:
    return getattr(activation, "__name__", "") in {"relu", "relu6"}


def _is_fusing_relu(layer: Any) -> bool:
    kind = type(layer).__name__
    if kind == "ReLU":
        return not layer.negative_slope and not layer.threshold
    return kind == "Activation" and (_is_relu(layer.activation) or _is_linear(layer.activation))
