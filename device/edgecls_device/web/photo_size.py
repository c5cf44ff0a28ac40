"""How many pixels a photo says it has, read from its first bytes: decoding it takes three bytes for each.

OpenCV refuses pictures of more than 100 million pixels; what strangers send to a small machine has to be
smaller. JPEG: ITU T.81 B.2.2. PNG: ISO 15948, 11.2.2. WebP: RFC 9649, 2.5-2.7. BMP: BITMAPINFOHEADER.
"""

__all__ = ["LARGEST_PHOTO_PIXELS", "pixels_of"]

LARGEST_PHOTO_PIXELS = 50_000_000
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset(range(0xD0, 0xD8)) | {0x01}


def pixels_of(data: bytes) -> int:
    """Return width times height; 0 if the head does not say it."""
    if data.startswith(b"\xff\xd8"):
        return _jpeg(data)
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _big(data, 16, 4) * _big(data, 20, 4)
    if data.startswith(b"BM"):
        return abs(_signed(data, 18)) * abs(_signed(data, 22))
    return _webp(data) if data[8:12] == b"WEBP" else 0


def _jpeg(data: bytes) -> int:
    place = 2
    while place + 9 <= len(data):
        if data[place] != 0xFF:
            return 0
        marker = data[place + 1]
        if marker == 0xFF:  # a fill byte
            place += 1
        elif marker in _ALONE:
            place += 2
        elif marker in _FRAMES:
            return _big(data, place + 5, 2) * _big(data, place + 7, 2)
        else:
            place += 2 + max(_big(data, place + 2, 2), 2)
    return 0


def _webp(data: bytes) -> int:
    kind = data[12:16]
    if kind == b"VP8X":
        return (_little(data, 24, 3) + 1) * (_little(data, 27, 3) + 1)
    if kind == b"VP8L":
        bits = _little(data, 21, 4)
        return ((bits & 0x3FFF) + 1) * ((bits >> 14 & 0x3FFF) + 1)
    return (_little(data, 26, 2) & 0x3FFF) * (_little(data, 28, 2) & 0x3FFF)


def _big(data: bytes, place: int, size: int) -> int:
    return int.from_bytes(data[place : place + size], "big")


def _little(data: bytes, place: int, size: int) -> int:
    return int.from_bytes(data[place : place + size], "little")


def _signed(data: bytes, place: int) -> int:
    return int.from_bytes(data[place : place + 4], "little", signed=True)
