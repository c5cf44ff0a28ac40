"""The meeting before a training: every process comes to rank 0, and all agree, or all say why not.

Rank 0 listens, the others come to it and introduce themselves. It answers all of them at the same time: with a
welcome, or with the reason why there will be no training. The connections stay open for what follows.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from edgecls.distributed.arriving import arrive
from edgecls.distributed.introduction import Introduction
from edgecls.distributed.listening import listen
from edgecls.distributed.membership import Address, Membership
from edgecls.distributed.wire import Wire
from edgecls.progress import say

__all__ = ["Meeting", "meet"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Meeting:
    """Who met.

    Attributes:
        wires: Connections by rank: rank 0 has one to each other process, the others one to rank 0.
        hosts: Name of each process's machine, by rank.
        own_host: Numeric address under which the others reach this process.
        jax_coordinator: Where JAX's own coordinator is to listen: numeric, on the port after ours.
    """

    wires: Mapping[int, Wire]
    hosts: tuple[str, ...]
    own_host: str
    jax_coordinator: Address

    def close(self) -> None:
        """Close the connections; closing twice is harmless."""
        for wire in self.wires.values():
            wire.close()


def meet(membership: Membership, introduction: Introduction) -> Meeting:
    """Wait until all processes are there and agree.

    Raises:
        DistributedError: If some did not come in time (rank 0 names them, others that rank 0 does not answer),
            if one contradicts another, or if rank 0 cannot listen. Every one that came gets the same message.
    """
    where, count = membership.coordinator, membership.processes
    if membership.rank == 0:
        say(f"Rank 0 of {count}: waits at {where} for up to {membership.timeout_s:g} s.")
        welcome = listen(membership, introduction)
    else:
        say(f"Rank {membership.rank} of {count}: looks for rank 0 at {where}.")
        welcome = arrive(membership, introduction)
    return Meeting(
        wires=welcome.wires,
        hosts=welcome.hosts,
        own_host=welcome.own_address(membership.rank),
        jax_coordinator=Address(host=welcome.address, port=where.port + 1),
    )
