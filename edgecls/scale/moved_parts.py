"""Parts whose piece has another index now, as a shard before it was mended and has more or fewer row groups.

Between their two names they are called by the version of their piece: a command that is killed here, and then
repeated, loses and mistakes none of them.
"""

from collections.abc import Sequence
from pathlib import Path

from edgecls_device.files import storage_errors

from edgecls.scale.results import part_file

__all__ = ["put_back", "set_aside"]

_PREFIX, _SUFFIX = ".moved-", ".parquet"


def set_aside(results: Path, found: Sequence[str], wanted: Sequence[str]) -> None:
    """Rename the parts that will have another name, and remove those that nobody wants any more.

    Args:
        results: Their folder.
        found: The version of the piece of each part, by index.
        wanted: The versions by the index they will have.

    Raises:
        StorageError: If a part cannot be renamed or removed.
    """
    places = {version: index for index, version in enumerate(wanted)}
    with storage_errors("move the parts in", results):
        for index, version in enumerate(found):
            part, place = results / part_file(index), places.get(version)
            if place is None:
                part.unlink(missing_ok=True)
            elif place != index and part.exists():
                part.replace(results / f"{_PREFIX}{version}{_SUFFIX}")


def put_back(results: Path, versions: Sequence[str]) -> None:
    """Give the parts that were set aside, now or by a command that was killed, the names they have now.

    Args:
        results: Their folder.
        versions: The version of each piece, by index.

    Raises:
        StorageError: If a part cannot be renamed or removed.
    """
    with storage_errors("move the parts in", results):
        moved = list(results.glob(f"{_PREFIX}*{_SUFFIX}"))
        places = {version: index for index, version in enumerate(versions)} if moved else {}
        for part in moved:
            place = places.get(part.name.removeprefix(_PREFIX).removesuffix(_SUFFIX))
            if place is None:
                part.unlink(missing_ok=True)
            else:
                part.replace(results / part_file(place))
