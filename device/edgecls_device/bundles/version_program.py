"""How a version is started: its own Python, the model file that the device chose, and a user without rights."""

import hashlib
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from edgecls_device.bundles.installation import Installation
from edgecls_device.bundles.manifest import MANIFEST, Manifest
from edgecls_device.bundles.tuning import TUNING, Tuning
from edgecls_device.errors import OptionError, SpecError
from edgecls_device.files import read_bytes, storage_errors
from edgecls_device.records import from_json
from edgecls_device.service.toml_lines import read_toml
from edgecls_device.service.watch import WorkerProgram

__all__ = ["PYTHON", "Account", "find_account", "version_program"]

PYTHON = "environment/bin/python"
MOST_CONFIG_BYTES = 65_536
MOST_TUNING_BYTES = 1_000_000
MOST_MANIFEST_BYTES = 4_000_000
CHUNK_BYTES = 1 << 20
UMASK = 0o027


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """Who a worker runs as.

    Attributes:
        name: The user's name; empty if it has none.
        user: Number of the user.
        group: Number of its own group.
        groups: Numbers of the groups it is in, such as ``video``.
    """

    name: str
    user: int
    group: int
    groups: tuple[int, ...]


def find_account(installation: Installation) -> Account | None:
    """Return who versions run as: whoever owns ``data/``, if that is not who runs this and this is root.

    Raises:
        StorageError: If there is no such folder.
    """
    with storage_errors("read", installation.data):
        owner = installation.data.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        return None
    try:
        entry = pwd.getpwuid(owner.st_uid)
    except KeyError:  # a user that is no longer in the list has no groups either
        return Account(name="", user=owner.st_uid, group=owner.st_gid, groups=())
    return Account(
        name=entry.pw_name,
        user=entry.pw_uid,
        group=entry.pw_gid,
        groups=tuple(os.getgrouplist(entry.pw_name, entry.pw_gid)),
    )


def version_program(
    installation: Installation, version: str, account: Account | None
) -> WorkerProgram:
    """Return what to start for a version.

    The version's folder is named, and not ``current``, which may name another one before the worker has read
    its model. Python is isolated (``-I``): nothing is imported from the folder that the worker may write.

    Args:
        installation: Where.
        version: The folder's name.
        account: Who it runs as; None for whoever runs this.

    Raises:
        OptionError: If the configuration is no TOML, or names a model file: that is the bundle's part.
        SpecError: If the device's choice is damaged, or the model file is not the one that was installed.
        StorageError: If one of them cannot be read.
    """
    folder = installation.version(version)
    path = folder / TUNING
    tuning = from_json(Tuning, read_bytes(path, max_bytes=MOST_TUNING_BYTES), name=str(path))
    _check_model(folder, tuning.artifact)
    named = _options(installation)
    command = [folder / PYTHON, "-I", "-m", "edgecls", "run", folder / tuning.artifact]
    command += ["--config", installation.config]
    if "backend" not in named:
        command += ["--backend", tuning.backend]
    if "threads" not in named and tuning.threads:
        command += ["--threads", tuning.threads]
    variables = {"HOME": str(installation.data)}
    options: dict[str, object] = {"cwd": installation.data, "umask": UMASK}
    if account is not None:
        variables |= dict.fromkeys(("USER", "LOGNAME"), account.name)
        options |= {"user": account.user, "group": account.group, "extra_groups": account.groups}
    return WorkerProgram(
        command=tuple(str(word) for word in command),
        variables=variables,
        options=options,
        keeps_words=True,
    )


def _check_model(folder: Path, artifact: str) -> None:
    """Refuse a model file that a disk has changed: most that have a wrong bit load and run all the same."""
    manifest = folder / MANIFEST
    if not manifest.exists():
        return
    data = read_bytes(manifest, max_bytes=MOST_MANIFEST_BYTES)
    member = from_json(Manifest, data, name=str(manifest)).member(artifact)
    path, digest = folder / artifact, hashlib.sha256()
    with storage_errors("read", path), path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    if digest.hexdigest() != member.sha256:
        message = f"Expected the model file {path} as it was installed, got it changed."
        raise SpecError(
            message, hint="check the disk, then install a new release: edgecls update BUNDLE"
        )


def _options(installation: Installation) -> set[str]:
    """Return the options that the configuration names; one that is not there names none."""
    path = installation.config
    if not path.exists():
        return set()
    values = read_toml(read_bytes(path, max_bytes=MOST_CONFIG_BYTES), name=str(path))
    lines = {"-".join(value.path): value.line for value in values}
    if "artifact" in lines:
        message = (
            f"Expected no model file in {path}, line {lines['artifact']}: the bundle brings it."
        )
        raise OptionError(message, hint="remove the line")
    return set(lines)
