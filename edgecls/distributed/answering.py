"""What the child of a guard does around its training: it dies with its guard, and tells it how it ended."""

import os
import socket
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from edgecls_device import errors
from edgecls_device.errors import DistributedError, EdgeclsError, InterruptedRunError, StorageError
from edgecls_device.sources.lifeline import hold_on

from edgecls.distributed.place import Place
from edgecls.distributed.wire import Wire, readable

__all__ = ["answering"]

_LONGEST = 8000


@contextmanager
def answering() -> Iterator[None]:
    """Tell the guard of this process how the block ended, and leave; without a guard do nothing.

    With one, it never returns: at its end JAX would wait for other processes, which may be gone.
    """
    place = Place.of_this_process()
    if place is None:
        yield
        return
    wire = _wire_to_guard(place)
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output went away, as in | head
        _leave(wire, {"kind": "done"})
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
    for descriptor in (place.words, place.lifeline, place.output, place.errors):
        os.set_inheritable(descriptor, False)
    sys.stdout = os.fdopen(place.output, "w", encoding=sys.stdout.encoding)
    sys.stderr = os.fdopen(place.errors, "w", buffering=1, encoding=sys.stderr.encoding)
    return Wire(socket.socket(fileno=place.words))


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
