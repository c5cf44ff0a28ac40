"""Read the legacy (non-zip) PyTorch checkpoint format without PyTorch, and without running its code.

Such a file is five pickles (magic number, protocol, platform, object, storage keys), then per storage
an int64 count and its raw numbers. The unpickler knows four names and refuses every other.
"""

import io
import math
import pickle
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from edgecls_device.errors import SpecError
from edgecls_device.files import read_bytes
from numpy.typing import NDArray

__all__ = ["read_torch_weights"]

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
MAX_BYTES = 2_000_000_000
HINT = "reinstall the package that brings this file, or check its download"


@dataclass(frozen=True, slots=True)
class _Storage:
    key: str
    dtype: np.dtype[Any]
    count: int


@dataclass(frozen=True, slots=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> _Tensor:
    numbers = (offset, *shape, *strides)
    if not isinstance(storage, _Storage) or not all(
        isinstance(number, int) and number >= 0 for number in numbers
    ):
        message = "Expected tensors with a storage and sizes of 0 or more, got others."
        raise SpecError(message, hint=HINT)
    last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    if len(shape) > 8 or (math.prod(shape) and last >= storage.count):
        message = (
            f"Expected a tensor inside its {storage.count} numbers, got one that ends at {last}."
        )
        raise SpecError(message, hint=HINT)
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _parameter(tensor: Any, *_: Any) -> Any:
    return tensor


class _Unpickler(pickle.Unpickler):
    _allowed: ClassVar[dict[tuple[str, str], Any]] = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _tensor,
        ("torch._utils", "_rebuild_parameter"): _parameter,
        ("torch", "FloatStorage"): np.dtype("<f4"),
        ("torch", "DoubleStorage"): np.dtype("<f8"),
        ("torch", "HalfStorage"): np.dtype("<f2"),
        ("torch", "LongStorage"): np.dtype("<i8"),
        ("torch", "IntStorage"): np.dtype("<i4"),
    }

    def find_class(self, module_name: str, global_name: str) -> Any:
        try:
            return self._allowed[module_name, global_name]
        except KeyError:
            message = f"Expected only tensors in the checkpoint, got {module_name}.{global_name}."
            raise SpecError(message, hint=HINT) from None

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _device, count, view = pid
        if kind != "storage" or not isinstance(dtype, np.dtype) or view is not None or count < 0:
            message = f"Expected whole storages in the checkpoint, got {pid!r}."
            raise SpecError(message, hint=HINT)
        return _Storage(str(key), dtype, int(count))


def read_torch_weights(path: Path) -> dict[str, NDArray[Any]]:
    """Return the tensors of a legacy ``.pth`` state dictionary, by name.

    Args:
        path: The file.

    Returns:
        Arrays in PyTorch's shapes and dtypes; each owns its memory.

    Raises:
        SpecError: If the file is damaged, truncated, of another format, or holds more than tensors.
        StorageError: If it cannot be read.
    """
    data = io.BytesIO(read_bytes(path, max_bytes=MAX_BYTES))
    try:
        if _Unpickler(data).load() != MAGIC or _Unpickler(data).load() != PROTOCOL:
            raise _damaged(path, "another format")
        if not _Unpickler(data).load()["little_endian"]:
            raise _damaged(path, "big-endian numbers")
        state = _Unpickler(data).load()
        keys = _Unpickler(data).load()
        named = {str(name): tensor for name, tensor in state.items()}
        if not all(isinstance(tensor, _Tensor) for tensor in named.values()):
            raise _damaged(path, "more than tensors")
        storages = {tensor.storage.key: tensor.storage for tensor in named.values()}
        numbers = {key: _numbers(data, storages[key], path) for key in keys}
        return {name: _array(tensor, numbers[tensor.storage.key]) for name, tensor in named.items()}
    except SpecError:
        raise
    except Exception as error:  # a damaged pickle may raise nearly anything
        raise _damaged(path, f"{type(error).__name__}: {error}") from error


def _numbers(data: io.BytesIO, storage: _Storage, path: Path) -> NDArray[Any]:
    count = int.from_bytes(data.read(8), "little")
    raw = data.read(storage.count * storage.dtype.itemsize)
    if count != storage.count or len(raw) != count * storage.dtype.itemsize:
        raise _damaged(path, "a truncated one")
    return np.frombuffer(raw, storage.dtype)


def _array(tensor: _Tensor, numbers: NDArray[Any]) -> NDArray[Any]:
    strides = tuple(step * numbers.itemsize for step in tensor.strides)
    view = np.lib.stride_tricks.as_strided(numbers[tensor.offset :], tensor.shape, strides)
    return np.array(view)


def _damaged(path: Path, got: str) -> SpecError:
    return SpecError(
        f"Expected a legacy PyTorch checkpoint in {str(path)!r}, got {got}.", hint=HINT
    )
