"""What the two TFLite runtimes share: they have the same Python interpreter under two names."""

from collections.abc import Callable
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from edgecls_device.backends.protocol import BackendOptions
from edgecls_device.backends.refusals import check_ends, not_computed, not_loaded, was_closed
from edgecls_device.errors import ArtifactError
from edgecls_device.native_output import captured_stderr
from edgecls_device.tensors import TensorInfo

__all__ = ["TfliteBackend"]


class TfliteBackend:
    """A TFLite model on an interpreter; subclasses say which one. See ``Backend`` for the contract."""

    name: ClassVar[str]
    interpreter_class: ClassVar[Any]

    def __init__(self, interpreter: Any) -> None:
        self._interpreter: Any = interpreter
        self._input_index: int = interpreter.get_input_details()[0]["index"]
        self._output_index: int = interpreter.get_output_details()[0]["index"]
        self._input_view: Callable[[], Any] = interpreter.tensor(self._input_index)
        self._set_tensor: Callable[[int, Any], None] = interpreter.set_tensor
        self._invoke: Callable[[], None] = interpreter.invoke
        self._get_tensor: Callable[[int], Any] = interpreter.get_tensor
        self._input = _tensor_info(interpreter.get_input_details()[0])
        self._output = _tensor_info(interpreter.get_output_details()[0])

    @classmethod
    def open(cls, model: bytes, options: BackendOptions) -> "TfliteBackend":
        """Load a model from its bytes.

        Raises:
            ArtifactError: If the runtime refuses it, or it has not one input and one output.
        """
        with captured_stderr() as printed:
            try:
                backend = cls(cls._interpreter_of(model, options))
            except ArtifactError:
                raise
            except (RuntimeError, ValueError, MemoryError) as error:
                failure: Exception | None = error
            else:
                failure = None
        if failure is not None:
            reason = " ".join([str(failure).strip(), *printed[-3:]])
            raise not_loaded(cls.name, reason) from failure
        return backend

    @classmethod
    def _interpreter_of(cls, model: bytes, options: BackendOptions) -> Any:
        interpreter = cls.interpreter_class(model_content=model, num_threads=options.threads)
        interpreter.allocate_tensors()
        check_ends(len(interpreter.get_input_details()), len(interpreter.get_output_details()))
        return interpreter

    @property
    def input(self) -> TensorInfo:
        """The input tensor."""
        return self._input

    @property
    def output(self) -> TensorInfo:
        """The output tensor."""
        return self._output

    def input_memory(self) -> NDArray[Any]:
        """Return a view of the input tensor; the interpreter does not run while anybody holds it."""
        memory: NDArray[Any] = self._input_view()
        return memory

    def run(self, batch: NDArray[Any] | None = None) -> NDArray[Any]:
        """Compute the output for one batch; by default for what was written to ``input_memory``."""
        try:
            if batch is not None:
                self._set_tensor(self._input_index, batch)
            self._invoke()
            result: NDArray[Any] = self._get_tensor(self._output_index)
        except (RuntimeError, ValueError) as error:
            raise not_computed(self.name, str(error)) from error
        return result

    def bare_call(self, batch: NDArray[Any]) -> Callable[[], object]:
        """Return ``invoke`` of the interpreter, its input already set."""
        self._interpreter.set_tensor(self._input_index, batch)
        return cast("Callable[[], object]", self._interpreter.invoke)

    def close(self) -> None:
        """Free the model."""
        self._interpreter = None
        self._input_view = self._set_tensor = self._invoke = self._get_tensor = _closed


def _closed(*arguments: object) -> Any:
    del arguments
    raise was_closed()


def _tensor_info(details: dict[str, Any]) -> TensorInfo:
    scale, zero_point = details["quantization"]
    return TensorInfo(
        name=details["name"],
        shape=tuple(int(side) for side in details["shape"]),
        dtype=np.dtype(details["dtype"]).name,
        scale=float(scale),
        zero_point=int(zero_point),
    )
