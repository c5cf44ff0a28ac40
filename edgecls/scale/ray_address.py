"""Which Ray to talk to: one on loopback alone as it is, another only where both sides use a token."""

import ipaddress
import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from edgecls_device.errors import ExecutorError, OptionError

from edgecls.scale.child import module_path

__all__ = [
    "LOOPBACK_ALONE",
    "OUTSIDE_HINT",
    "REFUSED",
    "TOKEN_HINT",
    "check_address",
    "is_loopback_alone",
    "known_address",
    "require_token",
]

LOOPBACK_ALONE = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""Set to 0, on Linux, too, it means that all processes of Ray listen and connect on loopback only."""

_SECONDS_TO_CONNECT = 10.0

_VARIABLE = "RAY_ADDRESS"

# HTTP/2, on which gRPC and so Ray speaks, begins with this from a client, and from a server with a frame of
# type SETTINGS (RFC 9113, 3.4): 9 bytes of header, of which the fourth is the type.
_HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000 04 00 00000000")
_HTTP2_HEADER_BYTES = 9
_HTTP2_SETTINGS = 4

_LISTEN = "0A"
"""State of a socket in /proc/net/tcp (TCP_LISTEN of the kernel's net/tcp_states.h)."""

REFUSED = "InvalidAuthToken"
"""What Ray prints where a cluster does not take the token, or wants one."""

_RAY = """\
import json, sys
sys.path[:] = json.loads(sys.argv.pop(1))
from ray.scripts.scripts import main
main()
"""
"""The program ``ray`` of the Python that runs this; the current directory is no place to find it."""

_SECONDS_TO_REFUSE = 30.0

TOKEN_HINT = (
    "make a token with `ray get-auth-token --generate`, copy ~/.ray/auth_token to every machine, "
    "and set RAY_AUTH_MODE=token for `ray start` and for this command"
)

OUTSIDE_HINT = (
    "run this on a machine of the cluster: its head, or one that joined it with "
    "`ray start --address HOST:PORT`"
)


def known_address(address: str, variables: Mapping[str, str] = os.environ) -> str:
    """Return an address; for ``auto`` that of the cluster which runs this program as a job.

    Args:
        address: ``HOST:PORT``, or ``auto``.
        variables: The environment, in which Ray tells its jobs the address.

    Raises:
        OptionError: If it is ``auto``, and no Ray has started this program.
    """
    if address != "auto":
        return address
    found = variables.get(_VARIABLE, "")
    if not found:
        message = f"Expected {_VARIABLE} from Ray for the address 'auto', got none."
        raise OptionError(message, hint="outside of a Ray job give --address HOST:PORT")
    return found


def check_address(address: str, variables: Mapping[str, str] = os.environ) -> None:
    """Refuse what nobody should talk to, and what does not answer.

    Whoever reaches a Ray cluster runs any code on it, and a cluster runs any code it likes here. Whether the
    cluster asks for the token is for :func:`require_token`, which needs Ray.

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
    hint = f"start it there: ray start --head --port {port}; or leave --address out"
    try:
        has_answered = _speaks_grpc((host.strip("[]"), int(port)), variables)
    except (OSError, OverflowError, UnicodeError) as error:
        message = f"Expected Ray at {address}, got no answer: {error}."
        raise ExecutorError(message, hint=hint) from error
    if not has_answered:
        message = f"Expected Ray at {address}, got the answer of something else."
        raise ExecutorError(message, hint=hint)


def _speaks_grpc(place: tuple[str, int], variables: Mapping[str, str]) -> bool:
    """Whether a gRPC server answers, as Ray's is; Ray itself asks for minutes whatever listens there.

    Raises:
        OSError: If nobody answers within a few seconds.
    """
    with socket.create_connection(place, _SECONDS_TO_CONNECT) as connection:
        if variables.get("RAY_USE_TLS", "").lower() in {"1", "true"}:  # asks for a certificate
            return True
        connection.sendall(_HTTP2_PREFACE)
        head = b""
        while len(head) < _HTTP2_HEADER_BYTES:
            some = connection.recv(_HTTP2_HEADER_BYTES - len(head))
            if not some:
                return False
            head += some
    return head[3] == _HTTP2_SETTINGS


def require_token(address: str, variables: Mapping[str, str] = os.environ) -> None:
    """Refuse a cluster that takes anybody, unless only this machine reaches it.

    That this side shows a token says nothing: a cluster that wants none takes whoever shows one, too. So it is
    asked once without.

    Args:
        address: ``HOST:PORT`` of a cluster's head, which answers.
        variables: The environment.

    Raises:
        ExecutorError: If it does not refuse that.
    """
    if is_loopback_alone(address):
        return
    command = [
        sys.executable,
        "-c",
        _RAY,
        json.dumps(module_path()),
        "status",
        "--address",
        address,
    ]
    stranger = {
        **{name: value for name, value in variables.items() if not name.startswith("RAY_AUTH_")},
        "RAY_AUTH_MODE": "disabled",
    }
    try:
        asked = subprocess.run(
            command,
            env=stranger,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS_TO_REFUSE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        got = f"no answer within {_SECONDS_TO_REFUSE:.0f} s"
    else:
        if asked.returncode != 0 and REFUSED in asked.stderr:
            return
        last = asked.stderr.strip().rpartition("\n")[2]
        got = f"another answer: {last}" if asked.returncode else "one that takes anybody"
    message = f"Expected a Ray cluster at {address} that refuses who shows no token, got {got}."
    raise ExecutorError(message, hint=f"{TOKEN_HINT}; then start the cluster anew")


def is_loopback_alone(address: str) -> bool:
    """Whether what listens at an address, here on loopback, is reached from nowhere else.

    Ray replaces a loopback address by that of the machine, unless it was told to stay on loopback.
    """
    host, _, port = address.rpartition(":")
    if not _is_loopback(host):
        return False
    places = list(_listening(int(port)))
    return bool(places) and all(place.is_loopback for place in places)


def _listening(port: int) -> Iterator[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """Yield the addresses at which any process of this machine listens at a port; see proc(5)."""
    for table in ("tcp", "tcp6"):
        try:
            rows = Path("/proc/net", table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:  # no Linux, or one without IPv6
            continue
        for row in rows:
            _, local, _, state, *_ = row.split()
            host, _, local_port = local.partition(":")
            if state == _LISTEN and int(local_port, 16) == port:
                words = [int(host[start : start + 8], 16) for start in range(0, len(host), 8)]
                place = ipaddress.ip_address(struct.pack(f"={len(words)}I", *words))
                yield getattr(place, "ipv4_mapped", None) or place


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
