"""Runs a command inside a root file system of another architecture, as if on its computer, without any network.

    sudo python3 -m tests.arm.inside bookworm64 -- python3 -c 'import platform; print(platform.machine())'
    sudo python3 -m tests.arm.inside bookworm64 --celsius 82 --throttled 0x50005 --layer kept -- sh

The command gets namespaces of its own (users, mounts, processes, network, host name), in which qemu is
registered for the programs of the architecture: nothing of this machine is changed, and all ends with the
command. What it writes goes to a layer above the root file system, so several can share one. It sees the
sensors of a Raspberry Pi, with the values given here.

Linux 6.7 or later, for a ``binfmt_misc`` of its own in a user namespace; root; and ``qemu-user-static``.
"""

import argparse
import ctypes
import fcntl
import os
import shutil
import signal
import socket
import struct
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.arm.root_file_systems import default_cache, root_file_system, unpack
from tests.arm.systems import BOARDS, SYSTEMS, Board, System

__all__ = ["Computer", "Errand", "run_inside", "why_not"]

# linux/sched.h, linux/mount.h, linux/prctl.h, linux/sockios.h
NEW_USER, NEW_MOUNT, NEW_PID, NEW_NET = 0x10000000, 0x00020000, 0x20000000, 0x40000000
NEW_HOST_NAME, NEW_IPC = 0x04000000, 0x08000000
BIND, PRIVATE, RECURSIVE, READ_ONLY, REMOUNT = 0x1000, 0x40000, 0x4000, 1, 32
SIGNAL_AT_PARENTS_DEATH = 1
GET_FLAGS, SET_FLAGS, IS_UP = 0x8913, 0x8914, 1

HOME = "/home/pi"
KERNEL = "6.12.47-v8"  # what uname -r says, since the real one is that of the machine below
DEVICES = ("null", "zero", "full", "random", "urandom")
EMULATORS = {
    # the first 20 bytes of a program, and which of their bits count; Debian's qemu is of another "OS/ABI" than
    # the programs of its own architecture, or qemu would be run by qemu
    "arm64": ("qemu-aarch64-static", 2, 0xB7),
    "armhf": ("qemu-arm-static", 1, 0x28),
    "amd64": ("qemu-x86_64-static", 2, 0x3E),
}

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, kw_only=True)
class Computer:
    """What the command believes to run on.

    Attributes:
        system: Its root file system.
        board: Its board.
        celsius: Temperature of the processor.
        throttled: What ``vcgencmd get_throttled`` says, such as ``0x50005``.
        governor: Governor of the frequency.
        is_native: Whether programs run without an emulator; only for this machine's own architecture.
    """

    system: System
    board: Board
    celsius: float = 48.7
    throttled: str = "0x0"
    governor: str = "ondemand"
    is_native: bool = False


@dataclass(frozen=True, kw_only=True)
class Errand:
    """What is to be run, and what it may see.

    Attributes:
        command: Program and arguments, with paths of the inside.
        below: Folders that make up what is there, the topmost first; they are not changed. The root file system
            is the last, others are ``upper`` of a layer that an earlier command wrote.
        layer: Folder for what the command writes; a later command can go on with it.
        brought: File of this machine -> its read-only path inside.
        variables: Added to its environment.
    """

    command: Sequence[str]
    below: Sequence[Path]
    layer: Path
    brought: dict[Path, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)


def why_not(system: System) -> str:
    """Return why nothing can be run inside on this machine; empty if it can."""
    emulator = EMULATORS[system.architecture][0]
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        return "the emulation is made for Linux on x86-64"
    if os.getuid() != 0:
        return "needs root, for the files of a root file system and the users in it"
    if shutil.which(emulator) is None:
        return f"needs {emulator}: apt install qemu-user-static"
    with tempfile.TemporaryDirectory(prefix="edgecls-arm-") as folder:
        place = Path(folder)
        code = _in_namespaces(lambda: _mount("binfmt_misc", place, "binfmt_misc"), quiet=True)
    return (
        ""
        if code == 0
        else "this kernel gives a user namespace no binfmt_misc of its own (Linux 6.7 does)"
    )


def run_inside(computer: Computer, errand: Errand) -> int:
    """Run a command and return its exit code; 128 and the signal's number if a signal ended it.

    Raises:
        OSError: If the namespaces cannot be made.
    """
    return _in_namespaces(lambda: _set_up(computer, errand), lambda: _enter(computer, errand))


def _in_namespaces(
    set_up: Callable[[], None], command: Callable[[], None] | None = None, *, quiet: bool = False
) -> int:
    """Run two functions as the first process of new namespaces, and as its child, which must not return."""
    is_apart, may_go_on = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        _guarded(lambda: _become_first(is_apart[1], may_go_on[0], set_up, command), quiet=quiet)
    os.close(is_apart[1])
    if os.read(is_apart[0], 1):
        # every user of this machine keeps its number; only from outside can that be said
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{child}/{name}").write_text("0 0 65536\n", encoding="ascii")
        os.write(may_go_on[1], b"!")
    for end in (is_apart[0], *may_go_on):
        os.close(end)
    return _code_of(os.waitpid(child, 0)[1])


def _become_first(
    is_apart: int, may_go_on: int, set_up: Callable[[], None], command: Callable[[], None] | None
) -> int:
    _die_with_parent()
    _call("unshare", NEW_USER)
    os.write(is_apart, b"!")
    os.read(may_go_on, 1)
    _call("unshare", NEW_MOUNT | NEW_PID | NEW_NET | NEW_HOST_NAME | NEW_IPC)
    first = os.fork()
    if first == 0:
        _guarded(lambda: _be_first(set_up, command))
    return _code_of(os.waitpid(first, 0)[1])


def _be_first(set_up: Callable[[], None], command: Callable[[], None] | None) -> int:
    """Set everything up, start the command and bury the dead; what is left ends with this process."""
    _die_with_parent()
    _call("mount", b"none", b"/", None, PRIVATE | RECURSIVE, None)
    set_up()
    if command is None:
        return 0
    child = os.fork()
    if child == 0:
        _guarded(lambda: command() or 127)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the command as well
    while True:
        ended, status = os.wait()
        if ended == child:
            return _code_of(status)


def _set_up(computer: Computer, errand: Errand) -> None:
    for name in ("upper", "work", "merged"):
        (errand.layer / name).mkdir(parents=True, exist_ok=True)
    inside = errand.layer / "merged"
    below = ":".join(map(str, errand.below))
    above = f"upperdir={errand.layer}/upper,workdir={errand.layer}/work"
    _mount("overlay", inside, "overlay", f"lowerdir={below},{above},userxattr")
    _mount("proc", inside / "proc", "proc")
    for name in ("tmp", "run", "sys", "dev"):
        _mount("tmpfs", inside / name, "tmpfs", "mode=1777" if name == "tmp" else "mode=755")
    for name in DEVICES:
        _bind(Path("/dev") / name, inside / "dev" / name)
    (inside / "dev/shm").mkdir()
    _mount("tmpfs", inside / "dev/shm", "tmpfs", "mode=1777")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        (inside / "dev" / name).symlink_to(f"/proc/self/fd/{number}")
    (inside / "dev/fd").symlink_to("/proc/self/fd")
    (inside / HOME[1:]).mkdir(parents=True, exist_ok=True)
    for source, path in errand.brought.items():
        _bind(source, inside / path[1:], READ_ONLY)
    _show_board(computer, inside)
    if not computer.is_native:
        _register(computer.system.architecture, inside / "proc/sys/fs/binfmt_misc")
    socket.sethostname("raspberrypi")
    _bring_loopback_up()


def _show_board(computer: Computer, inside: Path) -> None:
    """Lay out what a program reads to learn of its computer."""
    board = computer.board
    cores = len(os.sched_getaffinity(0))
    files = {
        "sys/class/thermal/thermal_zone0/type": "cpu-thermal",
        "sys/class/thermal/thermal_zone0/temp": str(round(computer.celsius * 1000)),
        **{
            f"sys/devices/system/cpu/{name}": f"0-{cores - 1}"
            for name in ("possible", "present", "online")
        },
        **{
            f"sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor": computer.governor
            for core in range(cores)
        },
    }
    if board.model:
        # /proc/device-tree, which leads here, cannot be added to /proc
        files["sys/firmware/devicetree/base/model"] = f"{board.model}\0"
        cases = (
            f"get_throttled) echo throttled={computer.throttled}",
            f"measure_temp) echo temp={computer.celsius}",
        )
        files["usr/bin/vcgencmd"] = f"#!/bin/sh\ncase $1 in {' ;; '.join(cases)} ;; esac"
    for name, text in files.items():
        path = inside / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text if text.endswith("\0") else f"{text}\n", encoding="ascii")
    if board.cpuinfo:
        (inside / "usr/bin/vcgencmd").chmod(0o755)
        told = inside / "run/cpuinfo"
        each = [f"processor\t: {core}\n{board.cpuinfo}" for core in range(cores)]
        told.write_text("\n".join([*each, f"Model\t\t: {board.model}\n"]), encoding="ascii")
        _bind(told, inside / "proc/cpuinfo")


def _enter(computer: Computer, errand: Errand) -> None:
    os.chroot(errand.layer / "merged")
    os.chdir(HOME)
    variables = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "QEMU_CPU": computer.board.processor,
        "QEMU_UNAME": KERNEL,
        **errand.variables,
    }
    os.execvpe(errand.command[0], list(errand.command), variables)


def _register(architecture: str, place: Path) -> None:
    """Let the kernel run programs of an architecture with qemu; ``F`` opens it now, before the new root."""
    program, bits, machine = EMULATORS[architecture]
    path = shutil.which(program)
    magic = [0x7F, *b"ELF", bits, 1, 1, *[0] * 9, 2, 0, machine, 0]
    mask = [*[0xFF] * 7, 0xFF if architecture == "amd64" else 0, *[0xFF] * 8, 0xFE, *[0xFF] * 3]
    _mount("binfmt_misc", place, "binfmt_misc")  # it must stay: its entries go with it
    words = ("".join(f"\\x{byte:02x}" for byte in part) for part in (magic, mask))
    entry = ":".join(["", program, "M", "", *words, path or program, "FP"])
    (place / "register").write_text(entry, encoding="ascii")


def _bring_loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(probe, GET_FLAGS, request))[1]
        fcntl.ioctl(probe, SET_FLAGS, struct.pack("16sh14x", b"lo", flags | IS_UP))


def _bind(source: Path, place: Path, flags: int = 0) -> None:
    if source.is_dir():
        place.mkdir(parents=True, exist_ok=True)
    elif not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    _call("mount", bytes(source), bytes(place), None, BIND, None)
    if flags:
        _call("mount", None, bytes(place), None, BIND | REMOUNT | flags, None)


def _mount(source: str, place: Path, kind: str, options: str = "") -> None:
    _call("mount", source.encode(), bytes(place), kind.encode(), 0, options.encode() or None)


def _die_with_parent() -> None:
    _call("prctl", SIGNAL_AT_PARENTS_DEATH, signal.SIGKILL, 0, 0, 0)


def _call(name: str, *arguments: object) -> None:
    """Call a function of the C library.

    Raises:
        OSError: If it fails.
    """
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}{arguments}: {os.strerror(number)}")


def _guarded(work: Callable[[], int], *, quiet: bool = False) -> None:
    """Do a forked process's work and end it: it must never come back into its parent's code."""
    code = 125
    try:
        code = work()
    except Exception as error:
        if not quiet:
            sys.stderr.write(f"inside: {error}\n")
    finally:
        os._exit(code)


def _code_of(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def main() -> int:
    """Run the command that the command line gives."""
    parser = argparse.ArgumentParser(
        description="Run a command inside another architecture's system."
    )
    parser.add_argument("system", choices=SYSTEMS, metavar="SYSTEM", help=", ".join(SYSTEMS))
    parser.add_argument(
        "--below",
        type=Path,
        action="append",
        metavar="DIR",
        help="the unpacked root file system; by default the cached one",
    )
    parser.add_argument(
        "--layer", type=Path, help="keep here what is written; by default it is lost"
    )
    parser.add_argument(
        "--bring", action="append", default=[], metavar="FILE=PATH", help="show a file inside"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="set a variable"
    )
    parser.add_argument(
        "--board", choices=BOARDS, help="by default the one the system is usually on"
    )
    parser.add_argument("--celsius", type=float, default=Computer.celsius)
    parser.add_argument("--throttled", default=Computer.throttled)
    parser.add_argument("--governor", default=Computer.governor)
    parser.add_argument("--native", action="store_true", help="do not emulate")
    parser.add_argument("command", nargs="+", metavar="-- COMMAND")
    options = parser.parse_args()
    system = SYSTEMS[options.system]
    reason = why_not(system)
    if reason:
        parser.error(reason)
    computer = Computer(
        system=system,
        board=BOARDS[options.board] if options.board else system.board,
        celsius=options.celsius,
        throttled=options.throttled,
        governor=options.governor,
        is_native=options.native,
    )
    with ExitStack() as stack:
        below = options.below or [
            stack.enter_context(
                unpack(root_file_system(system, cache=default_cache(), say=lambda text: None))
            )
        ]
        layer = options.layer or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        brought = (pair.rpartition("=") for pair in options.bring)
        errand = Errand(
            command=options.command,
            below=[folder.absolute() for folder in below],
            layer=layer.absolute(),
            brought={Path(source).absolute(): path for source, _, path in brought},
            variables=dict(pair.split("=", 1) for pair in options.set),
        )
        return run_inside(computer, errand)


if __name__ == "__main__":
    sys.exit(main())
