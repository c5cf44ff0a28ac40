"""The options of commands that look at many photos: where the work is done, and where its results are kept."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
from edgecls_device.errors import OptionError

from edgecls.scale.executors import EXECUTORS, Executor, ExecutorName, open_executor

__all__ = ["Spread", "executor_options", "results_option"]

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--executor",
        type=click.Choice(list(EXECUTORS)),
        help="Who does the work: processes of this machine, or Ray.  [default: local]",
    ),
    click.option(
        "--address",
        metavar="HOST:PORT",
        help="Ray that runs already, or `auto` in a job of Ray; by default it is started on this machine.",
    ),
    click.option(
        "--workers",
        type=click.IntRange(1),
        help="Pieces to work at at once.  [default: one on each core]",
    ),
)

results_option = click.option(
    "--results",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the results there, as Parquet; the same command goes on with them.",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """These options as they were given.

    Attributes:
        executor: ``--executor``; None if it was not given.
        address: ``--address``.
        workers: ``--workers``.

    Raises:
        OptionError: If they contradict each other.
    """

    executor: ExecutorName | None
    address: str | None
    workers: int | None

    def __post_init__(self) -> None:
        if self.address is not None and self.executor != "ray":
            message = f"Expected --address with --executor ray, got {self.address!r} without it."
            raise OptionError(message, hint="add --executor ray, or leave --address out")

    @property
    def is_asked(self) -> bool:
        """Whether any of them was given."""
        return any(value is not None for value in (self.executor, self.address, self.workers))

    def open(self) -> AbstractContextManager[Executor]:
        """Return the executor for a ``with`` block.

        Raises:
            ExecutorError: If the engine cannot be reached.
            MissingDependencyError: If a package that it needs is not installed.
        """
        return open_executor(self.executor or "local", address=self.address, workers=self.workers)


def executor_options(function: Decorated) -> Decorated:
    """Add these options to a command, which takes them as ``**options`` for :class:`Spread`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function
