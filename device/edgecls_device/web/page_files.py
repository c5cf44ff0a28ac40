"""The files of the page, as they were packaged."""

from dataclasses import dataclass
from importlib.resources import files

__all__ = ["PageFile", "page_files"]

_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PageFile:
    """One file of the page.

    Attributes:
        path: Its place on the server; ``/`` for ``index.html``.
        content_type: Its media type.
        body: Its content.
    """

    path: str
    content_type: str
    body: bytes


def page_files() -> tuple[PageFile, ...]:
    """Read the page; it is small enough to stay in memory."""
    found = []
    folder = files(__package__).joinpath("page")
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        suffix = "." + entry.name.rpartition(".")[2]
        if entry.is_file() and suffix in _TYPES:
            path = "/" if entry.name == "index.html" else f"/{entry.name}"
            found.append(PageFile(path=path, content_type=_TYPES[suffix], body=entry.read_bytes()))
    return tuple(found)
