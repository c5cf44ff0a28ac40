"""tflite-runtime: the older runtime, the only one for 32-bit Raspberry Pi OS. It needs ``numpy<2``."""

from typing import ClassVar

from tflite_runtime.interpreter import Interpreter

from edgecls_device.backends.tflite import TfliteBackend

__all__ = ["TfliteRuntimeBackend"]


class TfliteRuntimeBackend(TfliteBackend):
    """A TFLite model on tflite-runtime."""

    name: ClassVar[str] = "tflite-runtime"
    interpreter_class = Interpreter
