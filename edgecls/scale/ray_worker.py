"""What runs on the machines of a Ray cluster: a piece becomes a part, or an error, as bytes."""

import pickle
import socket
from collections.abc import Callable, Mapping

from edgecls_device.errors import EdgeclsError, ExecutorError

from edgecls.scale.ray_versions import difference, versions
from edgecls.scale.work import PieceWork, use_one_thread

__all__ = ["answer"]

_work: tuple[str, PieceWork] | None = None
"""The work that this process has fetched, and its name."""


def answer(
    piece: bytes, name: str, fetch: Callable[[], bytes], expected: Mapping[str, str]
) -> bytes:
    """Return the part of a piece, or the error that ends all, pickled: Ray would wrap and print an error.

    Args:
        piece: Pickled.
        name: Of the work; other work has another.
        fetch: Gets the work, pickled; a model travels once to each process, not with each piece.
        expected: The versions of whoever asks.
    """
    try:
        return pickle.dumps(_work_named(name, fetch, expected)(pickle.loads(piece)))
    except EdgeclsError as error:
        return pickle.dumps(error)
    except (
        Exception
    ) as error:  # the work itself says what went wrong with a piece: it has not arrived
        message = f"Expected the task to begin on {socket.gethostname()!r}, got {error!r}."
        return pickle.dumps(ExecutorError(message, hint="install the same there as here"))


def _work_named(name: str, fetch: Callable[[], bytes], expected: Mapping[str, str]) -> PieceWork:
    global _work  # noqa: PLW0603 - one process, one work
    if _work is None or _work[0] != name:
        differing = difference(expected, versions())
        if differing:
            host = socket.gethostname()
            message = f"Expected the same packages and processor on {host!r}, got {differing}."
            raise ExecutorError(message, hint="install the same versions on every machine")
        use_one_thread()
        _work = (name, pickle.loads(fetch()))
    return _work[1]
