"""Removing what an installation no longer needs: old versions, their environments, and what a kill left.

A folder that goes is first renamed to a hidden name: a kill in the middle leaves something that is garbage by
its name, never a version that looks whole.
"""

import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from edgecls_device.bundles.installation import Installation, sync_directory
from edgecls_device.bundles.locks import switching
from edgecls_device.bundles.state import State
from edgecls_device.files import storage_errors

__all__ = ["clean", "needed_versions"]

REMOVED = ".removed-"


def needed_versions(installation: Installation, state: State) -> tuple[str, ...]:
    """Return the versions that must stay: the one that runs, the confirmed and the previous one."""
    named = (installation.current_version(), installation.confirmed_version(), state.previous)
    return tuple(dict.fromkeys(name for name in named if name))


def clean(installation: Installation, state: State, *, environment: str = "") -> tuple[str, ...]:
    """Remove versions and environments that nobody needs; return their names.

    Args:
        installation: Where; nobody else may change it meanwhile.
        state: Its state.
        environment: Digest of an environment that is wanted next: it stays although no version has it yet.

    Raises:
        StorageError: If something cannot be removed.
    """
    versions = needed_versions(installation, state)
    environments = {name for name in (environment[:12],) if name}
    environments |= set(_environments_of(installation, versions))
    removed = [
        *_remove_others(installation.versions, versions),
        *_remove_others(installation.environments, environments),
        *_remove_unfinished(installation),
    ]
    return tuple(removed)


def _environments_of(installation: Installation, versions: Collection[str]) -> Iterator[str]:
    for name in versions:
        link = installation.version(name) / "environment"
        if link.is_symlink():
            yield link.readlink().name


def _remove_others(folder: Path, needed: Collection[str]) -> Iterator[str]:
    with storage_errors("clean", folder):
        unneeded = sorted(path for path in folder.iterdir() if path.name not in needed)
        for path in unneeded:  # hidden ones come first, so the name below is free
            hidden = path
            if not path.name.startswith("."):
                hidden = path.rename(path.with_name(f"{REMOVED}{path.name}"))
                yield path.name
            _remove(hidden)
        if unneeded:
            sync_directory(folder)


def _remove_unfinished(installation: Installation) -> Iterator[str]:
    """Remove what was being unpacked or written when a kill came; other hidden files are not ours."""
    root = installation.root
    with (
        switching(installation),
        storage_errors("clean", root),
    ):  # the keeper may write the state now
        for path in sorted(root.glob(".*")):
            if (path.is_dir() and not path.is_symlink()) or path.name.startswith(".state."):
                _remove(path)
                yield path.name


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
