"""What our program on a device tells: where the files go, and at the end what came of it."""

import json
from dataclasses import dataclass
from typing import TypeVar, cast

from edgecls_device.errors import DeploymentError, SpecError
from edgecls_device.records import decode

from edgecls.ssh.hosts import Host

__all__ = ["Opening", "Result", "answer_of"]

SPARE_BYTES = 32_000_000  # the frame, what the measuring processes write, the record

AnswerT = TypeVar("AnswerT", "Opening", "Result")


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """The folder that it made for this visit.

    Attributes:
        folder: Its path.
        free_bytes: Room on its disk.
        time_s: The device's clock, in seconds since 1970.
    """

    folder: str
    free_bytes: int
    time_s: float

    def check_room(self, needed_bytes: int, host: Host) -> None:
        """Refuse a disk that is full.

        Args:
            needed_bytes: Of the files.
            host: For the message.

        Raises:
            DeploymentError: If there is not enough room.
        """
        wanted = needed_bytes + SPARE_BYTES
        if self.free_bytes < wanted:
            message = (
                f"Expected {wanted / 1e6:.0f} MB free on {host}, in {self.folder}, "
                f"got {self.free_bytes / 1e6:.0f} MB."
            )
            raise DeploymentError(message, hint="make room on the device")


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """How ``edgecls bench`` ended there.

    Attributes:
        exit_code: Its exit code; below 0 the signal that ended it.
        output: Its standard output.
    """

    exit_code: int
    output: str


def answer_of(kind: type[AnswerT], text: str, host: Host, last_lines: tuple[str, ...]) -> AnswerT:
    """Return what our program told.

    Args:
        kind: What is expected.
        text: What came; empty or half a line if the program or the connection ended.
        host: For messages.
        last_lines: What was said on standard error before.

    Raises:
        DeploymentError: If it is something else.
    """
    try:
        return cast("AnswerT", decode(kind, json.loads(text), kind.__name__))
    except (ValueError, SpecError) as error:
        last = f"; the last it said: {last_lines[-1]}" if last_lines else ""
        message = (
            f"Expected an answer of {host} to the benchmark's end, but the connection ended{last}"
        )
        hint = "is it still on, and reachable? nothing was written; repeat the command"
        raise DeploymentError(message, hint=hint) from error
