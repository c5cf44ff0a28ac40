"""The one place of the workstation that imports TensorFlow: quietly, and with Keras on top of it.

TensorFlow announces CPU features and plug-ins from C++ before any setting in Python can stop it, so the
settings are made first and what still comes is held back.
"""

import os
import sys
from typing import Any

from edgecls_device.lazy import load
from edgecls_device.native_output import captured_stderr

__all__ = ["import_keras", "import_tensorflow"]


def import_keras() -> Any:
    """Return the ``keras`` module, running on TensorFlow.

    Raises:
        MissingDependencyError: If TensorFlow or Keras is not installed.
    """
    import_tensorflow()
    load("keras:__version__", extra="train")
    return sys.modules["keras"]


def import_tensorflow() -> Any:
    """Return the ``tensorflow`` module.

    Raises:
        MissingDependencyError: If it is not installed.
    """
    if "tensorflow" not in sys.modules:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        os.environ["KERAS_BACKEND"] = "tensorflow"  # the exporters know no other
        with captured_stderr():
            load("tensorflow:__version__", extra="train")
    return sys.modules["tensorflow"]
