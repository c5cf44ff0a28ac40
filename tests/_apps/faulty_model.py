"""``edgecls`` with a runtime that goes wrong: ``faulty_model.py FAULT FRAMES LIVES LOG run ...``.

It goes wrong after so many frames, in the first ``LIVES`` processes only; each adds a line to the file ``LOG``.
"""

import ctypes
import os
import sys
from pathlib import Path

import edgecls_device.classifier
import numpy as np

from edgecls.cli.main import main

PROBED = 4  # pictures that the probe shows it before the first frame
FAULT, FRAMES, LIVES, LOG = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])


class FaultyBackend:
    """Another backend, until it is time."""

    def __init__(self, backend):
        self._backend = backend
        self._left = PROBED + FRAMES

    def __getattr__(self, name):
        return getattr(self._backend, name)

    def run(self, batch=None):
        self._left -= 1
        if self._left >= 0:
            return self._backend.run(batch)
        if FAULT == "abort":
            os.abort()
        elif FAULT == "hang":
            ctypes.CDLL(None).sleep(600)
        elif FAULT == "hang holding the lock":
            ctypes.PyDLL(None).sleep(600)
        elif FAULT == "not numbers":
            return self._backend.run(batch) * np.float32("nan")
        elif FAULT == "memory":
            return np.ones(1 << 34, np.float64)
        return self._backend.run(batch)


def supervised():
    return (
        "run" in sys.argv and "--supervise" in sys.argv and "EDGECLS_SUPERVISOR" not in os.environ
    )


if not supervised():
    with LOG.open("a") as file:
        file.write(f"{os.getpid()}\n")
    if len(LOG.read_text().splitlines()) <= LIVES:
        opened = edgecls_device.classifier.open_backend
        edgecls_device.classifier.open_backend = lambda *given: FaultyBackend(opened(*given))
main(sys.argv[5:])
