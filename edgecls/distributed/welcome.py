"""What rank 0 tells all processes at the end of a meeting, when they agree."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from edgecls.distributed.wire import Wire

__all__ = ["Welcome", "reachable"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Welcome:
    """What a process knows after it.

    Attributes:
        wires: Connections by rank: rank 0 has one to each other process, the others one to rank 0.
        hosts: Name of each process's machine, by rank.
        address: Numeric address of rank 0, under which all reach it.
    """

    wires: Mapping[int, Wire]
    hosts: tuple[str, ...]
    address: str

    def own_address(self, rank: int) -> str:
        """Return the numeric address under which the others reach process ``rank``, which this is.

        Who came over loopback is on the machine of rank 0, and has its address.
        """
        return self.address if rank == 0 else reachable((self.wires[0].own_host, self.address))


def reachable(addresses: Iterable[str]) -> str:
    """Return the first of some numeric addresses that other machines reach; the first if there is none."""
    return min(addresses, key=lambda address: ip_address(address.partition("%")[0]).is_loopback)
