"""Which process this is, of how many, and where they meet: from flags, else from the usual environment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from edgecls_device.errors import OptionError

from edgecls.distributed import slurm

__all__ = ["TIMEOUT_S", "Address", "Membership", "find_membership"]

TIMEOUT_S = 120.0
"""How long processes wait for each other by default: machines of one job start within a minute or two."""

_LARGEST_PORT = 65_534  # JAX has the port after it
_MOST_PROCESSES = 512  # each is a connection of rank 0
_NUMBER = re.compile(r"[0-9]{1,9}")
"""What is taken for a port or a rank: ``isdigit`` has digits that ``int`` has not."""

_HINT = "give --coordinator HOST:PORT --processes N --rank K, or see: edgecls train --help"


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """A host and a port, written ``host:port`` or ``[v6]:port``."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Membership:
    """A process's place in its group.

    Attributes:
        coordinator: Where process 0 listens.
        processes: How many there are, at least 2.
        rank: Which this is, from 0.
        timeout_s: How long to wait for the others.
        local_rank: Which this is among those of its machine, where several share it and its GPUs; else None.
    """

    coordinator: Address
    processes: int
    rank: int
    timeout_s: float = TIMEOUT_S
    local_rank: int | None = None


def find_membership(
    variables: Mapping[str, str],
    *,
    coordinator: str | None = None,
    processes: int | None = None,
    rank: int | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Membership | None:
    """Return this process's place, or None if there is no other process.

    Each of the three is taken from the first that says it: the option, ``EDGECLS_COORDINATOR`` and so on,
    torchrun, Slurm, and for the rank an indexed Job of Kubernetes.

    Args:
        variables: The environment.
        coordinator: ``host:port`` of process 0.
        processes: How many there are.
        rank: Which this is.
        timeout_s: How long to wait for the others.

    Raises:
        OptionError: If one of them is missing or impossible; the message names the option.
    """
    count = _count("--processes", _first(processes, _said_processes(variables)))
    place = _count("--rank", _first(rank, _said_rank(variables)))
    where = coordinator or _said_coordinator(variables)
    if not 0.1 <= timeout_s <= 86_400:
        message = f"Expected --timeout of 0.1..86400 seconds, got {timeout_s:g}."
        raise OptionError(message, hint="leave it out for two minutes")
    if count == 1 and place in {None, 0}:
        return None
    if count is None and place is None and where is None:
        return None
    _refuse_missing({"--coordinator": where, "--processes": count, "--rank": place})
    return _checked(str(where), int(count or 0), int(place or 0), timeout_s, variables)


def _checked(
    where: str, count: int, place: int, timeout_s: float, variables: Mapping[str, str]
) -> Membership:
    if not 1 <= count <= _MOST_PROCESSES:
        message = f"Expected --processes to be 1..{_MOST_PROCESSES}, got {count}."
        raise OptionError(message, hint=_HINT)
    if not 0 <= place < count:
        message = f"Expected --rank to be 0..{count - 1} of {count} processes, got {place}."
        raise OptionError(message, hint="ranks count from 0, and each is given once")
    return Membership(
        coordinator=_address(where),
        processes=count,
        rank=place,
        timeout_s=timeout_s,
        local_rank=_local_rank(variables),
    )


def _said_processes(variables: Mapping[str, str]) -> str | None:
    said = variables.get("EDGECLS_PROCESSES") or variables.get("WORLD_SIZE")
    return said or slurm.processes_of(variables)


def _said_rank(variables: Mapping[str, str]) -> str | None:
    names = ("EDGECLS_RANK", "RANK", "SLURM_PROCID", "JOB_COMPLETION_INDEX")
    return next((variables[name] for name in names if variables.get(name)), None)


def _said_coordinator(variables: Mapping[str, str]) -> str | None:
    if said := variables.get("EDGECLS_COORDINATOR"):
        return said
    host, port = variables.get("MASTER_ADDR"), variables.get("MASTER_PORT")
    if host and port:
        if variables.get("TORCHELASTIC_USE_AGENT_STORE") == "True" and _NUMBER.fullmatch(port):
            port = str(int(port) + 1)  # torchrun itself listens on the first one
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return slurm.coordinator_of(variables)


def _local_rank(variables: Mapping[str, str]) -> int | None:
    """Return the place on this machine where the launcher says that several processes share it and its GPUs.

    Where it has given each its own GPU, nothing is left to choose.
    """
    if "," not in variables.get("CUDA_VISIBLE_DEVICES", ","):
        return None
    if variables.get("LOCAL_WORLD_SIZE", "1") != "1":
        said = variables.get("LOCAL_RANK", "")
    elif variables.get("SLURM_STEP_TASKS_PER_NODE", "1").partition("(")[0] != "1":
        said = variables.get("SLURM_LOCALID", "")
    else:
        return None
    return int(said) if _NUMBER.fullmatch(said) else None


def _first(given: int | None, said: str | None) -> int | str | None:
    return said if given is None else given


def _count(option: str, said: int | str | None) -> int | None:
    if said is None or isinstance(said, int):
        return said
    try:
        return int(said)
    except ValueError:
        message = f"Expected {option} to be a number, got {said!r} from the environment."
        raise OptionError(message, hint=f"give {option}, or correct the environment") from None


def _refuse_missing(found: Mapping[str, object]) -> None:
    missing = [option for option, value in found.items() if value is None]
    if missing:
        got = ", ".join(f"{option} {value}" for option, value in found.items() if value is not None)
        message = (
            f"Expected --coordinator, --processes and --rank together, got only {got}; "
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing."
        )
        names = " ".join(option.replace("--", "EDGECLS_").upper() for option in missing)
        raise OptionError(message, hint=f"{_HINT}; or set {names}")


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not _NUMBER.fullmatch(port) or not 1 <= int(port) <= _LARGEST_PORT:
        message = (
            f"Expected --coordinator as HOST:PORT with a port of 1..{_LARGEST_PORT}, got {text!r}."
        )
        raise OptionError(
            message, hint="--coordinator 10.0.0.1:7000; the port after it is used, too"
        )
    return Address(host=host, port=int(port))
