"""Asking a camera over HTTP: Basic and Digest passwords, redirects, certificates, and deadlines.

Proxies of the environment are passed by, since a camera is near.
"""

import ssl
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException, HTTPResponse
from types import MappingProxyType
from typing import cast
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit, urlunsplit

from edgecls_device.errors import SourceError

__all__ = ["ask_http"]

_WHY: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        401: ("a demand for a user and password, or other ones", "http://USER:PASSWORD@HOST/PATH"),
        403: ("a refusal", "check what the user may do, in the settings of the camera"),
        404: ("no such path", "look up the path in the manual of the camera"),
        503: ("an answer that it is busy", "close other programs that use the camera"),
    }
)


def ask_http(url: str, shown: str, *, timeout_s: float) -> HTTPResponse:
    """Send a GET request and return the answer, its body still to be read.

    Args:
        url: May hold a user and a password, percent-encoded.
        shown: The same for messages.
        timeout_s: Deadline of each wait for the network, while reading the body too.

    Raises:
        SourceError: If there is no answer, or one that is not a success.
    """
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    bare = urlunsplit((parts.scheme, host, parts.path or "/", parts.query, ""))
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    if parts.username is not None:
        passwords.add_password(None, bare, unquote(parts.username), unquote(parts.password or ""))
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPBasicAuthHandler(passwords),
        urllib.request.HTTPDigestAuthHandler(passwords),
    )
    request = urllib.request.Request(bare, headers={"User-Agent": "edgecls"})
    try:
        return cast("HTTPResponse", opener.open(request, timeout=timeout_s))
    except HTTPError as error:
        error.close()
        why, hint = _WHY.get(
            error.code, (f"HTTP {error.code}", "open the address in a browser to check it")
        )
        message = f"Expected a stream at {shown!r}, got {why}."
        raise SourceError(message, hint=hint) from None
    except (OSError, HTTPException, ValueError) as error:
        raise _unanswered(shown, error) from None


def _unanswered(shown: str, error: Exception) -> SourceError:
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        message = f"Expected a certificate that can be trusted at {shown!r}, got: {reason.verify_message}."
        hint = "trust the camera's own certificate: SSL_CERT_FILE=camera.pem edgecls run ..."
        return SourceError(message, hint=hint)
    if isinstance(reason, TimeoutError):
        said = "no answer in time"
    elif isinstance(reason, OSError) and reason.strerror:
        said = reason.strerror.lower()
    else:
        said = f"an answer that is not HTTP ({type(reason).__name__})"
    message = f"Expected a stream at {shown!r}, got {said}."
    return SourceError(message, hint="check the address, and that the camera or server is running")
