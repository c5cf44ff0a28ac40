"""What ranks above 0 do at a meeting: find rank 0, introduce themselves, wait for its answer."""

import socket
import time

from edgecls_device.errors import DistributedError
from edgecls_device.records import to_json

from edgecls.distributed.introduction import Introduction
from edgecls.distributed.membership import Membership
from edgecls.distributed.welcome import Welcome
from edgecls.distributed.wire import Wire, WireError, readable

__all__ = ["arrive"]

_RETRY_S = 0.2
_CONNECT_S = 5.0
_EXTRA_S = 15.0  # rank 0 counts its own deadline, and answers at its end


def arrive(membership: Membership, introduction: Introduction) -> Welcome:
    """Return the connection to rank 0, and what it said.

    Raises:
        DistributedError: If rank 0 does not answer in time, or refuses.
    """
    wire = Wire(_connected(membership))
    try:
        wire.send({"hello": to_json(introduction, indent=None)})
        return _answer(wire, membership)
    except BaseException:
        wire.close()
        raise


def _connected(membership: Membership) -> socket.socket:
    where, reason = membership.coordinator, ""
    deadline = time.monotonic() + membership.timeout_s
    while (left := deadline - time.monotonic()) > 0:
        try:
            connection = socket.create_connection(
                (where.host, where.port), timeout=min(left, _CONNECT_S)
            )
        except OSError as error:  # also a name that is not known yet
            reason = error.strerror or str(error)
        else:
            if connection.getsockname() != connection.getpeername():
                return connection
            connection.close()  # on one machine, a port that nobody listens on can reach itself
        time.sleep(min(_RETRY_S, max(0.0, deadline - time.monotonic())))
    message = (
        f"Expected rank 0 at {where}, but it did not answer within {membership.timeout_s:g} s"
        f"{f' ({reason})' if reason else ''}."
    )
    hint = "start rank 0 on that machine, and see that no firewall stands before that port and the next"
    raise DistributedError(message, hint=hint)


def _answer(wire: Wire, membership: Membership) -> Welcome:
    where = membership.coordinator
    deadline = time.monotonic() + membership.timeout_s + _EXTRA_S
    while (left := deadline - time.monotonic()) > 0:
        if not readable([wire], left):
            continue
        try:
            messages = wire.receive()
        except WireError as error:
            text = f"Expected rank 0 at {where}, got {error}."
            hint = "look at what rank 0 says; or something else listens on that port"
            raise DistributedError(text, hint=hint) from error
        for message in messages:
            if "refused" in message:
                raise DistributedError(str(message["refused"]), hint=str(message.get("hint", "")))
            if "welcome" in message:
                hosts = tuple(str(host) for host in message["welcome"])
                return Welcome(wires={0: wire}, hosts=hosts, address=str(message["address"]))
    text = f"Expected an answer of rank 0 at {where}, got none within {membership.timeout_s:g} s."
    raise DistributedError(text, hint="look at what rank 0 says")
