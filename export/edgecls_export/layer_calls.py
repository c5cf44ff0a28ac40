"""A functional Keras model as a plain list: which layer is called on what, in order.

Nested models are opened up, and a layer that is called twice stands there twice. So a forward pass of one's
own needs no knowledge of how Keras keeps its graph.
"""

from dataclasses import dataclass
from typing import Any

from edgecls_device.errors import ExportError

__all__ = ["LayerCall", "LayerCalls", "Ref", "layer_calls", "refs_in"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ref:
    """Stands for a tensor among the arguments of a call.

    Attributes:
        key: Number of the tensor.
    """

    key: int


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerCall:
    """One call of one layer.

    Attributes:
        layer: The Keras layer, or another Keras operation such as that of ``keras.ops.add``.
        args: Its arguments, with a :class:`Ref` for each tensor.
        kwargs: Its named arguments, likewise.
        output: What it gives, likewise: one :class:`Ref`, or a structure of them.
    """

    layer: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    output: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerCalls:
    """All calls from a model's one input to its one output.

    Attributes:
        calls: In an order in which they can be run.
        input_key: Number of the tensor that goes in.
        output_key: Number of the tensor that comes out.
    """

    calls: tuple[LayerCall, ...]
    input_key: int
    output_key: int


def layer_calls(model: Any) -> LayerCalls:
    """Return the calls of a functional or sequential Keras model of one input and one output.

    Raises:
        ExportError: If a part of it is a model of another kind, whose calls Keras does not know.
    """
    recorder = _Recorder()
    copy = recorder.record(model)
    return LayerCalls(
        calls=tuple(recorder.calls),
        input_key=recorder.key(copy.inputs[0]),
        output_key=recorder.key(copy.outputs[0]),
    )


class _Recorder:
    def __init__(self) -> None:
        self.calls: list[LayerCall] = []
        self._keys: dict[int, int] = {}
        self._alive: list[Any] = []  # or the id of one tensor could become that of another

    def record(self, model: Any) -> Any:
        """Call all layers of a model once more, on new tensors, and return the model of these."""
        import keras

        functional = keras.Model(model.inputs, model.outputs)
        copy = keras.models.clone_model(
            functional, clone_function=lambda layer: layer, call_function=self._call
        )
        self._alive.append(copy)
        return copy

    def key(self, tensor: Any) -> int:
        """Return the number of a tensor; a new one gets the next."""
        if id(tensor) not in self._keys:
            self._keys[id(tensor)] = len(self._alive)
            self._alive.append(tensor)
        return self._keys[id(tensor)]

    def _call(self, layer: Any, *args: Any, **kwargs: Any) -> Any:
        import keras

        output = layer(*args, **kwargs)
        if isinstance(layer, keras.Model):
            self._open(layer, args, output)
            return output
        call = LayerCall(
            layer=layer,
            args=self._refs(args),
            kwargs=self._refs(kwargs),
            output=self._refs(output),
        )
        self.calls.append(call)
        return output

    def _open(self, model: Any, args: tuple[Any, ...], output: Any) -> None:
        """Record what a nested model does, its ends joined with the tensors outside."""
        import keras

        if not isinstance(model, keras.Sequential) and not hasattr(model, "operations"):
            kind = f"{type(model).__name__} {model.name!r}"
            message = f"Expected layers and functional models inside of the model, got {kind}."
            raise ExportError(
                message, hint="build it from Keras layers with keras.Model(inputs, outputs)"
            )
        start = len(self.calls)
        copy = self.record(model)
        calls, self.calls = self.calls[start:], self.calls[:start]
        given = keras.tree.flatten(args)
        same = {self.key(new): self.key(old) for new, old in zip(copy.inputs, given, strict=True)}
        self.calls += [_renamed(call, same) for call in calls]
        for new, old in zip(copy.outputs, keras.tree.flatten(output), strict=True):
            key = self.key(new)
            self._keys[id(old)] = same.get(key, key)
            self._alive.append(old)

    def _refs(self, structure: Any) -> Any:
        import keras

        def ref(value: Any) -> Any:
            return Ref(key=self.key(value)) if isinstance(value, keras.KerasTensor) else value

        return keras.tree.map_structure(ref, structure)


def _renamed(call: LayerCall, same: dict[int, int]) -> LayerCall:
    import keras

    def rename(value: Any) -> Any:
        return Ref(key=same.get(value.key, value.key)) if isinstance(value, Ref) else value

    args, kwargs = (keras.tree.map_structure(rename, part) for part in (call.args, call.kwargs))
    return LayerCall(layer=call.layer, args=args, kwargs=kwargs, output=call.output)


def refs_in(structure: Any) -> list[Ref]:
    """Return the tensors of a structure, in order."""
    import keras

    return [value for value in keras.tree.flatten(structure) if isinstance(value, Ref)]
