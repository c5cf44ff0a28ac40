"""Look, copy, install or update, report: on one device, or on many, a share at a time until one fails."""

import asyncio
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edgecls_device.bundles.installation import DEFAULT_PARENT
from edgecls_device.bundles.manifest import Manifest
from edgecls_device.bundles.outcome import Outcome
from edgecls_device.errors import DeploymentError, EdgeclsError
from edgecls_device.records import from_json

from edgecls.deploying.plan import LOOK, Facts, Plan, facts_of, plan_for
from edgecls.deploying.report import Deployment, HostReport
from edgecls.ssh.connection import Access, Answer, Connection, connected
from edgecls.ssh.hosts import Host, batches

__all__ = ["Order", "Watcher", "deploy"]

COPIES = ".cache/edgecls"  # below the home directory: on the card, where /tmp may be in memory


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What is to be done.

    Attributes:
        bundle: The file, which was checked.
        manifest: Its manifest.
        hosts: The devices, the first one alone first.
        at_a_time: How many devices at once after the first.
        root: Where it is installed on the devices; empty for ``/opt/edgecls/<name>``.
        access: How to log in.
        is_dry_run: Whether nothing is written anywhere.
        options: More options of a first installation.
    """

    bundle: Path
    manifest: Manifest
    hosts: tuple[Host, ...]
    at_a_time: int = 1
    root: str = ""
    access: Access = field(default_factory=Access)
    is_dry_run: bool = False
    options: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Where it is installed on the devices."""
        return self.root or str(DEFAULT_PARENT / self.manifest.name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Watcher:
    """Who is told how it goes on.

    Attributes:
        say: Takes a device and a line about it.
        copied: Takes a device, bytes done and bytes in all.
    """

    say: Callable[[Host, str], None]
    copied: Callable[[Host, int, int], None]


def deploy(order: Order, watcher: Watcher) -> Deployment:
    """Bring a bundle to devices. One that fails is reported, and those after its share are left alone."""
    return asyncio.run(_deploy(order, watcher))


async def _deploy(order: Order, watcher: Watcher) -> Deployment:
    reports: list[HostReport] = []
    has_failed = False
    for batch in batches(order.hosts, order.at_a_time):
        if has_failed:
            reports += [HostReport(host=str(host), result="skipped") for host in batch]
            continue
        reports += await asyncio.gather(*(_one(host, order, watcher) for host in batch))
        has_failed = any(report.result == "failed" for report in reports)
    return Deployment(
        bundle=order.bundle.name, release=order.manifest.release, hosts=tuple(reports)
    )


async def _one(host: Host, order: Order, watcher: Watcher) -> HostReport:
    start = time.monotonic()
    seen = _Seen()
    try:
        async with connected(host, order.access) as connection:
            outcome = await _bring(connection, host, order, watcher, seen)
    except EdgeclsError as error:
        watcher.say(host, f"failed: {error.message}")
        return HostReport(
            host=str(host),
            result="failed",
            action=seen.action,
            system=seen.system,
            problem=error.message,
            hint=error.hint,
            seconds=time.monotonic() - start,
        )
    return HostReport(
        host=str(host),
        result="planned" if outcome is None else "done",
        action=seen.action,
        system=seen.system,
        outcome=outcome,
        seconds=time.monotonic() - start,
    )


@dataclass(kw_only=True, slots=True)
class _Seen:
    """How far it came, for the report of a failure."""

    system: str = ""
    action: str = ""


async def _bring(
    connection: Connection, host: Host, order: Order, watcher: Watcher, seen: _Seen
) -> Outcome | None:
    facts, plan = await _look(connection, order)
    seen.system, seen.action = facts.system, plan.action
    size = order.bundle.stat().st_size
    what = "installs" if plan.action == "install" else "updates"
    copies = f"copies {size / 1e6:.0f} MB, then " if plan.needs_copy else ""
    if order.is_dry_run:
        watcher.say(host, f"{facts.system}: would run, {copies}{what}: {plan.command}")
        return None
    watcher.say(host, f"{facts.system}: {copies}{what} release {order.manifest.release}")
    if plan.needs_copy:
        await connection.copy(
            order.bundle,
            plan.copy_to,
            advance=lambda done, total: watcher.copied(host, done, total),
        )
    answer = await connection.run(
        plan.command,
        hear=lambda line: watcher.say(host, line),
        password="" if facts.is_root else order.access.sudo_password,
    )
    outcome = _outcome(answer, host)
    await connection.ask(f"rm -f {shlex.quote(plan.copy_to)}")
    if outcome.result == "reverted":
        message = (
            f"Expected release {outcome.release} to pass its trial on {host}, got: {outcome.reason}"
        )
        raise DeploymentError(message, hint="the previous version runs; see: edgecls history")
    return outcome


async def _look(connection: Connection, order: Order) -> tuple[Facts, Plan]:
    answer = await connection.ask(LOOK)
    copy_to = (
        f"{facts_of(answer, is_installed=False, is_copied=False).home}/{COPIES}/{order.bundle.name}"
    )
    python = f"{order.place}/confirmed/environment/bin/python"
    is_installed = "yes" in await connection.ask(f"test -x {shlex.quote(python)} && echo yes")
    facts = facts_of(
        answer,
        is_installed=is_installed,
        is_copied=await connection.has_copy(copy_to, order.bundle),
    )
    plan = plan_for(
        facts,
        order.manifest,
        size_bytes=order.bundle.stat().st_size,
        root=order.place,
        copy_to=copy_to,
        options=order.options,
        asks_password=bool(order.access.sudo_password),
    )
    return facts, plan


def _outcome(answer: Answer, host: Host) -> Outcome:
    """Return what the installer said; its own error and hint where it failed."""
    if answer.exit_code == 0:
        return from_json(Outcome, answer.output, name=f"the answer of {host}")
    said = {
        kind: line.removeprefix(f"{kind}: ")
        for line in answer.last_lines
        for kind in ("error", "hint")
        if line.startswith(f"{kind}: ")
    }
    code = "a lost connection" if answer.exit_code is None else f"exit code {answer.exit_code}"
    last = answer.last_lines[-1] if answer.last_lines else ""
    message = said.get("error") or f"Expected a finished installation, got {code}. {last}".strip()
    raise DeploymentError(
        message, hint=said.get("hint", "repeat the command; what was running still runs")
    )
