"""ONNX Runtime, on the CPU."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from edgecls_device.backends.protocol import BackendOptions
from edgecls_device.backends.refusals import (
    check_ends,
    first_line,
    not_computed,
    not_loaded,
    was_closed,
)
from edgecls_device.errors import ArtifactError
from edgecls_device.native_output import captured_stderr
from edgecls_device.tensors import TensorInfo

__all__ = ["OnnxruntimeBackend"]

_DTYPES = {"tensor(uint8)": "uint8", "tensor(int8)": "int8", "tensor(float)": "float32"}
_FATAL = 4  # ONNX Runtime's severity; failures also raise


class OnnxruntimeBackend:
    """An ONNX model on ONNX Runtime. See ``Backend`` for the contract."""

    name: ClassVar[str] = "onnxruntime"

    def __init__(self, session: Any) -> None:
        self._session: Any = session
        self._input = _tensor_info(session.get_inputs()[0])
        self._output = _tensor_info(session.get_outputs()[0])
        self._output_names = [self._output.name]
        self._memory = _memory_for(self._input)

    @classmethod
    def open(cls, model: bytes, options: BackendOptions) -> "OnnxruntimeBackend":
        """Load a model from its bytes.

        Raises:
            ArtifactError: If the runtime refuses it, or it has not one input and one output.
        """
        with captured_stderr() as printed:
            try:
                backend = cls(_session_of(model, options))
            except ArtifactError:
                raise
            except Exception as error:  # its errors share no public base class
                failure: Exception | None = error
            else:
                failure = None
        if failure is not None:
            reason = " ".join([first_line(failure), *printed[-1:]])
            raise not_loaded(cls.name, reason) from failure
        return backend

    @property
    def input(self) -> TensorInfo:
        """The input tensor."""
        return self._input

    @property
    def output(self) -> TensorInfo:
        """The output tensor."""
        return self._output

    def input_memory(self) -> NDArray[Any] | None:
        """Return an array that the session reads where it is; None if the shape is left open."""
        return self._memory

    def run(self, batch: NDArray[Any] | None = None) -> NDArray[Any]:
        """Compute the output for one batch; by default for what was written to ``input_memory``."""
        if self._session is None:
            raise was_closed()
        if batch is None:
            batch = self._memory
        try:
            return np.asarray(self._session.run(self._output_names, {self._input.name: batch})[0])
        except Exception as error:  # its errors share no public base class
            raise not_computed(self.name, first_line(error)) from error

    def bare_call(self, batch: NDArray[Any]) -> Callable[[], object]:
        """Return ``run`` of the session on this batch."""
        return partial(self._session.run, self._output_names, {self._input.name: batch})

    def close(self) -> None:
        """Free the model."""
        self._session = None


def _session_of(model: bytes, options: BackendOptions) -> Any:
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    settings.log_severity_level = _FATAL
    session = onnxruntime.InferenceSession(
        model,
        sess_options=settings,
        providers=["CPUExecutionProvider"],
        enable_fallback=False,  # it prints, and tries the same provider again
    )
    check_ends(len(session.get_inputs()), len(session.get_outputs()))
    return session


def _memory_for(info: TensorInfo) -> NDArray[Any] | None:
    batch, *sides = info.shape or (0,)
    if batch not in {1, -1} or any(side < 1 for side in sides):
        return None
    return np.zeros((1, *sides), info.dtype)


def _tensor_info(node: Any) -> TensorInfo:
    if node.type not in _DTYPES:
        message = f"Expected a tensor of uint8, int8 or float32 for {node.name!r}, got {node.type}."
        raise ArtifactError(message, hint="give an image classifier")
    shape = tuple(side if isinstance(side, int) else -1 for side in node.shape)
    return TensorInfo(name=node.name, shape=shape, dtype=_DTYPES[node.type])
