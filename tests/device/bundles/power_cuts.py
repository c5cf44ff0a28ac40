"""Cutting the power of a program before any file system call of its, with strace, and what must hold then.

SIGKILL before a call leaves on the disk what the calls before it did. That is what a power cut leaves if every
step was synced before the next, which ``unsynced`` checks.
"""

import hashlib
import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edgecls_device.bundles.history import read_history
from edgecls_device.bundles.manifest import Manifest, release_of
from edgecls_device.bundles.settling import is_whole, settle
from edgecls_device.bundles.state import read_state
from edgecls_device.records import from_json

CHANGING = (
    "?creat,?open,openat,?openat2,write,writev,pwrite64,pwritev,pwritev2,sendfile,copy_file_range,fallocate,"
    "truncate,ftruncate,?rename,?renameat,renameat2,?link,linkat,?symlink,symlinkat,?unlink,unlinkat,?mkdir,"
    "mkdirat,?rmdir,?mknod,mknodat,?chmod,fchmod,fchmodat,?chown,fchown,?lchown,fchownat,?utime,?utimes,"
    "utimensat,?futimesat,setxattr,fsetxattr,lsetxattr,fsync,fdatasync,sync,syncfs,flock"
)
"""What changes files, opens them for it, or waits for it, if there is such a call. ``close`` changes none."""

FOR_CHANGING = re.compile(r"O_(WRONLY|RDWR|CREAT|TRUNC)")
LINE = re.compile(r"(\d+ +)?(\w+)\((.*)")
WITHIN_S = 120


@dataclass(frozen=True)
class Call:
    """One call: the how manieth of its name it is, and strace's line."""

    name: str
    number: int
    text: str


def strace(trace, *options):
    """Return the beginning of a command line."""
    return ["strace", "-qq", "-y", "-s", "0", "-o", str(trace), "-e", f"trace={CHANGING}", *options]


def calls_of(command, trace):
    """Run a command, and return its calls that change something, in order."""
    words = [*strace(trace), *map(str, command)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=WITHIN_S, check=False)
    assert done.returncode == 0, done.stderr
    return calls_in(trace)


def calls_in(trace):
    """Return the calls in a file of strace that change something."""
    counted, found = Counter(), []
    for line in Path(trace).read_text().splitlines():
        match = LINE.match(line)
        if match is None:
            continue  # a signal
        name, rest = match[2], match[3]
        counted[name] += 1
        if name not in {"open", "openat", "openat2"} or FOR_CHANGING.search(rest):
            found.append(Call(name, counted[name], line))
    return found


def cut(command, call, trace):
    """Run a command and kill it before a call; return whether it got that far.

    It may not where a module was compiled meanwhile, so that fewer files are opened than when it was counted.
    """
    inject = f"inject={call.name}:signal=KILL:when={call.number}"
    process = subprocess.Popen(
        [*strace(trace, "-e", inject), *map(str, command)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        code = process.wait(WITHIN_S)
    finally:
        with suppress(ProcessLookupError):  # a power cut spares nobody
            os.killpg(process.pid, signal.SIGKILL)
    assert code in {0, -signal.SIGKILL}, f"it ended with {code} before {call}"
    return code != 0


def copy(root, to):
    """Copy an installation as it is."""
    shutil.rmtree(to, ignore_errors=True)
    return shutil.copytree(root, to, symlinks=True)


def check_whole(installation, version):
    """Expect every file of a version as its manifest says."""
    folder = installation.version(version)
    manifest = from_json(Manifest, (folder / "manifest.json").read_bytes(), name=version)
    kept = [one for one in manifest.members if not one.name.startswith("wheels/")]
    assert kept
    for member in kept:
        data = (folder / member.name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == member.sha256, member.name
    assert is_whole(installation, version)


def check_old_or_new(installation, versions):
    """Expect that both links name one of some whole versions, and the records can be read."""
    for named in (installation.current_version(), installation.confirmed_version()):
        assert named in versions
        check_whole(installation, named)
    state = read_state(installation)
    assert state.floor >= min(map(release_of, versions))
    read_history(installation)


def check_settled(installation, versions):
    """Let a keeper start, and expect a definite version: one that is confirmed, or one on trial beside it."""
    settle(installation)
    check_old_or_new(installation, versions)
    state = read_state(installation)
    if installation.is_on_trial():
        assert state.trial is not None
        assert state.trial.version == installation.current_version()
    assert installation.current_version() not in state.failed
    assert installation.confirmed_version() not in state.failed


def unsynced(trace, root):
    """Return what was written below a folder and not synced, at the moment of each rename that shows it.

    It reads a trace of ``strace -y`` and follows files and folders by their paths.
    """
    dirty, found = set(), []
    for call in calls_in(trace):
        paths = [
            path
            for path in re.findall(r'["<](/[^">]*)[">]', call.text)
            if path.startswith(str(root))
        ]
        if " = -1 " in call.text or not paths:
            continue
        first, last = Path(paths[0]), Path(paths[-1])
        if call.name == "rename":
            found += [
                (last.name, str(path)) for path in sorted(dirty - {first.parent, last.parent})
            ]
            dirty -= {first}
            dirty |= {last.parent}
        elif call.name in {"write", "fchmod", "chmod"}:
            dirty |= {first}
        elif call.name == "fsync":
            dirty -= {first}
        elif call.name in {"mkdir", "symlink", "unlink", "rmdir"} or "O_CREAT" in call.text:
            dirty |= {last.parent}
    return found, dirty
