"""A folder of class folders as shards: few large files, which object stores and many workers like better.

A photo's bytes are copied as they are. The order is that of the hashes of the paths, so that every shard has
photos of every class.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar, Literal, TypeAlias

from edgecls_device.errors import DataError, OptionError
from edgecls_device.files import read_bytes, writing
from edgecls_device.images import MAX_IMAGE_BYTES
from edgecls_device.lazy import load

from edgecls.data.folders import FoundFile, FoundPhotos, find_photos, relative_path
from edgecls.progress import Advance
from edgecls.scale.shard_set import WrittenShards, begin_shards, shard_name, written_shards
from edgecls.scale.tar_writing import end_of_tar, tar_member

__all__ = ["PackedPhotos", "ShardFormat", "pack_photos"]

ShardFormat: TypeAlias = Literal["tar", "parquet"]

_PARQUET_WRITER = "edgecls.scale.parquet_packing:write_rows"


@dataclass(frozen=True, kw_only=True, slots=True)
class PackedPhotos:
    """What decides every byte of packed photos.

    Attributes:
        source: The folder they come from, absolute.
        content: Hash of path, size and last change of each photo.
        photos: How many.
        labels: Their classes, in the order that the numbers in ``.cls`` count.
        photos_per_shard: How many are in a shard; fewer in the last one.
        format: ``tar`` or ``parquet``.
    """

    kind: ClassVar[str] = "edgecls.packed_photos"
    version: ClassVar[int] = 1

    source: str
    content: str
    photos: int
    labels: tuple[str, ...]
    photos_per_shard: int
    format: ShardFormat


@dataclass(frozen=True, kw_only=True, slots=True)
class _Packed:
    """A photo on its way: where it is, its path below the source, its key in a tar, its class."""

    path: Path
    below: str
    key: str
    class_id: int
    label: str


def pack_photos(
    source: Path,
    out: Path,
    *,
    photos_per_shard: int = 1000,
    format: ShardFormat = "tar",  # noqa: A002 - what everybody calls it
    on_progress: Advance | None = None,
) -> WrittenShards:
    """Write the photos of a folder into shards; shards that are there already are not written again.

    Every shard is written whole or not at all, and its bytes depend on the photos and their paths alone. A
    tar has ``cats/IMG_1.jpg``, ``.cls`` with the number of the class and ``.json`` with label and path; a
    Parquet file has the columns key (the path), label and bytes.

    Args:
        source: A folder of class folders.
        out: The folder for the shards; made if there is none.
        photos_per_shard: How many photos make a shard.
        format: ``tar`` (WebDataset) or ``parquet``.
        on_progress: Called with the number of photos just packed or found.

    Raises:
        DataError: If there are no class folders, or no photos in them.
        OptionError: If ``out`` holds something else, or lies in the source.
        StorageError: If a photo cannot be read any more, or a shard not be written; those before stay.
        MissingDependencyError: If the package for Parquet is not installed.
    """
    if format == "parquet":
        load(_PARQUET_WRITER, extra="shards")  # before anything is written
    found = find_photos(source)
    out = Path(os.path.abspath(out.expanduser()))  # noqa: PTH100 - keeps links, takes a missing path
    if out.resolve().is_relative_to(found.root):
        message = f"Expected a folder outside the photos for the shards, got {str(out)!r}."
        raise OptionError(
            message, hint=f"--out {found.root.with_name(found.root.name + '-shards')}"
        )
    photos, left_out, content = _look_through(found)
    if not photos:
        message = f"Expected photos in the class folders of {str(found.root)!r}, got none that can be read."
        raise DataError(message, hint=f"edgecls data check {found.root}")
    wanted = PackedPhotos(
        source=str(found.root),
        content=content,
        photos=len(photos),
        labels=found.labels,
        photos_per_shard=photos_per_shard,
        format=format,
    )
    begin_shards(out, wanted)
    paths = list[Path]()
    packed = 0
    for begin in range(0, len(photos), photos_per_shard):
        group = photos[begin : begin + photos_per_shard]
        paths.append(out / shard_name(len(paths), format))
        if not paths[-1].exists():
            _write_shard(paths[-1], group)
            packed += 1
        if on_progress is not None:
            on_progress(len(group))
    return written_shards(
        paths, photos=len(photos), labels=found.labels, written=packed, left_out=left_out
    )


def _look_through(found: FoundPhotos) -> tuple[list[_Packed], dict[str, str], str]:
    """Return the photos in the order they are packed in, what is left out and why, and a hash of all."""
    photos, left_out = list[_Packed](), dict[str, str]()
    digest, keys = hashlib.sha256(), set[str]()
    for file in found.photos:
        below = relative_path(found.root, file.path)
        reason = _reason_to_leave_out(file)
        if reason:
            left_out[below] = reason
            continue
        status = file.path.stat()
        digest.update(f"{below}\0{status.st_size} {status.st_mtime_ns}\n".encode())
        photo = _Packed(
            path=file.path,
            below=below,
            key=_new_key(below, keys),
            class_id=file.class_id,
            label=found.labels[file.class_id],
        )
        photos.append(photo)
    photos.sort(key=lambda photo: hashlib.sha256(photo.below.encode()).digest())
    return photos, left_out, digest.hexdigest()


def _reason_to_leave_out(file: FoundFile) -> str:
    try:
        str(file.path).encode()
        if not file.path.is_file():
            return "not a file, or a link to nothing"
        if file.path.stat().st_size > MAX_IMAGE_BYTES:
            return f"larger than {MAX_IMAGE_BYTES / 1e6:.0f} MB"
    except UnicodeEncodeError:
        return "its name is not Unicode (UTF-8)"
    except OSError as error:
        return error.strerror or str(error)
    return "" if os.access(file.path, os.R_OK) else "permission denied"


def _new_key(below: str, keys: set[str]) -> str:
    """Return a path without its suffix and points, which would end a key, and unlike those before."""
    folder, slash, name = below.rpartition("/")
    stem = f"{folder}{slash}{name.rpartition('.')[0].replace('.', '_')}"
    key, number = stem, 1
    while key in keys:
        number += 1
        key = f"{stem}-{number}"
    keys.add(key)
    return key


def _write_shard(path: Path, photos: Sequence[_Packed]) -> None:
    with writing(path) as temporary:
        if path.suffix == ".parquet":
            load(_PARQUET_WRITER, extra="shards")(temporary, _rows(photos))
            return
        with temporary.open("wb") as file:
            _write_tar(file, photos)


def _rows(photos: Sequence[_Packed]) -> Iterator[tuple[str, str, bytes]]:
    for photo in photos:
        yield photo.below, photo.label, read_bytes(photo.path, max_bytes=MAX_IMAGE_BYTES)


def _write_tar(file: BinaryIO, photos: Sequence[_Packed]) -> None:
    size = 0
    for photo in photos:
        data = read_bytes(photo.path, max_bytes=MAX_IMAGE_BYTES)
        told = json.dumps({"label": photo.label, "path": photo.below}, ensure_ascii=False)
        size += file.write(tar_member(f"{photo.key}{photo.path.suffix.lower()}", data))
        size += file.write(tar_member(f"{photo.key}.cls", str(photo.class_id).encode()))
        size += file.write(tar_member(f"{photo.key}.json", told.encode()))
    file.write(end_of_tar(size))
