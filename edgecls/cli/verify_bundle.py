"""``edgecls verify BUNDLE``: what a bundle is, whose it is, whether it is whole, and what it scores here."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from edgecls_device.errors import BundleError, OptionError

from edgecls.cli.output import print_line, print_record, print_table
from edgecls.progress import progress, say

if TYPE_CHECKING:
    from edgecls_device.bundles.reading import Bundle
    from edgecls_device.bundles.trusting import Trust
    from edgecls_device.bundles.verifying import BundleVerification, CheckedMember

__all__ = ["show_bundle"]

MEGABYTE = 1_000_000
UNSIGNED = (
    "this bundle is NOT SIGNED: its hashes tell accidents, but whoever can change the file can change what "
    "it runs on a device"
)


def show_bundle(
    path: Path,
    *,
    key: Path | None,
    root: Path | None,
    backend: str | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Check a bundle and print what was found.

    Args:
        path: The bundle.
        key: File of the only key that is good enough.
        root: Directory of the installation whose keys are good enough.
        backend: Run model files on this runtime only.
        threads: Threads of one inference.
        as_json: Whether to print it as JSON.

    Raises:
        BundleError: If anything is not as it should be.
        OptionError: If an option cannot be honoured.
        StorageError: If it cannot be read.
    """
    from edgecls_device.bundles.reading import open_bundle
    from edgecls_device.bundles.verifying import verify_bundle

    if key is not None and root is not None:
        message = "Expected --key or --root to say whom to trust, got both."
        raise OptionError(message, hint="leave one of them out")
    with open_bundle(path) as bundle:
        trust, trusted_by = _trust(bundle, key, root)
        members = _hashed(bundle)
        found = verify_bundle(
            bundle, members, trust=trust, trusted_by=trusted_by, backend=backend, threads=threads
        )
    if found.signature == "unsigned":
        say(f"warning: {UNSIGNED}")
    if as_json:
        print_record(found)
    else:
        _print(found)
    if found.problems:
        raise _refusal(found)


def _refusal(found: "BundleVerification") -> BundleError:
    more = f" And {len(found.problems) - 1} more." if found.problems[1:] else ""
    name = Path(found.file).name
    message = f"Expected a bundle that can be installed, got {name!r}. {found.problems[0]}{more}"
    if not all(one.is_intact for one in found.members):
        hint = "copy the file again; if it stays so, make the bundle again"
    elif found.trials:
        hint = "see what this machine lacks: edgecls doctor"
    else:
        hint = "ask whoever made it for one that is signed by a key you trust"
    return BundleError(message, hint=hint)


def _hashed(bundle: "Bundle") -> "tuple[CheckedMember, ...]":
    from edgecls_device.bundles.verifying import check_members

    done = 0
    with progress("Hashing (MB)", _megabytes(bundle.size_bytes)) as step:

        def advance(count: int) -> None:
            nonlocal done
            before, done = done, done + count
            step(_megabytes(done) - _megabytes(before))

        return check_members(bundle, advance)


def _trust(bundle: "Bundle", key: Path | None, root: Path | None) -> "tuple[Trust, str]":
    """Return which signatures are enough, and who says so: an option, or an installation of that name."""
    import os

    from edgecls_device.bundles.finding import ROOT_VARIABLE, find_installation
    from edgecls_device.bundles.installation import DEFAULT_PARENT, Installation
    from edgecls_device.bundles.trusting import trust_for

    installation = Installation(DEFAULT_PARENT / bundle.manifest.name)
    if root is not None or os.environ.get(ROOT_VARIABLE):
        installation = find_installation(root)
    trust = trust_for(installation, key=key)
    if key is not None:
        return trust, str(key)
    return trust, str(installation.trusted) if trust.keys else ""


def _print(found: "BundleVerification") -> None:
    for label, value in _facts(found):
        click.echo(f"{label:<12}{value}")
    is_bad = found.signature == "unsigned" or (found.trusted_by and found.signature != "trusted")
    print_line(f"{'signature':<12}{_signature(found)}", style="bold red" if is_bad else "")
    _print_members(found)
    if found.trials:
        _print_trials(found)
    for note in found.notes:
        click.echo(f"note: {note}")
    if found.problems:
        for problem in found.problems:
            print_line(f"problem: {problem}", style="bold red")
        return
    print_line("Everything is as it should be.", style="bold")


def _print_members(found: "BundleVerification") -> None:
    """Show a line for each folder, and one for each damaged member; ``--json`` has every hash."""
    folders: dict[str, list[CheckedMember]] = {}
    for one in found.members:
        folders.setdefault(one.name.rpartition("/")[0], []).append(one)
    rows = [
        (
            f"{folder}/" if folder else "(top)",
            str(len(members)),
            f"{sum(one.size_bytes for one in members) / 1e6:.1f}",
            str(sum(one.is_intact for one in members)),
        )
        for folder, members in folders.items()
    ]
    print_table("Members", ("folder", "files", "MB", "with the right SHA-256"), rows)
    for one in found.members:
        if not one.is_intact:
            print_line(f"damaged: {one.name}", style="bold red")


def _facts(found: "BundleVerification") -> Iterator[tuple[str, str]]:
    target = found.target
    yield "bundle", found.file
    yield "installs", f"{found.name}, release {found.release}, as {found.installed_version}"
    yield "for", f"{target.title}: {target.architecture}, Python {target.python}"
    yield "made by", f"edgecls {found.made_by}"


def _signature(found: "BundleVerification") -> str:
    if found.signature == "unsigned":
        return "NONE: anybody can have made or changed it"
    by = f"right, by the key {found.signed_by}"
    if found.signature == "trusted":
        return f"{by}, which is trusted ({found.trusted_by})"
    if found.trusted_by:
        return f"{by}, which is NOT TRUSTED ({found.trusted_by})"
    return f"{by}; compare it with: edgecls keys show KEY.pub"


def _print_trials(found: "BundleVerification") -> None:
    columns = (
        "model file",
        "backend",
        "samples and photos",
        "same best label",
        "worst error",
        "result",
    )
    rows = [
        (
            Path(one.artifact).name,
            one.backend,
            str(one.samples),
            f"{one.same_best}/{one.samples}",
            f"{one.worst_error:.2g}",
            "FAILED" if one.failure else "passed",
        )
        for one in found.trials
    ]
    print_table("Golden samples and photos", columns, rows)


def _megabytes(size: int) -> int:
    return -(-size // MEGABYTE)
