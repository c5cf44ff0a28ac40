"""``edgecls report``: write the HTML report of a run."""

import json
from pathlib import Path

import click
from edgecls_device.files import write_atomically

from edgecls.cli.output import json_option
from edgecls.reports.content import ReportContent, report_content
from edgecls.reports.report import render_report
from edgecls.reports.run_records import read_run
from edgecls.run_directory import RunDirectory

__all__ = ["command"]

EPILOG = """\b
Examples, after edgecls demo:
  edgecls report runs/demo
  edgecls report runs/demo --out demo.html

\b
With your own:
  edgecls report runs/pets --json
"""


@click.command("report", epilog=EPILOG)
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write; by default report.html in RUN.",
)
@json_option
def command(run: Path, out: Path | None, as_json: bool) -> None:
    """Write one HTML file about RUN: what was trained, what each exported file costs, what to do next.

    It needs no network and no other file. Stages that have not run yet are left out and named.
    """
    directory = RunDirectory(run)
    content = report_content(read_run(directory))
    path = out if out is not None else directory.report
    write_atomically(path, render_report(content))
    if as_json:
        click.echo(json.dumps(_summary(content, path), ensure_ascii=False, indent=2))
        return
    if content.gate is not None:
        click.echo(f"Gate: {content.gate.verdict}. {content.gate.summary}")
    click.echo(content.headline)
    for step in content.steps[:1]:
        click.echo(f"Next: {step.title}" + (f": {step.commands[0]}" if step.commands else ""))
    click.echo(f"Report: {path}")


def _summary(content: ReportContent, path: Path) -> dict[str, object]:
    chosen = content.recommendation
    return {
        "report": str(path),
        "headline": content.headline,
        "gate": content.gate.verdict if content.gate is not None else None,
        "recommended": chosen.choice.artifact if chosen is not None else None,
        "backend": chosen.choice.backend if chosen is not None else None,
        "reasons": list(chosen.reasons) if chosen is not None else [],
        "next": [
            {"title": step.title, "why": step.why, "commands": list(step.commands)}
            for step in content.steps
        ],
    }
