"""What commands print on standard output: a table for people, JSON for machines."""

from collections.abc import Sequence

import click
from edgecls_device.records import Record, to_json

__all__ = ["json_option", "print_record", "print_table"]

_NO_LIMIT = 10_000

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print the result as JSON on standard output."
)


def print_record(record: Record) -> None:
    """Print a record as JSON."""
    click.echo(to_json(record), nl=False)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; columns after the first are aligned right. Cells are shown as plain text."""
    from rich import box
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console = Console(highlight=False)
    widest = Measurement.get(console, console.options.update(max_width=_NO_LIMIT), table).maximum
    console.width = max(console.width, widest)  # a narrow window wraps lines, but no number is lost
    console.print(table)
