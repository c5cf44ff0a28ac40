"""One file that a stopped training goes on from: weights, optimizer, best weights so far, history.

It is written whole or not at all after every epoch, and holds only arrays and JSON: reading it runs no code.
"""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from edgecls_device.errors import OptionError, SpecError, TrainingError
from edgecls_device.files import storage_errors, writing
from edgecls_device.records import from_json, to_json
from numpy.typing import NDArray

from edgecls.distributed.group import ALONE, Group
from edgecls.training.record import Epoch

__all__ = [
    "Checkpoint",
    "CheckpointState",
    "checkpoint_key",
    "read_checkpoint",
    "write_checkpoint",
]

_PARTS = ("weights", "optimizer", "best")


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckpointState:
    """Where a training stands.

    Attributes:
        key: See :func:`checkpoint_key`; a training with another key cannot go on from here.
        history: Every epoch that was finished.
        best_epoch: The best of them, counted from 1; 0 if the start was better than all.
        best_accuracy: Its accuracy on the validation photos, 0..1.
        best_loss: Its cross-entropy on the validation photos.
    """

    kind: ClassVar[str] = "edgecls.checkpoint"
    version: ClassVar[int] = 1

    key: str
    history: tuple[Epoch, ...] = ()
    best_epoch: int = 0
    best_accuracy: float
    best_loss: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """A state and its arrays, in the order Keras lists them.

    Attributes:
        state: Where the training stands.
        weights: Of the model after the last epoch.
        optimizer: Variables of the optimizer.
        best: Weights of the model after the best epoch.
    """

    state: CheckpointState
    weights: Sequence[NDArray[Any]]
    optimizer: Sequence[NDArray[Any]]
    best: Sequence[NDArray[Any]]


def checkpoint_key(keras_backend: str, training: str) -> str:
    """Return the key of a training: what Keras runs on, and a hash of its settings, photos and split.

    Keras lists the same arrays on JAX and on TensorFlow, so one would take up where the other stopped; but
    they do not compute the same bits.
    """
    return f"{keras_backend}:{training}"


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, replacing the one before, and what a process left that was killed while it wrote.

    Raises:
        StorageError: If it cannot be written.
    """
    arrays: dict[str, Any] = {"state": np.frombuffer(to_json(checkpoint.state).encode(), np.uint8)}
    for part in _PARTS:
        for i, array in enumerate(getattr(checkpoint, part)):
            arrays[f"{part}.{i}"] = array
    with storage_errors("remove", path):
        for left in path.parent.glob(f".{path.stem}.*{path.suffix}"):
            left.unlink(missing_ok=True)
    with writing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def read_checkpoint(path: Path, key: str, group: Group = ALONE) -> Checkpoint:
    """Read the checkpoint of the training with this key; process 0 reads it for all.

    Raises:
        DistributedError: If another process is lost.
        OptionError: If it is of a training with other settings, photos or split, or on another Keras backend.
        StorageError: If it cannot be read.
        TrainingError: If it is damaged.
    """
    data = np.zeros(0, np.uint8)
    if group.rank == 0:
        with storage_errors("read", path):
            data = np.frombuffer(path.read_bytes(), np.uint8)
    (data,) = group.broadcast([data])
    try:
        with np.load(io.BytesIO(data.tobytes()), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        state = from_json(CheckpointState, arrays["state"].tobytes(), name=str(path))
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile, SpecError) as error:
        message = (
            f"Expected the checkpoint of a stopped training in {str(path)!r}, got a damaged file."
        )
        raise TrainingError(message, hint="repeat the command without --resume") from error
    if state.key != key:
        raise _of_another_training(state.key, key)
    return Checkpoint(
        state=state,
        **{part: _numbered(arrays, part) for part in _PARTS},
    )


def _of_another_training(there: str, here: str) -> OptionError:
    message = "Expected --resume with the options and photos of the stopped training, got others."
    hint = "repeat the command as it was"
    stopped, now = (key.rpartition(":")[0] for key in (there, here))
    if stopped and stopped != now:
        message = (
            f"Expected --resume with Keras on {stopped}, as in the stopped training, got {now}."
        )
        hint += ", with --distributed" if stopped == "jax" else ", without --distributed"
    return OptionError(message, hint=f"{hint}, or leave out --resume to start over")


def _numbered(arrays: dict[str, NDArray[Any]], part: str) -> list[NDArray[Any]]:
    count = sum(name.startswith(f"{part}.") for name in arrays)
    return [arrays[f"{part}.{i}"] for i in range(count)]
