"""Which Ray to talk to: on loopback as it is, elsewhere only where both sides show a token."""

import ipaddress
import os
import socket
from collections.abc import Mapping
from pathlib import Path

from edgecls_device.errors import ExecutorError, OptionError

__all__ = ["LOOPBACK_ALONE", "TOKEN_HINT", "check_address", "is_loopback_alone"]

LOOPBACK_ALONE = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""Set to 0, on Linux, too, it means that all processes of Ray listen and connect on loopback only."""

_SECONDS_TO_CONNECT = 10.0

TOKEN_HINT = (
    "make a token with `ray get-auth-token --generate`, copy ~/.ray/auth_token to every machine, "
    "and set RAY_AUTH_MODE=token for `ray start` and for this command"
)


def check_address(address: str, variables: Mapping[str, str] = os.environ) -> None:
    """Refuse what nobody should talk to, and what does not answer.

    Whoever reaches a Ray cluster runs any code on it, and a cluster runs any code it likes here.

    Args:
        address: ``HOST:PORT`` of a cluster's head.
        variables: The environment, where Ray looks for its token.

    Raises:
        ExecutorError: If nothing answers there, or it is another machine's and there is no token.
        OptionError: If it is no such address.
    """
    host, _, port = address.rpartition(":")
    if not host or "/" in address or not (port.isascii() and port.isdigit()):
        message = f"Expected HOST:PORT of a Ray cluster, such as 10.0.0.1:6379, got {address!r}."
        raise OptionError(message, hint="`ray status` on the head says its address")
    if not _is_loopback(host) and not _has_token(variables):
        message = f"Expected token authentication for Ray on another machine ({host}), got none."
        raise ExecutorError(message, hint=TOKEN_HINT)
    try:
        socket.create_connection((host.strip("[]"), int(port)), _SECONDS_TO_CONNECT).close()
    except (OSError, OverflowError) as error:
        message = f"Expected Ray at {address}, got no answer: {error}."
        hint = f"start it there: ray start --head --port {port}; or leave --address out"
        raise ExecutorError(message, hint=hint) from error


def is_loopback_alone(address: str) -> bool:
    """Whether a Ray on this machine answers on loopback, but not on the address under which Ray looks for it.

    Ray replaces a loopback address by that of the machine, unless it was told to stay on loopback.
    """
    host, _, port = address.rpartition(":")
    if not _is_loopback(host):
        return False
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
            route.connect(
                ("192.0.2.1", 1)
            )  # RFC 5737, sends nothing: it says which address would be used
            outward = route.getsockname()[0]
        socket.create_connection((outward, int(port)), _SECONDS_TO_CONNECT).close()
    except OSError:
        return True
    return False


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:  # a name: what it resolves to now says nothing about a moment later
        return False


def _has_token(variables: Mapping[str, str]) -> bool:
    """Whether Ray will show a token, from where it takes it in this order."""
    if variables.get("RAY_AUTH_MODE", "").lower() != "token":
        return False
    if variables.get("RAY_AUTH_TOKEN", "").strip():
        return True
    named = variables.get("RAY_AUTH_TOKEN_PATH", "")
    path = Path(named) if named else Path.home() / ".ray" / "auth_token"
    try:
        return bool(path.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError):
        return False
