"""Names and files that no bundle has: each must be refused, by reader and writer."""

import struct
import zlib

from tests.device.bundles.crafted import FILE, FOLDER, LINK, archive, member

MANIFEST = member("manifest.json", b"{}")

BAD_NAMES = {
    "out of the folder": "../evil",
    "out of it by a detour": "a/../../evil",
    "absolute": "/etc/cron.d/evil",
    "a drive": "C:/evil",
    "backslash": "..\\evil",
    "hidden": ".bashrc",
    "hidden below": "a/.ssh/authorized_keys",
    "here": "./a",
    "an empty part": "a//b",
    "a folder": "a/",
    "empty": "",
    "an option": "-rf",
    "home": "~/evil",
    "a variable": "$HOME/evil",
    "a command": "a;reboot",
    "a space": "a b",
    "a line": "a\nb",
    "a zero": "a\0b",
    "escape codes": "\x1b[2Ja",
    "right to left": "a\u202egpj.sh",
    "not ASCII": "\u00fc",
    "full width": "a\uff0fb",
    "too long": "a" * 201,
    "too deep": "a/b/c/d/e/f/g",
}

SQUEEZED = zlib.compress(bytes(10_000_000))[2:-4]
BOMB = {"method": 8, "size": 10_000_000, "crc": zlib.crc32(bytes(10_000_000))}
HALF = archive(MANIFEST)  # a whole bundle inside of another
PLACES = len(HALF) - 22
BAD_FILES = {
    "compressed": archive(MANIFEST, member("x", SQUEEZED, **BOMB)),
    "compressed, told in the directory only": archive(MANIFEST, member("x", central=BOMB)),
    "compressed, told before the content only": archive(MANIFEST, member("x", local={"method": 8})),
    "a bomb of a size": archive(MANIFEST, member("x", size=2**31)),
    "size larger": archive(MANIFEST, member("x", size=8, packed=8)),
    "size smaller": archive(MANIFEST, member("x", size=6, packed=6)),
    "two sizes": archive(MANIFEST, member("x", size=8)),
    "other size before the content": archive(MANIFEST, member("x", local={"size": 6})),
    "other name before the content": archive(MANIFEST, member("x", local={"name": b"y"})),
    "other length of a name": archive(MANIFEST, member("x", name_length=2)),
    "a very long name": archive(MANIFEST, member("x", central={"name_length": 65535})),
    "other checksum before the content": archive(MANIFEST, member("x", local={"crc": 0})),
    "other checksum": archive(MANIFEST, member("x", crc=0)),
    "a link": archive(MANIFEST, member("x", b"/etc/shadow", central={"mode": LINK})),
    "a folder": archive(MANIFEST, member("x", b"", central={"mode": FOLDER})),
    "set user": archive(MANIFEST, member("x", central={"mode": FILE | 0o4000 << 16})),
    "attributes of DOS": archive(MANIFEST, member("x", central={"mode": FILE | 0x10})),
    "made on DOS": archive(MANIFEST, member("x", central={"made_by": 20})),
    "overlapping": archive(MANIFEST, member("x"), member("y", central={"place": 45})),
    "the same content twice": archive(MANIFEST, member("x", central={"place": 0})),
    "content that is a bundle": archive(MANIFEST, member("x", HALF), place=PLACES),
    "something before": archive(MANIFEST, prefix=b"#!/bin/sh\nreboot\n"),
    "a zip before": archive(MANIFEST, prefix=HALF),
    "a zip behind": HALF + HALF,
    "a gap between members": archive(member("manifest.json", b"{}", more=b"gap"), member("x")),
    "a gap before the directory": archive(MANIFEST, before_directory=b"gap"),
    "a hidden member": archive(MANIFEST, before_directory=HALF[:PLACES]),
    "a gap before the end": archive(MANIFEST, before_end=b"gap"),
    "a gap before the end, as a part of the directory": archive(
        MANIFEST, before_end=b"gap", length=len(HALF) - 45 - 22 + 3
    ),
    "something behind": archive(MANIFEST, tail=b"x"),
    "a comment": archive(MANIFEST, tail=b"hello", comment_length=5),
    "a comment of a member": archive(
        member("manifest.json", b"{}", central={"comment": b"hi", "comment_length": 2})
    ),
    "an extra field": archive(
        member("manifest.json", b"{}", local={"extra": b"UT\1\0x", "extra_length": 5})
    ),
    "an extra field in the directory": archive(
        member("manifest.json", b"{}", central={"extra": b"UT\1\0x", "extra_length": 5})
    ),
    "zip64 sizes": archive(
        MANIFEST,
        member(
            "x", size=2**32 - 1, packed=2**32 - 1, extra_length=20,
            extra=struct.pack("<2H2Q", 1, 16, 7, 7),
        ),
    ),
    "zip64 end": archive(
        MANIFEST,
        before_end=struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, 59, 45)
        + struct.pack("<4sIQI", b"PK\6\7", 0, 104, 1),
    ),
    "zip64 count": archive(MANIFEST, count=2**16 - 1, count_here=2**16 - 1),
    "zip64 place": archive(MANIFEST, place=2**32 - 1),
    "zip64 length": archive(MANIFEST, length=2**32 - 1),
    "encrypted": archive(MANIFEST, member("x", flags=1)),
    "strongly encrypted": archive(MANIFEST, member("x", flags=65)),
    "a data descriptor": archive(
        MANIFEST,
        member(
            "x", b"content", flags=8, local={"crc": 0, "size": 0, "packed": 0},
            more=b"PK\7\x08" + struct.pack("<3I", zlib.crc32(b"content"), 7, 7),
        ),
    ),
    "the flag of UTF-8": archive(MANIFEST, member("x", flags=2048)),
    "a time": archive(MANIFEST, member("x", time=1)),
    "a date": archive(MANIFEST, member("x", date=34)),
    "text": archive(MANIFEST, member("x", central={"internal": 1})),
    "another disk": archive(MANIFEST, member("x", central={"disk": 1})),
    "several disks": archive(MANIFEST, disk=1, first_disk=1),
    "fewer members than told": archive(MANIFEST, count=2, count_here=2),
    "more members than told": archive(MANIFEST, member("x"), count=1, count_here=1),
    "counted differently": archive(MANIFEST, member("x"), count=1),
    "ten thousand members told": archive(MANIFEST, count=10_000, count_here=10_000),
    "more than ten thousand members": archive(
        MANIFEST, *(member(f"m{i:05}", b"") for i in range(10_000))
    ),
    "no member": archive(),
    "another order": archive(MANIFEST, member("b"), member("a")),
    "the manifest last": archive(member("x"), MANIFEST),
    "nothing": b"",
    "one byte": b"P",
    "only the mark": b"PK\3\4",
    "zeros": bytes(1000),
    "a text": b"hello, I am no bundle at all\n" * 9,
    "a mark and zeros": b"PK\3\4" + bytes(1000),
}  # fmt: skip
