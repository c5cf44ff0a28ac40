"""What the child of a guard does around its training: it dies with its guard, and tells it how it ended."""

import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event
from typing import Any, NoReturn, TextIO

from edgecls_device import errors
from edgecls_device.errors import DistributedError, EdgeclsError, InterruptedRunError, StorageError
from edgecls_device.sources.lifeline import hold_on
from edgecls_device.stop import READER_GONE

from edgecls.distributed.place import Place
from edgecls.distributed.wire import Wire, readable

__all__ = ["answering", "hold_on_to_guard"]

_LONGEST = 8000


def hold_on_to_guard() -> None:
    """Tie the life of this process to its guard's: what a child does first, before any slow import.

    One whose guard is gone already ends here; it would take itself for a process without a guard else.
    """
    place = Place.told()
    if place is not None:
        hold_on(place.lifeline)


@contextmanager
def answering() -> Iterator[Callable[[], None]]:
    """Tell the guard of this process how the block ended, and leave; without a guard do nothing.

    With one, it never returns: at its end JAX would wait for other processes, which may be gone.

    Yields:
        What to call when the work is done and its result is left to print: who goes away without reading
        that, as in ``| head``, stops nothing any more.
    """
    place, done = Place.of_this_process(), Event()
    if place is None:
        yield done.set
        return
    wire = _wire_to_guard(place)
    try:
        yield done.set
        done.set()
        sys.stdout.flush()
    except BrokenPipeError:
        stopped = {"kind": "stopped", "message": f"stopped by {READER_GONE}"}
        _leave(wire, {"kind": "done"} if done.is_set() else stopped)
    except KeyboardInterrupt:
        _leave(wire, {"kind": "stopped"})
    except EdgeclsError as error:
        _leave(wire, _told(error))
    except OSError as error:
        reason = error.strerror or str(error)
        message = f"Cannot use {error.filename or 'a file'}: {reason}."
        _leave(wire, _told(StorageError(message, hint="check the path and the disk")))
    except BaseException:
        _write_to_log(traceback.format_exc())
        os._exit(1)
    _leave(wire, {"kind": "done"})


def _wire_to_guard(place: Place) -> Wire:
    hold_on(place.lifeline)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # Slurm sends it to both; the guard passes it on
    for descriptor in (place.words, place.lifeline, place.output, place.errors):
        os.set_inheritable(descriptor, False)
    sys.stdout = _like(sys.stdout, place.output)
    sys.stderr = _like(sys.stderr, place.errors, buffering=1)
    return Wire(socket.socket(fileno=place.words))


def _like(stream: TextIO, descriptor: int, *, buffering: int = -1) -> TextIO:
    """Open a descriptor for text as ``stream`` takes it; standard error refuses no character."""
    return os.fdopen(
        descriptor, "w", buffering=buffering, encoding=stream.encoding, errors=stream.errors
    )


def _write_to_log(text: str) -> None:
    """Write where native code writes; an error's text may hold whole arrays, behind the stack."""
    shown = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 500]}\n...\n{text[-500:]}"
    os.write(2, shown.encode(errors="replace"))


def _told(error: EdgeclsError) -> dict[str, Any]:
    name = next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == errors.__name__)
    return {
        "kind": "stopped" if isinstance(error, InterruptedRunError) else "failed",
        "error": name,
        "message": error.message,
        "hint": error.hint,
        "is_consequence": isinstance(error, DistributedError),
    }


def _leave(wire: Wire, ending: dict[str, Any]) -> NoReturn:
    """Say how it ended, and end when no other process needs this one any more."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # nobody reads it; what is to be said goes another way
            stream.flush()
    wire.send(ending)
    readable([wire], None)
    os._exit(0)
