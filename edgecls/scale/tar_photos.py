"""Photos in a tar (WebDataset), read as a stream: what belongs to one photo stands side by side in it.

``key.jpg`` is a photo, ``key.cls``, ``key.txt`` or ``key.json`` beside it says its class, else the folder it
lies in does. The key is the path up to the first point of the name. Nothing is unpacked: a name that leads
elsewhere, a link or a device does no harm.
"""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from edgecls_device.errors import DataError, EdgeclsError
from edgecls_device.images import IMAGE_SUFFIXES, MAX_IMAGE_BYTES

from edgecls.scale.filesystems import is_hidden
from edgecls.scale.photo_labels import LABEL_SUFFIXES, label_beside
from edgecls.scale.piece import ShardPhoto

__all__ = ["read_tar"]

MAX_TEXT_BYTES = 1 << 20
MAX_HEADER_BYTES = 1 << 20  # of one member, with its pax records
MOST_PICTURES = 8  # of one key, of which one is the photo: more are photos of their own
_BLOCK_BYTES = 512


@dataclass(kw_only=True, slots=True)
class _Picture:
    """A picture of a key: its name without the suffix, and its bytes or why there are none."""

    name: str
    data: bytes
    error: str = ""


@dataclass(kw_only=True, slots=True)
class _Sample:
    """What was read of one key so far."""

    key: str
    photos: list[_Picture] = field(
        default_factory=list
    )  # key.jpg; all but the first without their bytes
    others: list[_Picture] = field(default_factory=list)  # key.mask.png, or an IMG.2021.jpg
    texts: dict[str, bytes] = field(default_factory=dict)
    text_error: str = ""

    @property
    def is_full(self) -> bool:
        held = sum(len(picture.data) for picture in self.others)
        return len(self.others) >= MOST_PICTURES or held > MAX_IMAGE_BYTES


class _Watched:
    """A stream that knows how far it was read, and that a header is not as large as the rest of the file."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._last = b""
        self.position = 0
        self.limit = MAX_HEADER_BYTES

    def read(self, size: int) -> bytes:
        """Read the next bytes, as tarfile asks for them."""
        if self.position > self.limit:
            message = f"a header of more than {MAX_HEADER_BYTES} bytes"
            raise tarfile.ReadError(message)
        data = self._stream.read(size)
        if data:
            self._last = data
            self.position += len(data)
        return data

    def ends_at(self, offset: int) -> bool:
        """Return whether from ``offset`` on there are zeros only, at least a block of them."""
        rest = self._last[offset - (self.position - len(self._last)) :]
        if len(rest) < _BLOCK_BYTES:
            return False
        while not rest.strip(b"\0"):
            rest = self._stream.read(MAX_HEADER_BYTES)
            if not rest:
                return True
        return False


def read_tar(stream: BinaryIO, *, name: str) -> Iterator[ShardPhoto]:
    """Yield the photos of a tar, one in memory at a time.

    A photo that is larger than 200 MB, a link, has a label that is none, or a key that came before, has an
    ``error``.

    Args:
        stream: The tar, at its begin; not compressed.
        name: What to call it in messages.

    Raises:
        DataError: If it is no tar, damaged or cut off, or has no photo in it.
    """
    watched, seen = _Watched(stream), set[str]()
    try:
        with tarfile.open(fileobj=watched, mode="r|", errorlevel=1) as tar:  # type: ignore[call-overload]
            yield from _each_key_once(_photos(tar, watched), seen)
            is_whole = watched.ends_at(tar.offset)
    except EdgeclsError:
        raise
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        raise _damaged(name, str(error)) from error
    if not is_whole:
        raise _damaged(name, "it is cut off, or goes on with something else")
    if not seen:
        message = f"Expected photos in the tar {name!r}, got none."
        raise DataError(
            message, hint="it takes members such as cats/0001.jpg, or 0001.jpg and 0001.cls"
        )


def _damaged(name: str, reason: str) -> DataError:
    message = f"Expected a whole tar in {name!r}, got a damaged one: {reason}."
    return DataError(message, hint=f"copy or make it again; to see more: tar -tvf {name}")


def _each_key_once(photos: Iterator[ShardPhoto], seen: set[str]) -> Iterator[ShardPhoto]:
    for photo in photos:
        if photo.key in seen:
            yield _failed(photo.key, photo.error or "its key came before in this shard")
        else:
            seen.add(photo.key)
            yield photo


def _photos(tar: tarfile.TarFile, watched: _Watched) -> Iterator[ShardPhoto]:
    sample: _Sample | None = None
    while member := _next(tar, watched):
        name = _clean(member.name)
        if member.isdir() or not name or is_hidden(name):
            continue
        key = _key(name)
        if sample is None or sample.key != key or sample.is_full:
            if sample is not None:
                yield from _finished(sample)
            sample = _Sample(key=key)
        _take(tar, member, name, sample)
    if sample is not None:
        yield from _finished(sample)


def _next(tar: tarfile.TarFile, watched: _Watched) -> tarfile.TarInfo | None:
    """Return the next member; tarfile would keep all of them."""
    watched.limit = max(tar.offset, watched.position) + MAX_HEADER_BYTES
    member = tar.next()
    tar.members.clear()  # type: ignore[attr-defined]
    watched.limit = max(tar.offset, watched.position) + MAX_HEADER_BYTES
    return member


def _clean(name: str) -> str:
    """Return a member's name as a path below the tar, whatever it says of folders above."""
    text = name.encode("utf-8", "backslashreplace").decode()
    return "/".join(part for part in text.split("/") if part not in {"", ".", ".."})


def _key(name: str) -> str:
    folder, slash, base = name.rpartition("/")
    return f"{folder}{slash}{base.partition('.')[0]}"


def _take(tar: tarfile.TarFile, member: tarfile.TarInfo, name: str, sample: _Sample) -> None:
    """Read a member into its sample, if it is a photo or may be a label."""
    extension = name[len(sample.key) + 1 :].lower()
    if extension in LABEL_SUFFIXES:
        sample.text_error = sample.text_error or _reason_to_refuse(member, MAX_TEXT_BYTES)
        sample.texts[extension] = b"" if sample.text_error else _content(tar, member)
        return
    if f".{extension.rpartition('.')[2]}" not in IMAGE_SUFFIXES:
        return
    is_photo = "." not in extension
    error = _reason_to_refuse(member, MAX_IMAGE_BYTES)
    if is_photo and sample.photos:
        error = "another picture has the same key"
    data = b"" if error else _content(tar, member)
    picture = _Picture(name=name.rpartition(".")[0], data=data, error=error)
    (sample.photos if is_photo else sample.others).append(picture)


def _reason_to_refuse(member: tarfile.TarInfo, most_bytes: int) -> str:
    if member.issym() or member.islnk():
        return "a link in the tar, not a file"
    if not member.isfile():
        return "not a file"
    if member.size > most_bytes:
        return f"larger than {most_bytes / 1e6:.0f} MB"
    return ""


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    return b"" if file is None else file.read()


def _finished(sample: _Sample) -> Iterator[ShardPhoto]:
    """Yield the photo of a key; pictures such as ``key.mask.png`` only where there is no ``key.jpg``."""
    folder = sample.key.rpartition("/")[0].rpartition("/")[2]
    for picture in sample.photos or sample.others:
        error = picture.error or sample.text_error
        try:
            label = None if error else label_beside(sample.texts, folder=folder)
        except DataError as refused:
            error, label = refused.message, None
        if error:
            yield _failed(picture.name, error)
        else:
            yield ShardPhoto(key=picture.name, label=label, data=picture.data)


def _failed(key: str, error: str) -> ShardPhoto:
    return ShardPhoto(key=key, label=None, data=b"", error=error)
