"""A process of a group without any training: ``guarded.py HOST:PORT PROCESSES RANK FOLDER ACT...``.

The acts are those of the ranks, by rank. The child of its guard does its own: it leaves its process number in
``FOLDER/child-RANK`` and waits, or ends in the way that the act says.
"""

import os
import signal
import sys
import time
from pathlib import Path

from edgecls_device.errors import DistributedError, EdgeclsError, InterruptedRunError, StorageError

from edgecls.distributed.answering import answering
from edgecls.distributed.guard import guard
from edgecls.distributed.membership import find_membership
from edgecls.distributed.place import Place


def leave_number():
    (folder / f"child-{place.rank}").write_text(str(os.getpid()))


def wait():
    leave_number()
    while not (folder / "end").exists():
        time.sleep(0.01)


def wait_politely():
    try:
        wait()
    except KeyboardInterrupt:
        message = "stopped by Ctrl-C; 3 epochs are kept"
        raise InterruptedRunError(message, hint="--resume") from None


def hang():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.write(2, b"never shown\n")
    wait()


def be_done():
    print(f"rank {place.rank} of {place.processes} is done")


def speak(stream):
    leave_number()
    while True:
        print("still here", file=stream, flush=True)
        time.sleep(0.01)


def speak_when_all_is_done():
    work_is_done()
    speak(sys.stdout)


def say_what_no_encoding_has():
    print("photos/\udcff.jpg", file=sys.stderr)


def find_the_disk_full():
    message = "Cannot write runs/a: no space left."
    raise StorageError(message, hint="make room")


def read_nothing():
    Path("/no/such/file").read_text()


def lose_another():
    message = "Another process was lost."
    raise DistributedError(message)


def abort():
    os.write(2, b"native noise\n")
    os.kill(os.getpid(), signal.SIGABRT)


def divide():
    1 / 0  # noqa: B018


def when_all_are_there(act):
    leave_number()
    while len(list(folder.glob("child-*"))) < place.processes:
        time.sleep(0.01)
    act()


AT_ONCE = {
    "wait": wait,
    "wait-politely": wait_politely,
    "stuck": hang,
    "done": be_done,
    "speak": lambda: speak(sys.stderr),
    "speak-when-done": speak_when_all_is_done,
    "strange-name": say_what_no_encoding_has,
}
LATER = {
    "full": find_the_disk_full,
    "os-error": read_nothing,
    "lost-peer": lose_another,
    "abort": abort,
    "bug": divide,
}


where, count, rank, folder, *acts = sys.argv[1:]
folder, place = Path(folder), Place.of_this_process()
try:
    if place is not None:
        with answering() as work_is_done:
            name = acts[place.rank]
            AT_ONCE[name]() if name in AT_ONCE else when_all_are_there(LATER[name])
        sys.exit("never reached")
    given = {"coordinator": where, "processes": int(count), "rank": int(rank), "timeout_s": 60.0}
    membership = find_membership({}, **given)
    guard([sys.executable, *sys.argv], membership, {"--seed": "0"})
except EdgeclsError as error:
    print(f"{type(error).__name__}: {error.message} | {error.hint}", flush=True)
    sys.exit(error.exit_code)
