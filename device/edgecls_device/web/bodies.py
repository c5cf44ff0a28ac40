"""Reading what a client sends, with a limit in bytes and in seconds."""

import asyncio

from aiohttp import web

__all__ = ["RefusedError", "read_body"]


class RefusedError(Exception):
    """The request is answered with a refusal."""

    def __init__(self, status: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.hint = status, message, hint


async def read_body(request: web.Request, *, most_bytes: int, within_s: float) -> bytes:
    """Return the whole body.

    Raises:
        RefusedError: If it is too large (413), too slow (408) or malformed (400).
    """
    try:
        return await asyncio.wait_for(_read(request, most_bytes), within_s)
    except asyncio.TimeoutError as error:
        raise RefusedError(408, f"Expected the whole body within {within_s:g} s.") from error
    except (ValueError, web.RequestPayloadError) as error:
        raise RefusedError(400, f"Expected a whole body, got: {type(error).__name__}.") from error


async def _read(request: web.Request, most_bytes: int) -> bytes:
    data = bytearray()
    while chunk := await request.content.readany():
        data += chunk
        if len(data) > most_bytes:
            size = f"{most_bytes // 10**6} MB" if most_bytes >= 10**6 else f"{most_bytes} bytes"
            raise RefusedError(413, f"Expected at most {size}, got more.", "send less")
    return bytes(data)
