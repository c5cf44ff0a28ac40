"""Installations whose versions do as they are told, and their keeper: real processes, but no model."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from edgecls_device.bundles.history import read_history, remember
from edgecls_device.bundles.installation import Installation
from edgecls_device.bundles.locks import switching
from edgecls_device.bundles.manifest import release_of
from edgecls_device.bundles.state import State, Trial, read_state, write_state
from edgecls_device.bundles.tuning import TUNING, Tuning
from edgecls_device.records import to_json

APPS = Path(__file__).parents[2] / "_apps"
PYTHON = """#!/bin/sh
case "$*" in
*" keep "*) exec {python} {keeper} "$@" ;;
*) exec {python} {worker} {folder} "$@" ;;
esac
"""
OLD, NEW, NEWER = "000001-aaaaaaaaaaaa", "000002-bbbbbbbbbbbb", "000003-cccccccccccc"
TUNED = Tuning(artifact="artifacts/tiny.int8.tflite", backend="litert", threads=2, candidates=())
PATIENCE = {"hung_after_s": 0.8, "backoff_s": 0.05, "longest_backoff_s": 0.2, "drain_s": 1.0}
RULES = {"within_s": 4.0, "retry_s": 0.1, "steady_s": 0.3}


def make_version(installation, name, plan, *, python=sys.executable):
    """Make a version whose lives go as planned, in a Python of its own if that is wanted."""
    folder = installation.version(name)
    program = folder / "environment" / "bin" / "python"
    program.parent.mkdir(parents=True)
    words = {
        "python": python,
        "keeper": APPS / "quick_keeper.py",
        "worker": APPS / "scripted_worker.py",
        "folder": folder,
    }
    quoted = {key: shlex.quote(str(word)) for key, word in words.items()}
    program.write_text(PYTHON.format(**quoted))
    program.chmod(0o755)
    (folder / "plan").write_text("\n".join(plan))
    (folder / TUNING).write_text(to_json(TUNED))
    return folder


def make_installation(root, *plan):
    """Make an installation of the version OLD."""
    installation = Installation(root)
    installation.prepare()
    installation.config.write_text('source = "0"\n')
    make_version(installation, OLD, plan or ["work"])
    write_state(installation, State(floor=1))
    installation.point(installation.confirmed, OLD)
    installation.point(installation.current, OLD)
    remember(installation, "installed", name=OLD, release=1)
    be_quick(installation)
    return installation


def be_quick(installation, *, patience=(), rules=()):
    quick = {"patience": {**PATIENCE, **dict(patience)}, "rules": {**RULES, **dict(rules)}}
    (installation.root / "quick.json").write_text(json.dumps(quick))


def put_on_trial(installation, name, *plan):
    """Do what an update does last."""
    if plan:
        make_version(installation, name, plan)
    with switching(installation):
        remember(installation, "trial", name=name, release=release_of(name))
        state = replace(read_state(installation), trial=Trial(version=name))
        write_state(installation, state)
        installation.point(installation.current, name)


def lives(installation, name):
    """Return process, start, user and arguments of each life of a version."""
    path = installation.version(name) / "lives"
    if not path.exists():
        return []
    lines = [line.split(" ", 3) for line in path.read_text().splitlines()]
    return [(int(pid), float(start), int(user), words) for pid, start, user, words in lines]


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def runs(installation, name):
    """Whether a version runs now."""
    found = lives(installation, name)
    return bool(found) and is_running(found[-1][0])


def runs_only(installation, name):
    """Whether a version and no other one runs now."""
    others = [path.name for path in installation.versions.iterdir() if path.name != name]
    return runs(installation, name) and not any(runs(installation, other) for other in others)


def is_settled(installation):
    """Whether nothing is on trial, and what happened is written down."""
    with switching(installation):
        return not installation.is_on_trial() and read_state(installation).trial is None


def told(installation, name):
    """Return what history says of a version, in its order."""
    return [entry.what for entry in read_history(installation) if entry.name == name]


def reason(installation, name):
    """Return why a version was left."""
    return [entry.reason for entry in read_history(installation) if entry.name == name][-1]


def wait_until(is_so, *, seconds=15.0):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Keeper:
    """A keeper's process, which executes itself anew and stays the same process."""

    def __init__(self, installation, *, variables=()):
        self._installation = installation
        python = installation.confirmed / "environment" / "bin" / "python"
        command = [python, "-I", "-m", "edgecls", "keep", "--root", installation.root]
        self.said = installation.root / f"said-{time.monotonic_ns()}"
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(
                [str(word) for word in command],
                stdout=said,
                stderr=said,
                env={**os.environ, **dict(variables)},
            )

    def text(self):
        return self.said.read_text(errors="replace")

    def kill(self):
        """Do what a power cut does; the worker dies with its parent."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Send SIGTERM; return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self):
        return self.process.wait(20)
