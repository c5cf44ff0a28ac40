"""The file of a bundle: an uncompressed zip that is written in one way only, and read only if written so.

Names and contents decide every byte: fixed times and modes, nothing compressed, no extra fields, no comments,
no data descriptors, no gaps. The reader rebuilds each header (``zip_headers.py``) from name, size and CRC-32
and compares it with the file, so whatever else a zip can hold (links, bombs, doubled, overlapping or hidden
entries) is not a bundle. To others it is a plain zip: ``unzip -l`` lists it, Python runs its ``__main__.py``.
"""

import os
import stat
import zlib
from collections.abc import Iterable, Iterator
from io import BufferedWriter
from pathlib import Path
from types import TracebackType

from edgecls_device.bundles.manifest import MANIFEST, SIGNATURE
from edgecls_device.bundles.names import MOST_CHARACTERS, MOST_MEMBERS, NOT_OURS, check_member_names
from edgecls_device.bundles.zip_headers import CENTRAL, END, LOCAL, Entry, Header, end_header
from edgecls_device.errors import BundleError
from edgecls_device.files import storage_errors, writing

__all__ = [
    "CHUNK_BYTES",
    "COPY_AGAIN",
    "MOST_BYTES",
    "Container",
    "is_bundle",
    "open_container",
    "write_container",
]

MOST_BYTES = 2_000_000_000
"""Of a whole file, so that no field needs zip64."""

CHUNK_BYTES = 1 << 20
SUFFIX = ".edgecls"
COPY_AGAIN = "copy the file again; if it stays so, make the bundle again"


def write_container(path: Path, members: Iterable[tuple[str, bytes | Path]]) -> None:
    """Write a bundle's file, whole or not at all; the order of ``members`` does not matter.

    Args:
        path: Where to.
        members: Name -> content, or the file that holds it.

    Raises:
        BundleError: If a name is refused, or it all gets larger than 2 GB.
        StorageError: If a file cannot be read or written.
    """
    ordered = sorted(members, key=lambda member: _rank(member[0]))
    check_member_names(name for name, _ in ordered)
    if not ordered:
        message = f"Expected members for {path.name!r}, got none."
        raise BundleError(message, hint="give manifest.json and what it lists")
    with writing(path) as temporary, temporary.open("wb") as file:
        entries = [_write_member(file, name, content) for name, content in ordered]
        place = file.tell()
        for entry in entries:
            file.write(entry.central())
        file.write(end_header(len(entries), place, file.tell() - place))
        _expect_size(file.tell(), path)


def open_container(path: Path) -> "Container":
    """Open a bundle's file and check its structure, which reads little of it.

    Raises:
        BundleError: If :func:`write_container` would have written anything else.
        StorageError: If it cannot be read.
    """
    with storage_errors("open", path):  # not to wait for whoever may write to a pipe of that name
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        return Container(path, descriptor)
    except BaseException:
        os.close(descriptor)
        raise


def is_bundle(path: Path) -> bool:
    """Whether a file begins as a bundle does, or is named as one.

    Raises:
        StorageError: If it cannot be read.
    """
    with storage_errors("read", path), path.open("rb") as file:
        head = file.read(LOCAL.size + len(MANIFEST))
    is_zip = head.startswith(b"PK\3\4") and head.endswith(MANIFEST.encode())
    return is_zip or path.suffix == SUFFIX


class Container:
    """An open bundle's file. It stays the file that was opened, also when another takes its name."""

    def __init__(self, path: Path, descriptor: int) -> None:
        """Check the structure of an open file, which is closed by :meth:`close`.

        Raises:
            BundleError: If :func:`write_container` would have written anything else.
            StorageError: If it cannot be read.
        """
        self.path = path
        self._descriptor = descriptor
        self._entries = {entry.name: entry for entry in self._directory()}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all members, in the order of the file."""
        return tuple(self._entries)

    def size(self, name: str) -> int:
        """Return the size of a member's content in bytes.

        Raises:
            BundleError: If there is none of that name.
        """
        return self._entry(name).size

    def read(self, name: str, *, max_bytes: int) -> bytes:
        """Return the content of a member.

        Raises:
            BundleError: If there is none of that name, it is larger than ``max_bytes``, or it is damaged.
            StorageError: If it cannot be read.
        """
        size = self.size(name)
        if size > max_bytes:
            message = (
                f"Expected at most {max_bytes} bytes of {name!r} in {self.path.name!r}, got {size}."
            )
            raise BundleError(message, hint=NOT_OURS)
        return b"".join(self.chunks(name))

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield the content of a member, some 1 MB at a time; the CRC-32 is checked behind the last one.

        Raises:
            BundleError: If there is none of that name, or it is damaged.
            StorageError: If it cannot be read.
        """
        entry, crc = self._entry(name), 0
        for place in range(entry.start, entry.end, CHUNK_BYTES):
            chunk = self._pread(min(CHUNK_BYTES, entry.end - place), place)
            crc = zlib.crc32(chunk, crc)
            yield chunk
        if crc != entry.crc:
            message = f"Expected {name!r} in {self.path.name!r} as it was written, got other bytes."
            raise BundleError(message, hint=COPY_AGAIN)

    def close(self) -> None:
        """Close the file; closing twice is harmless."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __enter__(self) -> "Container":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _entry(self, name: str) -> Entry:
        if name not in self._entries:
            message = f"Expected a member {name!r} in {self.path.name!r}, got none."
            raise BundleError(message, hint=NOT_OURS)
        return self._entries[name]

    def _directory(self) -> list[Entry]:
        with storage_errors("read", self.path):
            status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            message = f"Expected a bundle's file, got {str(self.path)!r}, which is no file."
            raise BundleError(message, hint="name the .edgecls file")
        _expect_size(status.st_size, self.path)
        count, place = self._counted(status.st_size)
        directory = self._pread(status.st_size - END.size - place, place)
        entries = list(self._entries_of(directory, count))
        end = entries[-1].end
        if end != place:
            message = f"Expected the directory behind the last member, at {end}, got it at {place}."
            raise BundleError(message, hint=NOT_OURS)
        self._expect_names([entry.name for entry in entries])
        return entries

    def _counted(self, size: int) -> tuple[int, int]:
        """Return how many members there are and where the directory begins, from the end of the file."""
        if size < END.size or self._pread(4, 0) != b"PK\3\4":
            message = f"Expected a bundle, got {str(self.path)!r}, which does not begin as one."
            raise BundleError(message, hint="name an .edgecls file, or copy it again")
        got = self._pread(END.size, size - END.size)
        _, _, _, _, count, length, place, _ = END.unpack(got)
        if got[:4] != b"PK\5\6" or place + length + END.size != size:
            message = (
                f"Expected the end of a bundle in {self.path.name!r}, got one cut off or added to."
            )
            raise BundleError(message, hint=COPY_AGAIN)
        is_possible = 1 <= count <= MOST_MEMBERS and got == end_header(count, place, length)
        if not is_possible or length > count * (CENTRAL.size + MOST_CHARACTERS):
            message = f"Expected an end without comment, disks or zip64 in {self.path.name!r}, got another."
            raise BundleError(message, hint=NOT_OURS)
        return count, place

    def _entries_of(self, directory: bytes, count: int) -> Iterator[Entry]:
        """Yield the members, once both of their headers are found to be the only possible ones."""
        at = place = 0
        for _ in range(count):
            header = directory[at : at + CENTRAL.size]
            if len(header) < CENTRAL.size:
                message = f"Expected {count} members in {self.path.name!r}, got fewer."
                raise BundleError(message, hint=NOT_OURS)
            start = at + CENTRAL.size
            name = directory[start : start + CENTRAL.name_length(header)]
            entry = Entry.read(header, name, place=place)
            central, local = entry.central(), entry.local()
            self._expect(CENTRAL, entry, header + name, central)
            self._expect(LOCAL, entry, self._pread(len(local), place), local)
            at, place = at + len(central), entry.end
            yield entry
        if at != len(directory):
            message = f"Expected {count} members in {self.path.name!r}, got more."
            raise BundleError(message, hint=NOT_OURS)

    def _expect(self, kind: Header, entry: Entry, got: bytes, wanted: bytes) -> None:
        if got != wanted:
            name = entry.name[:MOST_CHARACTERS]
            what = kind.difference(wanted, got) or "one name, got another before its content"
            message = f"Expected {name!a} in {self.path.name!r} with {what}."
            raise BundleError(message, hint=NOT_OURS)

    def _expect_names(self, names: list[str]) -> None:
        check_member_names(names)
        if names != sorted(names, key=_rank):
            message = f"Expected members in their order in {self.path.name!r}, got another."
            raise BundleError(message, hint=NOT_OURS)

    def _pread(self, size: int, place: int) -> bytes:
        """Return exactly ``size`` bytes."""
        parts, missing = [], size
        while missing:
            with storage_errors("read", self.path):
                part = os.pread(self._descriptor, missing, place + size - missing)
            if not part:
                message = f"Expected {place + size} bytes or more in {self.path.name!r}, got fewer."
                raise BundleError(message, hint=COPY_AGAIN)
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)


def _rank(name: str) -> tuple[int, str]:
    return {MANIFEST: 0, SIGNATURE: 1}.get(name, 2), name


def _write_member(file: BufferedWriter, name: str, content: bytes | Path) -> Entry:
    place, size, crc = file.tell(), 0, 0
    file.write(bytes(LOCAL.size + len(name)))  # the header follows when the content is known
    for chunk in [content] if isinstance(content, bytes) else _chunks_of(content):
        size, crc = size + len(chunk), zlib.crc32(chunk, crc)
        _expect_size(place + size, Path(file.name))
        file.write(chunk)
    entry = Entry(name=name, size=size, crc=crc, place=place)
    file.seek(place)
    file.write(entry.local())
    file.seek(entry.end)
    return entry


def _chunks_of(path: Path) -> Iterator[bytes]:
    with storage_errors("read", path), path.open("rb") as file:
        yield from iter(lambda: file.read(CHUNK_BYTES), b"")


def _expect_size(size: int, path: Path) -> None:
    if size > MOST_BYTES:
        message = f"Expected a bundle of at most {MOST_BYTES / 1e9:g} GB, got {path.name!r}, which is larger."
        raise BundleError(message, hint="leave out model files, or name another file")
