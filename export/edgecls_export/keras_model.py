"""Load a trained model.keras: quietly, in safe mode, with errors that say what to do."""

import os
from pathlib import Path
from typing import Any

from edgecls_device.errors import ArtifactError, DataError, MissingDependencyError

from edgecls_export.native_log import output_to_log

__all__ = ["load_keras_model"]


def load_keras_model(path: Path, *, log: Path) -> Any:
    """Return the Keras model in a ``.keras`` file.

    Safe mode refuses files that would run code of their own (Lambda layers). Other suffixes, such as HDF5,
    are refused.

    Args:
        path: The file.
        log: Where TensorFlow's output goes.

    Raises:
        ArtifactError: If it is damaged, or no Keras model.
        DataError: If it does not exist.
        MissingDependencyError: If TensorFlow is not installed.
        StorageError: If the log cannot be written.
    """
    if not path.is_file():
        message = f"Expected a trained model in {str(path)!r}, got no such file."
        raise DataError(message, hint=f"edgecls train PHOTOS --out {path.parent}")
    if path.suffix != ".keras":
        message = f"Expected a .keras file, got {str(path)!r}."
        raise ArtifactError(message, hint="save the model with model.save('model.keras')")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    with output_to_log(log, f"load {path}"):
        try:
            import keras

            return keras.models.load_model(path, compile=False, safe_mode=True)
        except ModuleNotFoundError as error:
            message = f"Exporting needs the package {error.name!r}, which is not installed."
            raise MissingDependencyError(message, hint="pip install 'edgecls[export]'") from error
        except Exception as error:  # Keras raises nearly anything for a damaged file
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            message = f"Expected a Keras model in {str(path)!r}, got: {reason}"
            hint = f"train again: edgecls train PHOTOS --out {path.parent}; details are in {log}"
            raise ArtifactError(message, hint=hint) from error
