"""A version's run that does as its folder says: ``scripted_worker.py FOLDER -I -m edgecls run ...``.

The file ``FOLDER/plan`` has a line for each life, the last one for all others. Each life adds a line to
``FOLDER/lives``.
"""

import os
import signal
import sys
import time
from pathlib import Path

from edgecls_device.service.notify import Notifications
from edgecls_device.service.worker import become_worker, is_worker

assert is_worker()
assert become_worker() == ()
folder = Path(sys.argv[1])
with (folder / "lives").open("a") as log:
    log.write(f"{os.getpid()} {time.monotonic()} {os.getuid()} {' '.join(sys.argv[2:])}\n")
plan = (folder / "plan").read_text().splitlines()
life = len((folder / "lives").read_text().splitlines()) - 1
act = plan[min(life, len(plan) - 1)]
told = Notifications.from_environment()
ends = []


def work(count, *, state="ready", every_s=0.01):
    """Give so many results, or fewer if asked to end."""
    for results in range(1, count + 1):
        if ends:
            (folder / "asked").write_text(str(ends[0]))
            told.send(STOPPING="1", STATUS="stopping: SIGTERM")
            sys.exit(0)
        ready = {"READY": "1"} if results == 1 else {}
        told.send(
            **ready,
            WATCHDOG="1",
            STATUS=f"{state}: cat, {results} results",
            X_EDGECLS_RESULTS=str(results),
            X_EDGECLS_STATE=state,
        )
        if results == 1:
            (folder / "works").touch()
        time.sleep(every_s)


def leave(words, code):
    print(f"note: something else\nerror: {words}\nhint: do this", file=sys.stderr, flush=True)
    sys.exit(code)


def tell_lost():
    while not ends:
        told.send(
            READY="1",
            WATCHDOG="1",
            STATUS="source_lost: The camera is gone.",
            X_EDGECLS_RESULTS="0",
            X_EDGECLS_STATE="source_lost",
        )
        time.sleep(0.05)
    sys.exit(0)


signal.signal(signal.SIGTERM, lambda *_: ends.append(time.monotonic()))
word, _, number = act.partition(" ")
if word == "work":
    work(10**9)
elif word == "kill":
    os.kill(os.getpid(), int(number))
elif word == "die":  # as a version does that was good enough for a trial
    work(int(number))
    time.sleep(0.3)
    os.abort()
elif word == "gush":  # so many results, and a crash before anybody can have acted on them
    for results in range(1, 30):
        told.send(READY="1", X_EDGECLS_RESULTS=str(results), X_EDGECLS_STATE="ready")
    os.abort()
elif word == "video":
    work(int(number))
    sys.exit(0)
elif word == "few":
    work(int(number))
    while not ends:
        told.send(WATCHDOG="1")
        time.sleep(0.05)
    sys.exit(0)
elif word == "lost":
    tell_lost()
elif word == "golden":
    leave("Expected the scores that 'tiny' gave, got others: 0.5 off.", 5)
elif word == "streak":
    work(5)
    leave("Expected scores that are numbers, got others.", 5)
elif word == "hang":
    work(5)
    time.sleep(60)
elif word == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    work(10**9)
elif word == "exit":
    leave(f"Expected another code than {number}.", int(number))
elif word == "silent":
    while not ends:
        time.sleep(0.05)
    sys.exit(0)
else:
    leave(f"no such act: {act!r}", 99)
