"""Progress on long work: a bar where there is a terminal, plain lines where there is none."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

__all__ = ["Advance", "progress", "say"]

LINE_INTERVAL_S = 10.0
REFRESHES_PER_S = 2.0  # seldom: drawing the bar takes a core from what is being measured


class Advance(Protocol):
    """Called with the number of steps just done, one by default."""

    def __call__(self, steps: int = 1) -> None:
        """Count ``steps`` more as done."""


def say(text: str) -> None:
    """Print one plain line about the work on standard error, which leaves standard output to results."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


@contextmanager
def progress(description: str, total: int, *, is_shown: bool = True) -> Iterator[Advance]:
    """Show how far ``total`` steps are; call what it gives with the number of steps just done.

    Args:
        description: What is done.
        total: How many steps there are.
        is_shown: False where another process shows the same.
    """
    if not is_shown:
        yield _show_nothing
        return
    if sys.stderr.isatty():
        with _bar(description, total) as advance_bar:
            yield advance_bar
        return
    start = last = time.monotonic()
    done = 0

    def advance(steps: int = 1) -> None:
        nonlocal done, last
        done += steps
        if time.monotonic() - last > LINE_INTERVAL_S:
            last = time.monotonic()
            say(f"{description}: {done}/{total}")

    yield advance
    say(f"{description}: {done}/{total} in {time.monotonic() - start:.1f} s")


def _show_nothing(steps: int = 1) -> None:
    """See :class:`Advance`."""


@contextmanager
def _bar(description: str, total: int) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    # A descriptor of its own, so that the bar stays on the terminal while a converter's output goes to a log.
    with (
        os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding=sys.stderr.encoding) as terminal,
        Progress(
            *columns, console=Console(file=terminal), refresh_per_second=REFRESHES_PER_S
        ) as bar,
    ):
        task = bar.add_task(description, total=total)

        def advance(steps: int = 1) -> None:
            bar.advance(task, steps)

        yield advance
