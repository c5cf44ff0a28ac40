"""``edgecls deploy``: bring a bundle to devices over SSH."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from edgecls_device.errors import DeploymentError, OptionError

from edgecls.cli.output import json_option, print_record, print_table
from edgecls.progress import say

if TYPE_CHECKING:
    from edgecls_device.bundles.manifest import Manifest

    from edgecls.deploying.deployment import Watcher
    from edgecls.deploying.report import Deployment, HostReport
    from edgecls.ssh.hosts import Host

__all__ = ["command"]

LINES_EVERY = 0.25  # of a copy, where there is no terminal
EPILOG = """\b
The device needs Python, SSH and nothing else. ~/.ssh/config, the agent and ~/.ssh/known_hosts are used; a
host whose key is unknown is refused: log in once with ssh and compare its fingerprint. A first bundle is
installed, a later one is an update with a trial; if it does not hold, the previous version runs again.

\b
With --hosts the first device is done alone, then a share at a time; after a failure no more are begun.
Exit code 19 if one failed.

\b
Examples:
  edgecls deploy pets-000001-bookworm64.edgecls --host pi@shed.local
  edgecls deploy pets-000002-bookworm64.edgecls --host pi@shed.local --dry-run
  edgecls deploy pets-000002-bookworm64.edgecls --hosts boards.txt --share 25%
"""


@click.command(epilog=EPILOG)
@click.argument("bundle", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--host", "hosts", multiple=True, help="A device, user@address or user@address:port.")
@click.option(
    "--hosts",
    "hosts_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file with a device a line.",
)
@click.option("--share", default="25%", show_default=True, help="How many at a time: 5, or 25%.")
@click.option("--dry-run", is_flag=True, help="Log in and look, but write nothing.")
@click.option(
    "--root", default="", help="Where it is installed there; /opt/edgecls/NAME by default."
)
@click.option(
    "--key",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The public key that must have signed the bundle.",
)
@click.option(
    "--identity",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A private key of SSH.",
)
@click.option(
    "--known-hosts",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Instead of ~/.ssh/known_hosts.",
)
@click.option(
    "--ask-sudo-password", is_flag=True, help="Ask for the password that sudo wants there."
)
@click.option("--no-service", is_flag=True, help="First installation: no systemd service.")
@json_option
def command(
    bundle: Path,
    hosts: tuple[str, ...],
    hosts_file: Path | None,
    share: str,
    dry_run: bool,
    root: str,
    key: Path | None,
    identity: Path | None,
    known_hosts: Path | None,
    ask_sudo_password: bool,
    no_service: bool,
    as_json: bool,
) -> None:
    """Copy BUNDLE to devices, install or update it there, and say what came of it."""
    from edgecls_device.lazy import load

    from edgecls.ssh.hosts import parse_share

    chosen = _hosts(hosts, hosts_file)
    at_a_time = parse_share(share, count=len(chosen))
    deploy = load("edgecls.deploying.deployment:deploy", extra="deploy")
    from edgecls.deploying.deployment import Order
    from edgecls.ssh.connection import Access

    password = ""
    if ask_sudo_password:
        password = click.prompt("Password for sudo", hide_input=True, err=True)
    order = Order(
        bundle=bundle,
        manifest=_checked(bundle, key),
        hosts=chosen,
        at_a_time=at_a_time,
        root=root.rstrip("/"),
        access=Access(identity=identity, known_hosts=known_hosts, sudo_password=password),
        is_dry_run=dry_run,
        options=("--no-service",) if no_service else (),
    )
    done = deploy(order, _watcher(chosen))
    if as_json:
        print_record(done)
    else:
        _print(done)
    _conclude(done)


def _hosts(named: tuple[str, ...], file: Path | None) -> "tuple[Host, ...]":
    from edgecls.ssh.hosts import check_distinct, parse_host, read_hosts

    if bool(named) == (file is not None):
        got = "neither" if not named else "both"
        message = f"Expected --host or --hosts, got {got}."
        raise OptionError(message, hint="edgecls deploy BUNDLE --host pi@shed.local")
    if file is not None:
        return read_hosts(file)
    hosts = tuple(parse_host(text) for text in named)
    check_distinct(hosts)
    return hosts


def _checked(path: Path, key: Path | None) -> "Manifest":
    """Check the whole bundle here, before it travels."""
    from edgecls_device.bundles.reading import Trust, open_bundle
    from edgecls_device.bundles.signing import public_key

    trust = None if key is None else Trust(keys=(public_key(key),), must_be_signed=True)
    with open_bundle(path, trust=trust) as bundle:
        bundle.check()
        if bundle.signature_state == "unsigned":
            say("warning: this bundle is not signed: devices cannot tell it from anybody else's")
        return bundle.manifest


def _watcher(hosts: "tuple[Host, ...]") -> "Watcher":
    """Tell how it goes on: a line with the device before it; a copy as a percentage."""
    from edgecls.deploying.deployment import Watcher

    width = max(len(str(host)) for host in hosts)
    told: dict[str, float] = {}

    def tell(host: "Host", line: str) -> None:
        say(f"{host!s:<{width}}  {line}")

    def copied(host: "Host", done: int, total: int) -> None:
        share = done / max(total, 1)
        step = 0.01 if sys.stderr.isatty() and len(hosts) == 1 else LINES_EVERY
        if share - told.get(str(host), 0.0) < step and done < total:
            return
        told[str(host)] = share
        line = f"{host!s:<{width}}  copying: {done / 1e6:.0f} of {total / 1e6:.0f} MB ({share:.0%})"
        if step == LINES_EVERY:
            say(line)
        else:
            sys.stderr.write(f"\r{line}" + ("\n" if done >= total else ""))
            sys.stderr.flush()

    return Watcher(say=tell, copied=copied)


def _print(done: "Deployment") -> None:
    columns = ("device", "result", "release", "runs on", "threads", "ms a frame", "s")
    print_table("", columns, [_row(report, done.release) for report in done.hosts])


def _row(report: "HostReport", release: int) -> tuple[str, ...]:
    outcome = report.outcome
    if outcome is None:
        result = f"would {report.action}" if report.result == "planned" else report.result
        return (report.host, result, str(release), "", "", "", f"{report.seconds:.0f}")
    speed = f"{outcome.p50_ms:.1f}" if outcome.p50_ms else ""
    return (
        report.host,
        outcome.result,
        str(outcome.release),
        outcome.backend,
        str(outcome.threads or ""),
        speed,
        f"{report.seconds:.0f}",
    )


def _conclude(done: "Deployment") -> None:
    failed = [report for report in done.hosts if report.result == "failed"]
    skipped = sum(report.result == "skipped" for report in done.hosts)
    if not failed:
        return
    first = failed[0]
    message = first.problem
    if len(done.hosts) > 1:
        rest = f", and {skipped} were not begun" if skipped else ""
        message = (
            f"{len(failed)} of {len(done.hosts)} devices failed{rest}. {first.host}: {message}"
        )
    raise DeploymentError(message, hint=first.hint)
