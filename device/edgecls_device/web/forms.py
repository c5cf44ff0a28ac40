"""A file in a form as browsers and curl send it (RFC 7578), taken out of a body that is in memory already.

aiohttp's reader warns about each malformed header, and Python remembers every warning: what a client sends
would be kept for ever.
"""

import re

__all__ = ["FORM", "file_in_form"]

FORM = "multipart/form-data"
LONGEST_HEAD_BYTES = 4000
_BOUNDARY = re.compile(r'boundary=(?:"([^"\r\n]{1,70})"|([^\s";,]{1,70}))', re.IGNORECASE)
_NAME = re.compile(
    rb'content-disposition:[^\r\n]*[;\s]name=(?:"([^"\r\n]*)"|([^\s";]+))', re.IGNORECASE
)


def file_in_form(body: bytes, content_type: str, name: str) -> bytes | None:
    """Return the content of a field; None if the form is malformed or has no such field.

    Args:
        body: The whole body.
        content_type: The header, with its boundary.
        name: The field's name, ASCII.
    """
    found = _BOUNDARY.search(content_type)
    if found is None:
        return None
    mark = b"--" + (found[1] or found[2]).encode("latin-1", "replace")
    start = 0 if body.startswith(mark) else body.find(b"\r\n" + mark) + 2
    if start == 1:
        return None
    while True:
        head = start + len(mark)
        content = body.find(b"\r\n\r\n", head, head + LONGEST_HEAD_BYTES) + 4
        end = body.find(b"\r\n" + mark, content)
        if content == 3 or end < 0 or body.startswith(b"--", head):
            return None
        field = _NAME.search(body, head, content)
        if field is not None and (field[1] or field[2]) == name.encode():
            return body[content:end]
        start = end + 2
