"""Which installation a command means: the one that is named, or the only one on this device."""

import os
from collections.abc import Mapping
from pathlib import Path

from edgecls_device.bundles.installation import DEFAULT_PARENT, Installation
from edgecls_device.errors import OptionError
from edgecls_device.files import storage_errors

__all__ = ["ROOT_VARIABLE", "find_installation"]

ROOT_VARIABLE = "EDGECLS_ROOT"


def find_installation(
    root: Path | None,
    *,
    variables: Mapping[str, str] = os.environ,
    parent: Path = DEFAULT_PARENT,
) -> Installation:
    """Return an existing installation.

    Args:
        root: Its directory; by default ``$EDGECLS_ROOT``, else the only one in ``parent``.
        variables: The environment.
        parent: Where installations stand.

    Raises:
        OptionError: If there is none, or none is named and there are several.
        StorageError: If ``parent`` cannot be read.
    """
    named = root or (Path(variables[ROOT_VARIABLE]) if variables.get(ROOT_VARIABLE) else None)
    if named is not None:
        if _is_installation(named):
            return Installation(named.absolute())
        message = f"Expected the directory of an installed bundle, got {str(named)!r}."
        raise OptionError(
            message, hint=f"ls {parent}; a bundle is installed by: sudo python3 BUNDLE"
        )
    found = _installations(parent)
    if len(found) == 1:
        return Installation(found[0])
    if not found:
        message = f"Expected an installed bundle in {parent}, got none."
        raise OptionError(message, hint="name its directory: --root DIR; or install a bundle first")
    names = ", ".join(path.name for path in found)
    message = f"Expected one installed bundle in {parent}, got {len(found)}: {names}."
    raise OptionError(message, hint=f"name the one you mean: --root {found[0]}")


def _installations(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    with storage_errors("read", parent):
        return sorted(path for path in parent.iterdir() if _is_installation(path))


def _is_installation(root: Path) -> bool:
    return Installation(root).confirmed.is_symlink() or Installation(root).versions.is_dir()
