"""Zip files byte by byte, right but for what a test changes."""

import struct
import zlib

LOCAL = ("mark", "needs", "flags", "method", "time", "date", "crc", "packed", "size")
LOCAL += ("name_length", "extra_length")
CENTRAL = ("mark", "made_by", "needs", "flags", "method", "time", "date", "crc", "packed", "size")
CENTRAL += ("name_length", "extra_length", "comment_length", "disk", "internal", "mode", "place")
END = ("mark", "disk", "first_disk", "count_here", "count", "length", "place", "comment_length")
LINK, FOLDER, FILE = 0o120777 << 16, 0o040755 << 16, 0o100644 << 16


def member(name, data=b"content", *, local=None, central=None, more=b"", **both):
    """Describe one member: fields of its ``local`` header, its ``central`` one, or ``both``."""
    name = name if isinstance(name, bytes) else name.encode()
    return name, data, {**both, **(local or {})}, {**both, **(central or {})}, more


def archive(*members, prefix=b"", before_directory=b"", before_end=b"", tail=b"", **end):
    """Return the bytes of a zip file; ``end`` are fields of its last header."""
    data, directory = bytearray(prefix), bytearray()
    for name, content, local, central, more in members:
        fields = {
            "made_by": 3 << 8 | 20,
            "needs": 20,
            "date": 33,
            "crc": zlib.crc32(content),
            "packed": len(content),
            "size": len(content),
            "name_length": len(name),
            "mode": FILE,
            "place": len(data),
        }
        data += _header("<4s5H3I2H", LOCAL, b"PK\3\4", {**fields, **local})
        data += local.get("name", name) + local.get("extra", b"") + content + more
        directory += _header("<4s6H3I5H2I", CENTRAL, b"PK\1\2", {**fields, **central})
        directory += central.get("name", name) + central.get("extra", b"")
        directory += central.get("comment", b"")
    data += before_directory
    fields = {"count_here": len(members), "count": len(members), "place": len(data)}
    fields["length"] = len(directory)
    data += directory + before_end
    return bytes(data + _header("<4s4H2IH", END, b"PK\5\6", {**fields, **end}) + tail)


def _header(form, names, mark, fields):
    values = [fields.get(name, mark if name == "mark" else 0) for name in names]
    return struct.pack(form, *values)
