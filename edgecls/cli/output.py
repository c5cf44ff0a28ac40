"""What commands print on standard output: a table for people, JSON for machines."""

import os
import sys
from collections.abc import Mapping, Sequence

import click
from edgecls_device.records import Record, to_json

__all__ = ["TIGHT_GAP", "json_option", "print_line", "print_record", "print_table", "width"]

TIGHT_GAP = 2
"""Characters between the columns of a tight table."""

_NO_LIMIT = 10_000
_PIPE_WIDTH = 132

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print the result as JSON on standard output."
)


def print_record(record: Record) -> None:
    """Print a record as JSON."""
    click.echo(to_json(record), nl=False)


def width() -> int:
    """Return how many characters a line may have: of the terminal, of ``COLUMNS``, else 132."""
    from rich.console import Console

    return Console().width if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPE_WIDTH


def print_line(text: str, *, style: str = "") -> None:
    """Print one line, coloured where there is a terminal that wants it."""
    from rich.console import Console
    from rich.text import Text

    Console(highlight=False, soft_wrap=True).print(Text(text, style=style))


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    styles: Mapping[str, str] | None = None,
    is_tight: bool = False,
) -> None:
    """Print a table; columns after the first are aligned right. Cells are shown as plain text.

    Args:
        title: Stands above it; may be empty.
        columns: Titles, which may have several lines.
        rows: As many cells as there are columns.
        styles: Cell -> how it is coloured where there is a terminal.
        is_tight: Whether to save space between the columns.
    """
    from rich import box
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    if is_tight:
        table.padding, table.show_edge = (0, TIGHT_GAP - 1, 0, 0), False
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell, style=(styles or {}).get(cell, "")) for cell in row))
    console = Console(highlight=False)
    widest = Measurement.get(console, console.options.update(max_width=_NO_LIMIT), table).maximum
    console.width = max(console.width, widest)  # a narrow window wraps lines, but no number is lost
    if title:  # not the table's own, which is broken where the table is narrow
        console.print(Text(title, style="bold"), soft_wrap=True)
    console.print(table)
