"""When, and with which packages, a record was made."""

from collections.abc import Iterable
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version

__all__ = ["installed_versions", "now"]


def now() -> str:
    """Return the time, ISO 8601, UTC, in seconds."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def installed_versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the version of each package that is installed under that name; nothing is imported."""
    versions = {}
    for name in packages:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:  # or under another name, as tensorflow-cpu is
            continue
    return versions
