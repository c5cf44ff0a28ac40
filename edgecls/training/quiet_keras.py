"""The one place of the workstation that imports Keras: quietly, and on the backend that this process is for.

That is TensorFlow, which the exporters need; a process that trains together with others is told to take JAX
by whoever starts it. TensorFlow announces CPU features and plug-ins from C++ before any setting in Python can
stop it, so the settings are made first and what still comes is held back.
"""

import os
import sys
from typing import Any, Literal

from edgecls_device.lazy import load
from edgecls_device.native_output import captured_stderr

__all__ = ["BACKEND_VARIABLE", "import_keras", "import_tensorflow", "keras_backend"]

BACKEND_VARIABLE = "EDGECLS_KERAS_BACKEND"
"""Environment variable that is ``jax`` in a process that trains together with others."""


def keras_backend() -> Literal["jax", "tensorflow"]:
    """Return what Keras runs on in this process."""
    return "jax" if os.environ.get(BACKEND_VARIABLE) == "jax" else "tensorflow"


def import_keras() -> Any:
    """Return the ``keras`` module, running on TensorFlow, or on JAX where this process was told so.

    Raises:
        MissingDependencyError: If Keras, or what it runs on, is not installed.
    """
    if keras_backend() == "jax":
        _import_quietly("jax", extra="distributed")
    else:
        import_tensorflow()
    _import_quietly("keras", extra="train")
    return sys.modules["keras"]


def import_tensorflow() -> Any:
    """Return the ``tensorflow`` module.

    Raises:
        MissingDependencyError: If it is not installed.
    """
    _import_quietly("tensorflow", extra="train")
    return sys.modules["tensorflow"]


def _import_quietly(package: str, *, extra: str) -> None:
    if package not in sys.modules:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        os.environ["KERAS_BACKEND"] = keras_backend()  # whatever a user has set for other programs
        with captured_stderr():
            load(f"{package}:__version__", extra=extra)
