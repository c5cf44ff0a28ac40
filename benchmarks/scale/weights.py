"""How far the weights of two Keras files are apart; read without TensorFlow or JAX."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from edgecls_device.errors import DataError
from numpy.typing import NDArray

__all__ = ["largest_difference", "read_weights"]

MEMBER = "model.weights.h5"


def largest_difference(one: Path, other: Path) -> float:
    """Return the largest difference of any two numbers; 0 if all are the same bit for bit.

    Raises:
        DataError: If the files hold other arrays than each other.
    """
    ours, theirs = read_weights(one), read_weights(other)
    if {name: a.shape for name, a in ours.items()} != {name: a.shape for name, a in theirs.items()}:
        message = f"Expected the same arrays in {str(one)!r} and {str(other)!r}, got others."
        raise DataError(message, hint="compare two trainings of the same network")
    pairs = [(ours[name], theirs[name]) for name in ours]
    if all(a.tobytes() == b.tobytes() for a, b in pairs):
        return 0.0
    found = max(float(np.max(np.abs(a.astype(np.float64) - b))) for a, b in pairs if a.size)
    return found or float(np.finfo(np.float32).tiny)  # 0.0 and -0.0 are not the same bits


def read_weights(path: Path) -> dict[str, NDArray[Any]]:
    """Return all arrays of a ``.keras`` file by their place in it, the optimizer's too if it has one."""
    import h5py

    found: dict[str, NDArray[Any]] = {}

    def keep(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = np.asarray(item)

    with zipfile.ZipFile(path) as archive:
        data = io.BytesIO(archive.read(MEMBER))
    with h5py.File(data, "r") as file:
        file.visititems(keep)
    return found
