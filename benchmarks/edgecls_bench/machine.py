"""What a measurement was made on."""

from dataclasses import dataclass, field

__all__ = ["Machine"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """A machine, as far as it decides about speed.

    Attributes:
        model: Board or CPU name, such as ``Raspberry Pi 5 Model B Rev 1.0``.
        architecture: As Python names it, such as ``aarch64``.
        cores: Cores this process may use.
        memory_bytes: Installed memory.
        system: Operating system and kernel.
        python: Python's version.
        governor: CPU frequency governor, empty where it cannot be read.
        load: Load average over one minute when the measurement began.
        packages: Versions of the packages that ran the models.
    """

    model: str
    architecture: str
    cores: int
    memory_bytes: int
    system: str
    python: str
    governor: str = ""
    load: float = 0.0
    packages: dict[str, str] = field(default_factory=dict)
