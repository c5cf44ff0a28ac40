"""What a URL of photos says of itself: that it is one, its protocol, and the extra that brings its package."""

from pathlib import Path

__all__ = ["extra_of", "is_url", "place_of", "protocol_of"]

_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}


def is_url(location: str | Path) -> bool:
    """Return whether a location is a URL, such as ``s3://bucket/folder``, and no path."""
    return "://" in str(location)


def place_of(location: str) -> str:
    """Return a location as records name it: a URL as it is, a path absolute and without links."""
    return location.rstrip("/") if is_url(location) else str(Path(location).expanduser().resolve())


def protocol_of(url: str) -> str:
    """Return what stands before ``://``; of a chain such as ``simplecache::s3://`` the last."""
    return url.rsplit("::", 1)[-1].partition("://")[0]


def extra_of(url: str) -> str:
    """Return the extra of edgecls that brings the package for a URL."""
    return _EXTRAS.get(protocol_of(url), "shards")
