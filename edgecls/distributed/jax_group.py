"""Processes that train together on JAX: devices of all of them, and arrays that travel between them as bytes.

JAX's own words for processes are kept to its public functions, with one exception that has no public one: the
address at which the CPU's collectives (Gloo) listen. They take what the machine's own name resolves to, which
Debian and many containers make a loopback address that no other machine reaches.
"""

import inspect
import json
import random
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial, wraps
from importlib import import_module
from ipaddress import ip_address
from typing import Any, TypeVar

import jax
import numpy as np
from edgecls_device.errors import DistributedError
from jax.experimental import multihost_utils
from numpy.typing import NDArray

from edgecls.distributed.place import Place

__all__ = ["JaxGroup", "join"]

_START_S = 900
"""How long JAX waits for other processes; guards notice lost ones long before."""

_CHUNK_BYTES = 1 << 24
"""What travels at once: what is longer goes in pieces, and JAX compiles few sizes."""

_LEAST_BYTES = 1 << 10
_GLOO = ("jaxlib._jax", "make_gloo_tcp_collectives")

_ResultT = TypeVar("_ResultT")


def join(place: Place) -> "JaxGroup":
    """Connect this process with the others, and return the group.

    Raises:
        DistributedError: If they cannot reach each other, or have different numbers or kinds of devices.
    """
    if place.processes > 1:
        _listen_at(place.own_host)
        _initialize(place)
    group = JaxGroup(place.rank, place.processes)
    group.check_devices(place.hosts)
    group.connect()
    return group


class JaxGroup:
    """See :class:`~edgecls.distributed.group.Group`.

    Args:
        rank: Place of this process.
        size: Number of processes.
    """

    def __init__(self, rank: int, size: int) -> None:
        self.rank, self.size = rank, size

    @property
    def devices(self) -> int:
        """Number of devices of all processes."""
        return int(jax.device_count())

    def share(self, count: int) -> range:
        """Return this process's part of ``count`` places.

        Raises:
            ValueError: If ``count`` is not a multiple of ``size``.
        """
        part, rest = divmod(count, self.size)
        if rest:
            message = f"Expected a multiple of {self.size} to share, got {count}."
            raise ValueError(message)
        return range(self.rank * part, (self.rank + 1) * part)

    def gather(self, array: NDArray[Any]) -> list[NDArray[Any]]:
        """Return the arrays of all processes, by rank, bit for bit; their lengths may differ.

        Raises:
            DistributedError: If one of them is lost.
        """
        if self.size == 1:
            return [array]
        header, data = _as_bytes([array])
        headers = self._gather_bytes(header)
        parts = self._gather_bytes(data)
        return [_from_bytes(header, part)[0] for header, part in zip(headers, parts, strict=True)]

    def gather_text(self, text: str) -> list[str]:
        """Return a text of each process, by rank.

        Raises:
            DistributedError: If one of them is lost.
        """
        if self.size == 1:
            return [text]
        data = np.frombuffer(text.encode(), np.uint8)
        return [part.tobytes().decode() for part in self._gather_bytes(data)]

    def broadcast(self, arrays: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Return the arrays of process 0, bit for bit, whatever the others give.

        Raises:
            DistributedError: If one of them is lost.
        """
        if self.size == 1:
            return list(arrays)
        header, data = _as_bytes(arrays if self.rank == 0 else ())
        return _from_bytes(self._broadcast_bytes(header), self._broadcast_bytes(data))

    @contextmanager
    def distribution(self) -> Iterator[None]:
        """Within it, Keras divides each batch among the devices of all processes.

        What it draws to begin with, such as initial weights, is the same in all of them: JAX refuses it else.
        """
        from keras import distribution as keras_distribution

        options: dict[str, Any] = {}
        if "auto_shard_dataset" in inspect.signature(keras_distribution.DataParallel).parameters:
            options["auto_shard_dataset"] = False  # each process brings its own part
        before, drawn = keras_distribution.distribution(), random.getstate()
        keras_distribution.set_distribution(keras_distribution.DataParallel(**options))
        random.seed(0)  # Keras draws its seeds from here
        try:
            yield
        finally:
            random.setstate(drawn)
            keras_distribution.set_distribution(before)

    def check_devices(self, hosts: Sequence[str]) -> None:
        """Refuse processes that have different numbers or kinds of devices: a batch is divided equally.

        Raises:
            DistributedError: If they do.
        """
        counts = [0] * self.size
        kinds = [""] * self.size
        for device in _told(jax.devices):
            counts[device.process_index] += 1
            kinds[device.process_index] = device.platform
        seen = [f"{count} {kind}" for count, kind in zip(counts, kinds, strict=True)]
        if len(set(seen)) > 1:
            all_of_them = ", ".join(
                f"rank {rank} ({host}) {one}"
                for rank, (host, one) in enumerate(zip(hosts, seen, strict=True))
            )
            message = (
                f"Expected as many devices of the same kind in each process, got {all_of_them}."
            )
            raise DistributedError(
                message, hint="choose them by CUDA_VISIBLE_DEVICES or JAX_PLATFORMS"
            )

    def connect(self) -> None:
        """Connect with all others now: JAX lets the first exchange wait for 30 s only, later ones much longer.

        Raises:
            DistributedError: If one of them is lost.
        """
        self.gather_text("here")
        self.broadcast([np.zeros(1)])

    def _gather_bytes(self, data: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        lengths = [_length(one) for one in _told(partial(_all, _length_bytes(len(data))))]
        parts = [np.empty(length, np.uint8) for length in lengths]
        for start, size in _chunks(max(lengths)):
            rows = _told(partial(_all, _padded(data[start : start + size], size)))
            for part, row in zip(parts, rows, strict=True):
                end = min(start + size, len(part))
                if start < end:
                    part[start:end] = row[: end - start]
        return parts

    def _broadcast_bytes(self, data: NDArray[np.uint8]) -> NDArray[np.uint8]:
        length = _length(_told(partial(_first, _length_bytes(len(data)))))
        found = np.empty(length, np.uint8)
        for start, size in _chunks(length):
            end = min(start + size, length)
            chunk = _told(partial(_first, _padded(data[start : start + size], size)))
            found[start:end] = chunk[: end - start]
        return found


def _all(data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(multihost_utils.process_allgather(data))


def _first(data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(multihost_utils.broadcast_one_to_all(data))


def _told(call: Callable[[], _ResultT]) -> _ResultT:
    """Call JAX, and say in our words that another process is gone.

    Raises:
        DistributedError: If one is.
    """
    try:
        return call()
    except jax.errors.JaxRuntimeError as error:
        reason = str(error).partition("\n")[0]
        message = f"Another process of this training was lost: {reason}"
        raise DistributedError(message, hint="start all of them again with --resume") from error


def _chunks(length: int) -> Iterator[tuple[int, int]]:
    """Yield start and size of what travels at once; sizes are few, as JAX compiles each."""
    for start in range(0, length, _CHUNK_BYTES):
        left = min(length - start, _CHUNK_BYTES)
        yield start, max(_LEAST_BYTES, 1 << (left - 1).bit_length())


def _padded(data: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    return np.pad(data, (0, size - len(data)))


def _length_bytes(length: int) -> NDArray[np.uint8]:
    return np.frombuffer(length.to_bytes(8, "little"), np.uint8)


def _length(data: NDArray[np.uint8]) -> int:
    return int.from_bytes(data.tobytes(), "little")


def _as_bytes(arrays: Sequence[NDArray[Any]]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return what the arrays are and what is in them; JAX would make 64 bits 32."""
    said = json.dumps([[array.dtype.str, list(array.shape)] for array in arrays])
    flat = [np.ascontiguousarray(array).reshape(-1).view(np.uint8) for array in arrays]
    data = flat[0] if len(flat) == 1 else np.concatenate([np.empty(0, np.uint8), *flat])
    return np.frombuffer(said.encode(), np.uint8), data


def _from_bytes(header: NDArray[np.uint8], data: NDArray[np.uint8]) -> list[NDArray[Any]]:
    arrays, start = [], 0
    for kind, shape in json.loads(header.tobytes()):
        dtype = np.dtype(kind)
        end = start + dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        arrays.append(data[start:end].copy().view(dtype).reshape(shape))
        start = end
    return arrays


def _initialize(place: Place) -> None:
    options: dict[str, Any] = {
        "coordinator_address": place.coordinator,
        "num_processes": place.processes,
        "process_id": place.rank,
        "initialization_timeout": _START_S,
        "cluster_detection_method": "deactivate",  # the meeting has said all
    }
    if place.rank == 0:
        options["coordinator_bind_address"] = place.coordinator  # else on all addresses
    if place.local_rank is not None:
        options["local_device_ids"] = [place.local_rank]
    jax.distributed.initialize(**options)


def _listen_at(host: str) -> None:
    """Let Gloo listen at the address under which the others reach this machine.

    Raises:
        DistributedError: If this JAX has no way to say so, and it would listen where they cannot reach it.
    """
    module_name, name = _GLOO
    try:
        module = import_module(module_name)
    except ImportError:
        module = None
    make = getattr(module, name, None)
    if make is None or "hostname" not in (make.__doc__ or ""):
        _refuse_loopback(host)
        return

    @wraps(make)
    def make_here(*args: Any, **options: Any) -> Any:
        return make(*args, **{"hostname": host, **options})

    setattr(module, name, make_here)


def _refuse_loopback(host: str) -> None:
    own_name = socket.gethostname()
    try:
        named = socket.gethostbyname(own_name)
    except OSError:
        named = "127.0.0.1"
    if ip_address(named).is_loopback and not ip_address(host).is_loopback:
        message = (
            f"Expected the name of this machine, {own_name}, to resolve to {host}, where the others reach it, "
            f"got {named}."
        )
        raise DistributedError(
            message, hint=f"write '{host} {own_name}' into /etc/hosts, before other lines with it"
        )
