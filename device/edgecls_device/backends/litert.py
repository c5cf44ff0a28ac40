"""LiteRT (the package ai-edge-litert): Google's maintained runtime for .tflite files."""

from typing import ClassVar

from ai_edge_litert.interpreter import Interpreter

from edgecls_device.backends.tflite import TfliteBackend

__all__ = ["LitertBackend"]


class LitertBackend(TfliteBackend):
    """A TFLite model on LiteRT."""

    name: ClassVar[str] = "litert"
    interpreter_class = Interpreter
