"""Manifests and zip files that are nearly right."""

import copy
import json
import struct

__all__ = ["fuzzed_archive", "fuzzed_manifest", "fuzzed_text"]

VALUES = (
    None, True, False, 0, 1, -1, 2**31, 2**32, 2**64, 10**400, 0.5, 1e308, -0.0, "", "a", "..", "../x",
    "/etc/passwd", "a/b", "A", "\x00", "\x1b[2J", "\u202e", "\ud800", "\U0001f600", "x" * 300, "0" * 64,
    "manifest.json", "signer.pem", "README.txt", "edgecls.bundle", [], [[]], [None], {}, {"": {}}, ["a"] * 50,
    {"name": "a"},
)  # fmt: skip
WORDS = (
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b",",
    b":",
    b"\\",
    b"null",
    b"NaN",
    b"1e999",
    b"-Infinity",
    b"\\ud800",
)
WORDS += (
    b"\x00",
    b"\xff",
    b"\xc0\xaf",
    b"\xef\xbb\xbf",
    b"[" * 5000,
    b"9" * 5000,
    b"\r\n",
    b"/*",
    b"'",
)
NUMBERS = (0, 1, 2, 8, 20, 45, 46, 0x7FFF, 0xFFFE, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)
MARKS = (b"PK\3\4", b"PK\1\2", b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\7\x08")


def fuzzed_manifest(body, dice) -> bytes:
    """Change one to three fields of a manifest, as JSON."""
    changed = [copy.deepcopy(body)]
    for _ in range(dice.randrange(1, 4)):
        holder, key = _place(changed, dice)
        if holder is changed:
            changed[0] = copy.deepcopy(dice.choice(VALUES))
        else:
            _change(holder, key, dice)
    text = json.dumps(changed[0], indent=2, ensure_ascii=dice.random() < 0.1) + "\n"
    return text.encode("utf-8", "surrogatepass")


def fuzzed_text(text, dice) -> bytes:
    """Change a manifest's text: bytes and words put in, taken out and moved."""
    data = bytearray(text.encode())
    for _ in range(dice.randrange(1, 6)):
        place, length = dice.randrange(len(data) + 1), dice.choice((1, 1, 1, 5, 50, 500))
        how = dice.randrange(5)
        if how == 0:
            data[place:place] = dice.choice(WORDS)
        elif how == 1:
            del data[place : place + length]
        elif how == 2:
            data[place : place + length] = dice.randbytes(min(length, 20))
        elif how == 3:
            start = dice.randrange(len(data) + 1)
            data[place:place] = data[start : start + length]
        elif place < len(data):
            data[place] ^= 1 << dice.randrange(8)
    return bytes(data)


def fuzzed_archive(original, dice) -> bytes:
    """Change a zip file in one to four ways."""
    data = bytearray(original)
    while bytes(data) == original:
        for _ in range(dice.randrange(1, 5)):
            dice.choice(_WAYS)(data, dice)
    return bytes(data)


def _place(changed, dice):
    """Return where a value is: any, as deep as it goes."""
    holder, key = changed, 0
    while True:
        value = holder[key]
        keys = list(value) if isinstance(value, dict) else []
        keys = list(range(len(value))) if isinstance(value, list) else keys
        if not keys or dice.random() < 0.1:
            return holder, key
        holder, key = value, dice.choice(keys)


def _change(holder, key, dice) -> None:
    value, how = holder[key], dice.randrange(6)
    if how == 0 and len(holder) > 1:
        del holder[key]
    elif how == 1 and isinstance(holder, dict):
        holder[dice.choice(("more", "", "kind", "version", "__class__"))] = copy.deepcopy(
            dice.choice(VALUES)
        )
    elif how == 2 and isinstance(holder, list):
        holder.insert(dice.randrange(len(holder) + 1), copy.deepcopy(dice.choice(holder)))
    elif how == 3 and isinstance(value, str):
        place = dice.randrange(len(value) + 1)
        holder[key] = (
            value[:place]
            + dice.choice(("x", "/", "..", "\n", "\x7f", "\u00e4", " "))
            + value[place:]
        )
    elif how == 4 and type(value) is int:
        holder[key] = value + dice.choice((-1, 1, 2**40))
    else:
        holder[key] = copy.deepcopy(dice.choice(VALUES))


def _flip(data, dice) -> None:
    for _ in range(dice.randrange(1, 20)):
        if data:
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def _field(data, dice) -> None:
    """Give a field of some header another value."""
    mark = dice.choice(MARKS[:3])
    places, start = [], data.find(mark)
    while start >= 0:
        places.append(start)
        start = data.find(mark, start + 4)
    if places:
        form = dice.choice(("<H", "<I"))
        at = dice.choice(places) + 2 * dice.randrange(24)
        if at + 4 <= len(data):
            number = dice.choice((*NUMBERS, len(data), at, dice.randrange(2**16)))
            struct.pack_into(form, data, at, number & (0xFFFF if form == "<H" else 0xFFFFFFFF))


def _cut(data, dice) -> None:
    start = dice.randrange(len(data) + 1)
    del data[start : start + dice.choice((1, 4, 22, 30, 46, 100, 10_000))]


def _tail(data, dice) -> None:
    del data[dice.randrange(len(data) + 1) :]


def _put_in(data, dice) -> None:
    place = dice.randrange(len(data) + 1)
    data[place:place] = dice.choice(
        (dice.randbytes(4), bytes(22), dice.choice(MARKS), b"/../", b"\xff" * 8)
    )


def _double(data, dice) -> None:
    start, place = dice.randrange(len(data) + 1), dice.randrange(len(data) + 1)
    data[place:place] = data[start : start + dice.choice((4, 22, 46, 200, 2000))]


def _rename(data, dice) -> None:
    """Give one name, wherever it stands, another of the same length."""
    old = dice.choice((b"README.txt", b"install.sh", b"manifest.json", b"wheels/pip.whl"))
    new = dice.choice((b"../../", b"/", b"\\", b"A", b".", b"\x00", b"README.txt"))
    changed = (new * len(old))[: len(old)] if dice.random() < 0.5 else new + old[len(new) :]
    data[:] = data.replace(old, changed[: len(old)], dice.choice((1, -1)))


def _twice(data, dice) -> None:
    data[:] = (
        data + data if dice.random() < 0.5 else bytes(data[: dice.randrange(len(data) + 1)]) + data
    )


_WAYS = (_flip, _flip, _field, _field, _field, _cut, _tail, _put_in, _double, _rename, _twice)
