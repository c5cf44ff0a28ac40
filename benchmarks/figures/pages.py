"""Generated parts of ``docs/*.md``: the lines between two markers, written by a figure script."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from edgecls_device.errors import DataError
from edgecls_device.files import write_atomically
from figure import Figure, Row

DOCS = Path(__file__).resolve().parents[2] / "docs"


def replace_part(page: Path, name: str, lines: Sequence[str]) -> None:
    """Replace what stands between ``<!-- NAME -->`` and ``<!-- end of NAME -->``.

    Raises:
        DataError: If the page has not both markers once.
    """
    text = page.read_text(encoding="utf-8")
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        message = f"Expected the markers of {name!r} once in {page.name!r}, got others."
        raise DataError(message, hint=f"put {begin.strip()} and {end} into it")
    before, _, rest = text.partition(begin)
    write_atomically(page, "\n".join([before + begin, *lines, "", end + rest.partition(end)[2]]))
    print(f"wrote {page}")


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a Markdown table; ``|`` in a cell is escaped."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return [_line(columns), "|" + "---|" * len(columns), *map(_line, cells)]


def by_name(rows: Sequence[Row]) -> Mapping[str, Mapping[str, Row]]:
    """Return name -> measure -> row of rows called ``name: measure``, in order."""
    found: dict[str, dict[str, Row]] = {}
    for row in rows:
        name, _, measure = row.what.partition(": ")
        found.setdefault(name, {})[measure] = row
    return found


def origin(figure: Figure) -> str:
    """Return what measured a figure, where and when, as a sentence."""
    machine = figure.machine
    busy = f"{machine.busy_cores:g} cores busy with other programs"
    return (
        f"`{figure.command}`, {figure.created[:10]}, commit `{figure.commit}`, {machine.model}, "
        f"{machine.cores} cores, {busy}."
    )


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
