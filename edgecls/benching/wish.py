"""What is to be measured on other machines."""

from dataclasses import dataclass, field

from edgecls_device.artifact import Artifact

from edgecls.ssh.connection import Access
from edgecls.ssh.hosts import Host

__all__ = ["Wish"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What is to be measured, and where.

    Attributes:
        hosts: The devices, one after the other.
        artifacts: The model files.
        frame: Height and width in pixels of the frame.
        options: More words of ``edgecls bench`` that are meant for the device, such as ``--threads 1,2
            --quick``; never ``--json``, ``--frame``, ``--strict`` or what concerns the run.
        python: The device's Python that has edgecls; empty to look for it.
        access: How to log in.
    """

    hosts: tuple[Host, ...]
    artifacts: tuple[Artifact, ...]
    frame: tuple[int, int] = (480, 640)
    options: tuple[str, ...] = ()
    python: str = ""
    access: Access = field(default_factory=Access)
