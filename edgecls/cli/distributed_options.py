"""The options of a command that several processes run together, and how it becomes one of them."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import click
from edgecls_device.errors import OptionError

from edgecls.distributed.guard import guard
from edgecls.distributed.membership import TIMEOUT_S, find_membership
from edgecls.distributed.place import Place

__all__ = ["RepeatableCommand", "Together", "distributed_options"]

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_ARGUMENTS = "edgecls.cli.distributed_options.arguments"
_START = """\
import sys
sys.path[:] = {path!r}
from edgecls.distributed.answering import hold_on_to_guard
hold_on_to_guard()
from edgecls.cli import main
main()
"""

_OPTIONS = (
    click.option(
        "--distributed",
        is_flag=True,
        help="Train on JAX, on all devices of all processes; torchrun and Slurm say which there are.",
    ),
    click.option(
        "--coordinator",
        metavar="HOST:PORT",
        help="Where rank 0 listens, also on the port after it.  [default: EDGECLS_COORDINATOR]",
    ),
    click.option(
        "--processes", type=int, help="How many there are.  [default: EDGECLS_PROCESSES, else 1]"
    ),
    click.option("--rank", type=int, help="Which this is, from 0.  [default: EDGECLS_RANK]"),
    click.option(
        "--timeout",
        type=float,
        metavar="SECONDS",
        help=f"How long to wait for the other processes.  [default: {TIMEOUT_S:g}]",
    ),
)


class RepeatableCommand(click.Command):
    """A command that remembers its arguments, so that a child can be given the same."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse them as ever."""
        ctx.meta[_ARGUMENTS] = (self.name, *args)
        return super().parse_args(ctx, args)


@dataclass(frozen=True, kw_only=True, slots=True)
class Together:
    """These options as they were given.

    Attributes:
        distributed: ``--distributed``.
        coordinator: ``--coordinator``; None if it was not given, like the rest.
        processes: ``--processes``.
        rank: ``--rank``.
        timeout: ``--timeout``, in seconds.

    Raises:
        OptionError: If one of the others is given without ``--distributed``.
    """

    distributed: bool
    coordinator: str | None
    processes: int | None
    rank: int | None
    timeout: float | None

    def __post_init__(self) -> None:
        others = {
            "--coordinator": self.coordinator,
            "--processes": self.processes,
            "--rank": self.rank,
            "--timeout": self.timeout,
        }
        given = [option for option, value in others.items() if value is not None]
        if given and not self.distributed:
            message = f"Expected {given[0]} with --distributed, got it without."
            raise OptionError(message, hint=f"add --distributed, or leave {given[0]} out")

    @property
    def needs_guard(self) -> bool:
        """Whether this process is to guard another one that does the work."""
        return self.distributed and Place.of_this_process() is None

    def guard(self, settings: Mapping[str, object]) -> None:
        """Run the same command in a child process that trains with all others, until all are done.

        Args:
            settings: What all processes have to agree on, by option; None is left out.

        Raises:
            EdgeclsError: See :func:`~edgecls.distributed.guard.guard`.
        """
        membership = find_membership(
            os.environ,
            coordinator=self.coordinator,
            processes=self.processes,
            rank=self.rank,
            timeout_s=TIMEOUT_S if self.timeout is None else self.timeout,
        )
        arguments = click.get_current_context().meta[_ARGUMENTS]
        command = [sys.executable, "-c", _START.format(path=sys.path), *arguments]
        agreed = {name: str(value) for name, value in settings.items() if value is not None}
        guard(command, membership, agreed)


def distributed_options(function: Decorated) -> Decorated:
    """Add these options to a command, which takes them as ``**together`` for :class:`Together`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function
