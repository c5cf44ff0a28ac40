"""The tables of ``edgecls export``."""

from collections.abc import Mapping
from pathlib import Path

import click
from edgecls_export.exported import ExportedArtifact, ExportRun

from edgecls.cli.output import print_table
from edgecls.run_directory import RunDirectory

__all__ = ["print_artifacts", "print_ladder"]


def print_ladder(exported: ExportRun) -> None:
    """Print what ``--recipe auto`` tried, and why each recipe was kept or left."""
    if not exported.ladder:
        return
    rows = [
        (
            f"{step.format} {step.recipe}",
            "" if step.size_bytes is None else f"{step.size_bytes / 1e6:.1f}",
            step.verdict,
            "kept" if step.is_kept else "left",
        )
        for step in exported.ladder
    ]
    print_table("The ladder, against float32 of each format", ["tried", "MB", "verdict", ""], rows)
    for step in exported.ladder:
        click.echo(f"{step.format} {step.recipe}: {step.reason}")
    click.echo()


def print_artifacts(exported: ExportRun, run: RunDirectory) -> None:
    """Print the files, and what to do next."""
    float32 = {a.format: a.size_bytes for a in exported.artifacts if a.recipe == "float32"}
    photos = exported.artifacts[0].photos
    columns = ["artifact", "MB", *(["size %"] if float32 else []), *(["agree %"] if photos else [])]
    columns += ["mean error", "worst error", "s"]
    rows = [_row(artifact, float32) for artifact in exported.artifacts]
    inputs = f"{photos} validation photos" if photos else "golden samples"
    print_table(f"{run.path}: checked against Keras on {inputs}", columns, rows)
    size = "size %: of float32 in that format; " if float32 else ""
    agreement = "agree %: same best class as Keras; " if photos else ""
    click.echo(f"{size}{agreement}errors: of scores; s: seconds to convert and check")
    for artifact in exported.artifacts:
        if artifact.note:
            click.echo(f"{Path(artifact.path).name}: {artifact.note}")
    best = _best(exported)
    click.echo(f"next: edgecls compare {run.path}")
    click.echo(f"      edgecls bench {run.path}")
    click.echo(f"      edgecls run {best.path} --source 0")


def _best(exported: ExportRun) -> ExportedArtifact:
    """Return what a device is likely to want: what the ladder kept, else int8."""
    kept = {(step.format, step.recipe) for step in exported.ladder if step.is_kept}
    liked = [a for a in exported.artifacts if (a.format, a.recipe) in kept]
    liked += [a for a in exported.artifacts if a.recipe == "int8"]
    return [*liked, *exported.artifacts][0]


def _row(artifact: ExportedArtifact, float32: Mapping[str, int]) -> tuple[str, ...]:
    whole = float32.get(artifact.format)
    share = f"{100 * artifact.size_bytes / whole:.0f}" if whole else ""
    agreement = () if artifact.agreement is None else (f"{100 * artifact.agreement:.1f}",)
    return (
        Path(artifact.path).name,
        f"{artifact.size_bytes / 1e6:.1f}",
        *((share,) if float32 else ()),
        *agreement,
        f"{artifact.mean_error:.2g}",
        f"{artifact.worst_error:.2g}",
        f"{artifact.seconds:.1f}",
    )
