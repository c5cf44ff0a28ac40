"""The life of a Raspberry Pi, as ``tests/arm/machine`` lets a whole machine under qemu live it.

    python3 -m tests.arm.life RUN [--folder DIR] [--steps NAME,NAME...]

It boots, a bundle is installed on it as a user does, its service hangs in two ways, its camera is pulled out,
it is rebooted, updated, and its power is cut in the middle of an update. What was seen is printed, and the exit
code is 0 only if all was as it should be. Times are of an emulated processor, at least ten times as slow as a
Raspberry Pi: only those that systemd or a keeper waits for mean something.
"""

# ruff: noqa: T201 - a program that prints what it sees

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.arm.bundles import make_bundle, make_key
from tests.arm.root_file_systems import RootFileSystemError, default_cache
from tests.arm.virtual_machine import Answer, Machine, MachineError, make_disk

NAME = "shapes"
SERVICE = f"edgecls-{NAME}"
ROOT = f"/opt/edgecls/{NAME}"
DRIVER = "/sys/bus/platform/drivers/vivid"
WATCHDOG_S = 30  # WatchdogSec of the unit
WITHIN_S = WATCHDOG_S + 10
PATIENT_S = 900.0  # for what only the emulation makes slow
WANTED = {
    "Type": "notify",
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "read-only",
    "PrivateTmp": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectKernelLogs": "yes",
    "ProtectControlGroups": "yes",
    "RestrictSUIDSGID": "yes",
    "LockPersonality": "yes",
    "WatchdogUSec": f"{WATCHDOG_S}s",
    "Restart": "always",
}

KERNEL_SAYS = ["CapBnd:", f"{0xEB:016x}", "NoNewPrivs:", "1", "Seccomp:", "2"]
"""Capabilities 0, 1, 3, 5, 6, 7 of ``linux/capability.h``; 2 is a filter."""


class Life:
    """A machine, and what of it was not as it should be."""

    def __init__(self, machine: Machine, bundles: list[Path]) -> None:
        """Take a machine that is off."""
        self.machine = machine
        self.bundles = bundles
        self.wrong: list[str] = []
        self._begin = time.monotonic()

    def say(self, text: str) -> None:
        """Print a line with its time."""
        print(f"{time.monotonic() - self._begin:6.0f} s  {text}", flush=True)

    def check(self, what: str, is_so: bool, seen: object = "") -> None:
        """Print what was seen, and remember it if it is wrong."""
        self.say(f"{'ok' if is_so else 'WRONG':<6} {what}{f': {seen}' if seen != '' else ''}")
        if not is_so:
            self.wrong.append(what)

    def run(self, command: str, within_s: float = PATIENT_S) -> Answer:
        """Run a command in the machine."""
        return self.machine.run(command, within_s=within_s)

    def ask(self, *properties: str) -> dict[str, str]:
        """Return what systemd says of the service."""
        words = " ".join(f"-p {name}" for name in properties)
        lines = self.run(f"systemctl show {SERVICE} {words}").output.splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def until(self, is_so: Callable[[], bool], within_s: float) -> float:
        """Wait; return after how many seconds it is so, infinity if it is not in time."""
        begin = time.monotonic()
        while time.monotonic() - begin < within_s:
            if is_so():
                return time.monotonic() - begin
            time.sleep(0.5)
        return float("inf")

    def page(self, path: str) -> tuple[int, str]:
        """Ask the service as a monitor does; return the status, 0 without an answer, and the text."""
        command = (
            f"curl --silent --max-time 20 --write-out '\\n%{{http_code}}' localhost:8080{path}"
        )
        text, _, code = self.run(command).output.rpartition("\n")
        return (int(code) if code.isdigit() else 0), text

    def is_ready(self) -> bool:
        """Whether frames are classified."""
        return self.page("/ready")[0] == 200

    def wait_until_ready(self, what: str) -> None:
        """Hold it to being ready again, however long the emulation takes for that."""
        seconds = self.until(self.is_ready, PATIENT_S)
        self.check(what, seconds < PATIENT_S, f"after {seconds:.0f} s, {self.page('/ready')[1]}")

    def main_pid(self) -> int:
        """The keeper's number; 0 while there is none."""
        return int(self.ask("MainPID").get("MainPID") or 0)

    def worker_pid(self) -> int:
        """The number of the run that the keeper started; 0 while there is none."""
        found = self.run(f"pgrep --oldest --parent {self.main_pid() or 1} --full 'edgecls run'")
        return int(found.output.split()[0]) if found.code == 0 else 0

    def version(self, link: str) -> str:
        """What ``current`` or ``confirmed`` names."""
        return self.run(f"readlink {ROOT}/{link}").output

    def history(self) -> list[str]:
        """What happened to the installation, such as ``confirmed 2``."""
        lines = self.run(f"cat {ROOT}/history.jsonl").output.splitlines()
        return [f"{one['what']} {one['release']}" for one in map(json.loads, lines)]


def boot(life: Life) -> None:
    """From switched off to multi-user."""
    seconds = life.machine.start(PATIENT_S)
    life.until(
        lambda: life.run("systemctl is-active multi-user.target").output == "active", PATIENT_S
    )
    state = life.run("systemctl is-system-running --wait").output
    failed = life.run("systemctl --failed --plain --no-legend").output
    life.check("boots to multi-user", state == "running", f"{seconds:.0f} s, {state} {failed}")
    life.say(f"       {life.run('uname -a').output}")
    life.check("has a camera", life.run("test -c /dev/video0").code == 0)


def install(life: Life) -> None:
    """As a user does: ``sudo python3 BUNDLE``."""
    begin = time.monotonic()
    done = life.run(f"cd /root && python3 {life.bundles[0].name}", 3 * PATIENT_S)
    print(done.output)
    life.check("is installed", done.code == 0, f"in {time.monotonic() - begin:.0f} s")
    seen = life.ask("ActiveState", "SubState", "Type", "StatusText", "NRestarts", "UnitFileState")
    life.check("systemd has started it", seen.get("ActiveState") == "active", seen)
    life.check("it starts with the device", seen.get("UnitFileState") == "enabled")
    life.wait_until_ready("labels come from /dev/video0")
    life.check("the command is there", life.run("edgecls --version").code == 0)
    user = life.run(f"ps -o user= -p {life.worker_pid()}").output
    life.check("the run is not root's", user == "edgecls", user)
    print(life.run(f"journalctl --no-pager --output cat --unit {SERVICE} | tail -n 12").output)


def hardening(life: Life) -> None:
    """What systemd says of the unit, and what it lets the keeper do."""
    done = life.run(f"systemd-analyze verify {SERVICE}.service")
    life.check(
        "systemd-analyze verify", done.code == 0 and not done.output, done.output or "silent"
    )
    seen = life.ask(*WANTED)
    life.check("systemctl show says so", seen == WANTED, seen)
    level = life.run(f"systemd-analyze security {SERVICE}.service | tail -n 1").output
    life.say(f"       {level}")
    status = f"/proc/{life.main_pid()}/status"
    facts = life.run(f"grep -E '^(CapBnd|NoNewPrivs|Seccomp):' {status}").output.split()
    life.check("the kernel says so", facts == KERNEL_SAYS, facts)
    inside = f"nsenter --target {life.main_pid()} --mount"
    for path, may in (
        ("/etc/probe", False),
        ("/usr/probe", False),
        ("/root/probe", False),
        (f"{ROOT}/data/probe", True),
    ):
        did = life.run(f"{inside} sh -c 'touch {path} && rm {path}'")
        life.check(f"{'may' if may else 'may not'} write {path}", (did.code == 0) == may)


def hang(life: Life) -> None:
    """The run is stopped, then its keeper."""
    life.wait_until_ready("labels come")
    keeper = life.main_pid()
    _stop(life, "run", life.worker_pid)
    life.check("its keeper is the same", life.main_pid() == keeper)
    life.wait_until_ready("labels come again")
    _stop(life, "keeper", life.main_pid)
    life.wait_until_ready("labels come again")


def _stop(life: Life, what: str, pid_of: Callable[[], int]) -> None:
    """Stop a process with SIGSTOP, and see when another one takes its place, by the machine's own clock."""
    hung = pid_of()
    begin = float(life.run(f"kill -STOP {hung}; cut -d ' ' -f 1 /proc/uptime").output)
    life.until(lambda: pid_of() not in {0, hung}, PATIENT_S)
    fields = life.run(f"cat /proc/{pid_of()}/stat").output.rpartition(") ")[2].split()
    seconds = int(fields[19]) / 100 - begin  # proc(5): starttime, in hundredths since the boot
    told = life.ask("StatusText", "NRestarts")
    what = f"a {what} that hangs is another one within {WITHIN_S} s"
    life.check(what, 0 < seconds < WITHIN_S, f"after {seconds:.1f} s, {told}")


def unplug(life: Life) -> None:
    """The camera goes, and comes back."""
    life.wait_until_ready("labels come")
    device = life.run(f"basename {DRIVER}/vivid.*").output
    life.run(f"echo {device} > {DRIVER}/unbind")
    seconds = life.until(lambda: life.page("/ready")[0] == 503, PATIENT_S)
    code, told = life.page("/ready")
    life.check("unplugged: it is not ready", code == 503, f"after {seconds:.0f} s: {told}")
    life.check("its state is source_lost", "source_lost" in told)
    life.until(lambda: "source_lost" in life.ask("StatusText")["StatusText"], 60)
    seen = life.ask("ActiveState", "StatusText")
    life.check("systemd is told so", "source_lost" in seen["StatusText"], seen)
    keeper = life.main_pid()
    time.sleep(WITHIN_S)
    code, told = life.page("/live")
    life.check(f"it lives, {WITHIN_S} s later too", code == 200, told)
    life.check("nothing was started anew", life.main_pid() == keeper)
    life.run(f"echo {device} > {DRIVER}/bind")
    life.wait_until_ready("plugged in: labels come again")


def reboot(life: Life) -> None:
    """All by itself."""
    begin = time.monotonic()
    life.machine.order("systemctl reboot")
    life.machine.wait_for_boot(PATIENT_S)
    life.say(f"       rebooted in {time.monotonic() - begin:.0f} s")
    life.wait_until_ready("after a reboot, labels come by themselves")
    life.check("the service is active", life.ask("ActiveState") == {"ActiveState": "active"})


def update(life: Life) -> None:
    """To the second bundle: cut off while it is prepared, cut off while it is on trial, and then to its end."""
    new, versions = life.bundles[1].name, f"{ROOT}/versions"
    old = life.version("current")
    count = life.run(f"ls {versions} | wc -l").output
    _cut_update(life, "while it is prepared", f"test $(ls {versions} | wc -l) -gt {count}")
    life.check("the old version runs", life.version("current") == old == life.version("confirmed"))
    _cut_update(life, "while it is on trial", f"test $(readlink {ROOT}/current) != {old}")
    life.until(lambda: life.version("current") == life.version("confirmed"), PATIENT_S)
    current = life.version("current")
    life.check("the old or the new version runs", bool(current), [current, life.history()])
    life.check("and is the confirmed one", current == life.version("confirmed"))
    done = life.run(f"edgecls update --again /root/{new}")
    print(done.output)
    life.check("the same update goes to its end", done.code == 0, f"exit code {done.code}")
    life.check("the new version runs", life.version("current") == life.version("confirmed") != old)
    life.wait_until_ready("labels come from the new version")
    life.say(f"       {life.history()}")


def _cut_update(life: Life, what: str, moment: str) -> None:
    """Begin to update, switch the machine off as soon as a command succeeds, and on again."""
    new = life.bundles[1].name
    life.run(f"systemd-run --quiet --collect --unit update edgecls update --again /root/{new}")
    over = f"{moment} || ! systemctl is-active --quiet update"  # or it has failed
    seconds = life.until(lambda: life.run(over).code == 0, PATIENT_S)
    has_come = life.run(moment).code == 0
    links = [life.version("current"), life.version("confirmed")]
    told = life.run("journalctl --unit update --output cat --no-pager | tail -n 1").output
    life.machine.cut_power()
    life.check(f"cut off {what}", has_come, f"after {seconds:.0f} s, {links}, {told}")
    life.say(f"       boots again in {life.machine.start(PATIENT_S):.0f} s")
    life.wait_until_ready("labels come by themselves")
    life.say(
        f"       {life.run('journalctl --dmesg --no-pager --output cat | grep EXT4-fs').output}"
    )


STEPS = {step.__name__: step for step in (boot, install, hardening, hang, unplug, reboot, update)}


def main() -> int:
    """Live the life; return the exit code."""
    parser = argparse.ArgumentParser(description="Let a whole emulated machine live its life.")
    parser.add_argument("run", type=Path, help="a trained and exported run, of small pictures")
    parser.add_argument("--folder", type=Path, help="keep the machine here, and go on with it")
    parser.add_argument("--steps", default=",".join(STEPS), help="some of them, commas between")
    options = parser.parse_args()
    steps = options.steps.split(",")
    unknown = set(steps) - set(STEPS)
    if unknown:
        parser.error(f"Expected steps of {', '.join(STEPS)}, got {', '.join(sorted(unknown))}")
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        try:
            bundles = _prepare(options.run, folder.absolute())
            life = Life(stack.enter_context(Machine(folder.absolute())), bundles)
            for name in ["boot", *(step for step in steps if step != "boot")]:
                print(f"--- {name}: {STEPS[name].__doc__}", flush=True)
                STEPS[name](life)
        except (MachineError, RootFileSystemError, RuntimeError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    print(f"{len(life.wrong)} wrong: {life.wrong}" if life.wrong else "everything as it should be")
    return 1 if life.wrong else 0


def _prepare(run: Path, folder: Path) -> list[Path]:
    """Return two bundles and a disk on which they lie; those that are in the folder already are taken."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "disk.img").exists():
        copy = folder / NAME  # whose releases begin at 1
        left_out = shutil.ignore_patterns("bundles", "photos", "features")
        shutil.copytree(run, copy, ignore=left_out)
        key = make_key(folder)
        for photos in (4, 5):
            made = make_bundle(copy, "bookworm64", key=key, photos=photos)
            print(f"made {made.name}, {made.stat().st_size / 1e6:.0f} MB", flush=True)
            made.rename(folder / made.name)
        shutil.rmtree(copy)
        bundles = sorted(folder.glob("*.edgecls"))
        make_disk(folder, cache=default_cache(), brought=bundles, say=print)
    return sorted(folder.glob("*.edgecls"))


if __name__ == "__main__":
    sys.exit(main())
