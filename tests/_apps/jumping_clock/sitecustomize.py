"""Shift the wall clock of every Python process by the seconds in the file ``JUMPING_CLOCK``, while it runs.

libfaketime cannot be used: it shifts ``clock_nanosleep`` on the monotonic clock too, which no kernel does, and
``time.sleep`` of Python 3.11 and later is made of that.
"""

import os
import time
from pathlib import Path

_time, _time_ns, _path = time.time, time.time_ns, Path(os.environ["JUMPING_CLOCK"])


def shift():
    return int(_path.read_text() or 0)


time.time = lambda: _time() + shift()
time.time_ns = lambda: _time_ns() + shift() * 10**9
