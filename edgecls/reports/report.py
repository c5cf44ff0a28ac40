"""``write_report``: one self-contained HTML file with everything that is known about a run."""

from pathlib import Path

from edgecls_device.files import write_atomically
from edgecls_device.lazy import load

from edgecls.reports.content import ReportContent, report_content
from edgecls.reports.run_records import read_run
from edgecls.run_directory import RunDirectory

__all__ = ["render_report", "write_report"]


def write_report(run: RunDirectory, *, out: Path | None = None) -> Path:
    """Write the report of a run and return where it lies.

    The file asks for nothing from any network; it depends on the records and photos only, not on the clock.
    Stages that have not run yet become an entry under what to do next.

    Args:
        run: The run.
        out: Where to write, by default ``report.html`` in the run.

    Raises:
        DataError: If there is nothing to report on.
        MissingDependencyError: If Jinja is not installed.
        SpecError: If a record is damaged.
        StorageError: If a record cannot be read or the report cannot be written.
    """
    path = out if out is not None else run.report
    write_atomically(path, render_report(report_content(read_run(run))))
    return path


def render_report(content: ReportContent) -> str:
    """Return the page as text that can be written as UTF-8, whatever the names of files.

    Raises:
        MissingDependencyError: If Jinja is not installed.
    """
    text: str = load("edgecls.reports.rendering:render", extra="train")(content)
    return text.encode("utf-8", "replace").decode("utf-8")  # half characters become "?"
