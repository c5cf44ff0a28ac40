"""From a report's content to one HTML text, with Jinja: templates beside this file, autoescape always on."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from edgecls.reports import number_text
from edgecls.reports.content import ReportContent

__all__ = ["render"]

TEMPLATES = Path(__file__).parent / "templates"


def render(content: ReportContent) -> str:
    """Return the whole page. Labels, file names and settings are shown as text, whatever they hold."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,  # for every file name, also for the style sheet and inside plots
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for name in number_text.__all__:
        if name.endswith("_text"):
            environment.filters[name.removesuffix("_text")] = getattr(number_text, name)
    return environment.get_template("report.html").render(report=content, dash=number_text.MISSING)
