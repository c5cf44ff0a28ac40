"""A whole computer of another architecture: Debian's kernel and systemd on a disk of its own, under qemu.

Unlike ``inside.py`` nothing of it is this machine's: it boots, is cut off, and boots again from the same disk.
It has no network. Commands go in, and their output comes back, through a serial line of their own, at whose
other end ``virtual_machine_agent.py`` is a service. Its camera is the kernel's ``vivid``.
"""

import json
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.arm.root_file_systems import root_file_system, unpack
from tests.arm.systems import BASE, SYSTEMS

__all__ = ["COMPUTER", "Answer", "Machine", "MachineError", "make_disk"]

COMPUTER = replace(
    SYSTEMS["bookworm64"],
    name="bookworm64-computer",
    packages=(
        *BASE,
        "systemd-sysv",
        "dbus",
        "kmod",
        "udev",
        "linux-image-arm64",
        "busybox-static",
    ),
)
BOOT_MODULES = ("virtio_mmio", "virtio_blk", "crc32c_generic", "ext4")
MODULES = (*BOOT_MODULES, "virtio_console", "vivid", "binfmt_misc", "autofs4", "fuse", "configfs")
DISK_BYTES = 4 << 30  # holes, but for what is written
QEMU = "qemu-system-aarch64"
EMULATOR = "qemu-aarch64-static"
PORT = "edgecls"

Say = Callable[[str], None]

INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /root
/bin/busybox mount -t devtmpfs dev /dev
for module in MODULES; do /bin/busybox insmod /modules/$module; done
/bin/busybox mount -t ext4 -o rw /dev/vda /root
/bin/busybox mount --move /dev /root/dev
exec /bin/busybox switch_root /root /sbin/init
"""
AGENT = """[Unit]
Description=What the test wants of this machine

[Service]
ExecStart=/usr/bin/python3 /usr/local/lib/agent.py /dev/virtio-ports/edgecls
Environment=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin LC_ALL=C.UTF-8 SYSTEMD_PAGER=
Restart=on-failure
"""


class MachineError(RuntimeError):
    """The machine cannot be made, does not boot, or does not answer."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a command did.

    Attributes:
        code: Its exit code; 124 if it took too long.
        output: What it printed.
    """

    code: int
    output: str


def make_disk(folder: Path, *, cache: Path, brought: Sequence[Path], say: Say) -> None:
    """Lay out what a machine boots from: ``disk.img``, ``vmlinuz`` and ``initramfs.gz`` in a folder.

    Args:
        folder: An existing folder.
        cache: Where root file systems are kept.
        brought: Files that the machine finds in ``/root``.
        say: Told what goes on.

    Raises:
        MachineError: If a program is missing or fails.
        RootFileSystemError: If the root file system cannot be made.
    """
    for program, package in ((EMULATOR, "qemu-user-static"), ("mkfs.ext4", "e2fsprogs")):
        if shutil.which(program) is None:
            message = f"Expected {program}: apt install {package}"
            raise MachineError(message)
    with unpack(root_file_system(COMPUTER, cache=cache, say=say), under=folder) as root:
        kernel = next((root / "boot").glob("vmlinuz-*"))
        shutil.copy(kernel, folder / "vmlinuz")
        modules = root / "usr/lib/modules" / kernel.name.removeprefix("vmlinuz-")
        _depmod(root, modules)
        _write_initramfs(root, modules, folder)
        _keep_modules(root, modules)
        _finish(root)
        for path in brought:
            shutil.copy(path, root / "root" / path.name)
        disk = folder / "disk.img"
        with disk.open("wb") as file:
            file.truncate(DISK_BYTES)
        say("writing the disk")
        _run(["mkfs.ext4", "-q", "-F", "-d", root, disk])


def _finish(root: Path) -> None:
    """Do what Debian's installer, and the scripts of packages that a machine needs, would do."""
    files = {
        "etc/machine-id": f"{uuid.uuid4().hex}\n",  # without one, systemd asks for a locale at the console
        "etc/hostname": "raspberrypi\n",
        "etc/fstab": "/dev/vda / ext4 defaults 0 1\n",
        "etc/modules-load.d/camera.conf": "vivid\n",
        "etc/modprobe.d/camera.conf": "options vivid n_devs=1 node_types=0x1\n",
        "etc/systemd/system/agent.service": AGENT,
        "usr/local/lib/agent.py": Path(__file__)
        .with_name("virtual_machine_agent.py")
        .read_text(encoding="utf-8"),
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    shutil.copy(root / "usr/share/libc-bin/nsswitch.conf", root / "etc/nsswitch.conf")
    (root / "var/log/journal").mkdir(parents=True, exist_ok=True)  # kept across power cuts
    wants = root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True, exist_ok=True)
    (wants / "agent.service").symlink_to("/etc/systemd/system/agent.service")


def _depmod(root: Path, modules: Path) -> None:
    """Index the modules with the machine's own depmod, which needs no kernel of its architecture."""
    kmod = root / "usr/bin/kmod"
    _run([EMULATOR, "-L", root, "-0", "depmod", kmod, "-b", root, modules.name])


def _needed(modules: Path, names: Sequence[str]) -> list[str]:
    """Return the files of modules and of all that they need, what is needed first."""
    needs: dict[str, list[str]] = {}
    for line in (modules / "modules.dep").read_text(encoding="ascii").splitlines():
        file, _, others = line.partition(":")
        needs[file] = others.split()
    by_name = {Path(file).name.partition(".")[0].replace("-", "_"): file for file in needs}
    found: dict[str, None] = {}
    for name in names:
        if name in by_name:  # or it is a part of the kernel itself
            file = by_name[name]
            found.update(dict.fromkeys([*reversed(needs[file]), file]))
    return list(found)


def _write_initramfs(root: Path, modules: Path, folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="initramfs-", dir=folder) as work:
        inside = Path(work)
        for name in ("bin", "modules"):
            (inside / name).mkdir()
        busybox = shutil.copy(root / "usr/bin/busybox", inside / "bin/busybox")
        files = _needed(modules, BOOT_MODULES)
        for file in files:
            shutil.copy(modules / file, inside / "modules" / Path(file).name)
        init = inside / "init"
        names = " ".join(Path(file).name for file in files)
        init.write_text(INIT.replace("MODULES", names), encoding="ascii")
        init.chmod(0o755)
        listed = "\n".join(str(path.relative_to(inside)) for path in sorted(inside.rglob("*")))
        archive = subprocess.run(
            [EMULATOR, busybox, "cpio", "-o", "-H", "newc"],
            input=listed.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=inside,
            check=True,
        ).stdout
        (folder / "initramfs.gz").write_bytes(archive)  # the kernel takes it unpacked as well


def _keep_modules(root: Path, modules: Path) -> None:
    """Remove the thousands of modules that this machine has no use for."""
    kept = set(_needed(modules, MODULES))
    for path in (modules / "kernel").rglob("*.ko*"):
        if str(path.relative_to(modules)) not in kept:
            path.unlink()
    _depmod(root, modules)


class Machine:
    """One machine at a time on a disk that ``make_disk`` made. A context: in the end it is cut off."""

    def __init__(self, folder: Path, *, cores: int = 2, memory_mb: int = 2048) -> None:
        """Take the disk; ``start`` boots it."""
        self._folder = folder
        self._cores, self._memory_mb = cores, memory_mb
        self._qemu: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._received = b""
        self.boot = ""

    def __enter__(self) -> "Machine":
        return self

    def __exit__(self, *error: object) -> None:
        self.cut_power()

    @property
    def console(self) -> Path:
        """What all boots printed to the console."""
        return self._folder / "console.log"

    def start(self, within_s: float) -> float:
        """Switch it on and wait until its systemd starts services; return after how many seconds.

        Raises:
            MachineError: If that takes longer.
        """
        begin = time.monotonic()
        place = self._folder / "line"
        place.unlink(missing_ok=True)
        command = [QEMU, "-M", "virt", "-cpu", "cortex-a72", "-accel", "tcg,thread=multi"]
        command += ["-smp", str(self._cores), "-m", str(self._memory_mb)]
        command += ["-nic", "none", "-display", "none", "-monitor", "none"]
        command += ["-chardev", f"file,id=console,path={self.console},append=on"]
        command += ["-serial", "chardev:console"]
        command += ["-kernel", str(self._folder / "vmlinuz")]
        command += ["-initrd", str(self._folder / "initramfs.gz")]
        command += ["-append", "console=ttyAMA0 quiet panic=10"]
        command += ["-drive", f"if=none,id=disk,format=raw,file={self._folder / 'disk.img'}"]
        command += ["-device", "virtio-blk-device,drive=disk"]
        command += ["-chardev", f"socket,id=line,path={place},server=on,wait=off"]
        command += ["-device", "virtio-serial-device"]
        command += ["-device", f"virtserialport,chardev=line,name={PORT}"]
        self._qemu = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        while not place.exists():
            if self._qemu.poll() is not None or time.monotonic() - begin > 60:
                message = f"Expected {QEMU} to start, got exit code {self._qemu.returncode}."
                raise MachineError(message)
            time.sleep(0.1)
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._line.connect(str(place))
        self._received = b""
        self.wait_for_boot(within_s)
        return time.monotonic() - begin

    def wait_for_boot(self, within_s: float) -> None:
        """Wait until it has booted anew.

        Raises:
            MachineError: If that takes longer.
        """
        before = self.boot
        end = time.monotonic() + within_s
        while self.boot in {"", before}:
            self.boot = self._message(end).get("boot", self.boot)

    def run(self, command: str, *, within_s: float = 120) -> Answer:
        """Run a command in its bash, as root.

        Raises:
            MachineError: If the machine itself does not answer.
        """
        if self._line is None:
            message = "Expected a machine that runs, got one that is off."
            raise MachineError(message)
        number = uuid.uuid4().hex
        order = {"number": number, "command": command, "within_s": within_s}
        self._line.sendall(json.dumps(order).encode() + b"\n")
        end = time.monotonic() + within_s + 120
        while True:
            found = self._message(end)
            if found.get("number") == number:
                return Answer(code=found["code"], output=found["output"].strip())

    def order(self, command: str) -> None:
        """Let it do something after which it answers no more."""
        self.run(f"systemd-run --quiet --on-active=1 {command}")

    def cut_power(self) -> None:
        """Switch it off as a power cut does. What it had not written to its disk is lost."""
        qemu, self._qemu = self._qemu, None
        if qemu is not None:
            qemu.kill()
            qemu.wait()
        line, self._line = self._line, None
        if line is not None:
            line.close()

    def _message(self, end: float) -> Mapping[str, Any]:
        """Return the next message of the agent, by a deadline."""
        while b"\n" not in self._received:
            left = end - time.monotonic()
            if left <= 0 or self._line is None:
                message = f"Expected an answer of the machine in time; its console: {self.console}"
                raise MachineError(message)
            self._line.settimeout(left)
            with suppress(TimeoutError):
                data = self._line.recv(1 << 16)
                if not data:
                    message = f"Expected {QEMU} to go on, but it ended."
                    raise MachineError(message)
                self._received += data
        line, _, self._received = self._received.partition(b"\n")
        try:
            found = json.loads(line)
        except ValueError:  # a line that a reboot cut off
            return {}
        return found if isinstance(found, dict) else {}


def _run(command: Sequence[str | Path]) -> None:
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False
    )
    if done.returncode:
        told = f"got exit code {done.returncode}: {done.stderr.strip()}"
        message = f"Expected {command[0]} to succeed, {told}"
        raise MachineError(message)
