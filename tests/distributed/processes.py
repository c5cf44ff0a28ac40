"""Several processes at once, for tests of groups."""

import subprocess
from contextlib import contextmanager


@contextmanager
def started(commands):
    """Start a process for each command; those that are left in the end are killed."""
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for command in commands
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def ends(processes, patient_s):
    """Return exit code, output and errors of each, waiting so many seconds for one at most."""
    said = [process.communicate(timeout=patient_s) for process in processes]
    return [(process.returncode, *one) for process, one in zip(processes, said, strict=True)]
