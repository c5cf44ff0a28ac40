"""Several processes at once, for tests of groups."""

import subprocess
from contextlib import contextmanager
from itertools import zip_longest


@contextmanager
def started(commands, environments=()):
    """Start a process for each command; those that are left in the end are killed.

    Args:
        commands: With their arguments.
        environments: Of each of them; without it they have that of this process.
    """
    processes = [
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        for command, environment in zip_longest(commands, environments)
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
