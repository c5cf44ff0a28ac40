"""``edgecls data check`` of many photos: findings from the results of a job that looked at each."""

import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from edgecls_device.lazy import load
from edgecls_device.likeness import SIDE

from edgecls.data.check import check_looks
from edgecls.data.check_record import DataCheck
from edgecls.data.folders import FoundPhotos
from edgecls.data.looks import Look, LookedPhoto, no_look
from edgecls.scale.piece import Piece
from edgecls.scale.results import part_file

__all__ = ["check_results"]


def check_results(
    pieces: Sequence[Piece], results: Path, *, root: str, found: FoundPhotos | None = None
) -> DataCheck:
    """Compare the photos that a :class:`~edgecls.scale.check_task.CheckTask` has looked at.

    Args:
        pieces: All photos, as :func:`edgecls.scale.sources.find_pieces` gives them.
        results: The finished results of the job, as :func:`edgecls.scale.job.run_job` writes them.
        root: Where the photos are: a folder, a shard, or a URL.
        found: What lies in the folder, if they are files below one.

    Raises:
        DataError: If the name of a class cannot be a label.
        StorageError: If a part of the results cannot be read.
    """
    looks = (photo for piece in pieces for photo in _looks(piece, root, found, results))
    return check_looks(looks, root=root, found=found)


def _looks(
    piece: Piece, root: str, found: FoundPhotos | None, results: Path
) -> Iterator[LookedPhoto]:
    shard = "" if piece.kind == "files" else _shard_name(piece.location, root)
    read_rows = load("edgecls.scale.parquet_parts:read_rows", extra="shards")
    for batch in read_rows(results / part_file(piece.index)):
        for row in batch.to_pylist():
            label = row["label"]
            if label is None and found is not None:
                label = _label_of(row["key"], found)
            yield LookedPhoto(path=f"{shard}{row['key']}", label=label, look=_look(row))


def _look(row: dict[str, Any]) -> Look:
    if row["error"] is not None:
        return no_look(row["error"])
    if row["reason"] is not None:
        return Look(reason=row["reason"], detail=row["detail"])
    return Look(
        content_hash=row["content_hash"],
        size=(row["height"], row["width"]),
        thumbnail=np.frombuffer(row["thumbnail"], np.uint8).reshape(SIDE, SIDE),
    )


def _shard_name(location: str, root: str) -> str:
    """Return what tells the keys of one shard from those of another: its path below the root."""
    below = location.removeprefix(root).lstrip("/") if location != root else ""
    return f"{below or location.rpartition('/')[2]}/"


def _label_of(path: str, found: FoundPhotos) -> str:
    """Return the class of a file whose row has none as it could not be read."""
    folder = path.split("/")[1 if found.merged else 0]
    return unicodedata.normalize("NFC", folder)
