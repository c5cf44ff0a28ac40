"""``edgecls inspect``: what a model file says about itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecls.cli.output import json_option, print_record

if TYPE_CHECKING:
    from edgecls_device.inspection import Inspection
    from edgecls_device.spec import ModelSpec
    from edgecls_device.tensors import TensorInfo

__all__ = ["command"]

LABELS_SHOWN = 12
EPILOG = """\b
Examples, after edgecls demo:
  edgecls inspect runs/demo/exports/demo.int8.tflite

\b
With your own:
  edgecls inspect mobilenet.tflite --json
"""


@click.command(epilog=EPILOG)
@click.argument("artifact", type=click.Path(path_type=Path))
@json_option
def command(artifact: Path, as_json: bool) -> None:
    """Show format, labels, tensors, recipe and provenance of the model file ARTIFACT.

    For a model that was not made by edgecls it says what is known, and what `edgecls run` must be told.
    """
    from edgecls_device.inspection import inspect_model

    found = inspect_model(artifact)
    if as_json:
        print_record(found)
        return
    for key, value in _rows(found):
        click.echo(f"{key:<16}  {value}")


def _rows(found: "Inspection") -> Iterator[tuple[str, str]]:
    yield "file", found.path
    yield "format", f"{found.format}, {found.size_bytes / 1e6:.2f} MB"
    yield "sha256", found.sha256
    yield "made by edgecls", "yes" if found.has_spec else "no"
    if found.input and found.output:
        yield "input", _tensor(found.input)
        yield "output", _tensor(found.output)
        yield "loads on", found.backend
    if found.spec is not None:
        yield from _spec_rows(found.spec)
    for note in found.notes:
        yield "note", note
    for question in found.questions:
        yield "run must be told", f"{question.option} ({question.values}): {question.why}"
    if found.problem:
        yield "problem", found.problem


def _spec_rows(spec: "ModelSpec") -> Iterator[tuple[str, str]]:
    labels = spec.output_labels
    more = f", and {len(labels) - LABELS_SHOWN} more" if len(labels) > LABELS_SHOWN else ""
    yield "labels", f"{len(labels)}: {', '.join(labels[:LABELS_SHOWN])}{more}"
    how = spec.preprocessing
    part = f" of {how.crop_fraction:g}" if how.crop_fraction != 1 else ""
    yield "picture", f"{how.resize}{part} to {how.width}x{how.height}, {how.interpolation}"
    tensor = spec.input
    scaled = f", minus {tensor.mean}, divided by {tensor.std}" if tensor.mean else ""
    yield "pixels", f"{tensor.dtype} {tensor.layout} {tensor.color}{scaled}"
    yield "scores", f"{spec.output}, temperature {spec.temperature:.3g}"
    if spec.unknown_threshold:
        yield "unknown", f"below {spec.unknown_threshold:.3g}"
    yield "golden samples", f"{len(spec.golden.scores)}, within {spec.golden.tolerance:g}"
    made = spec.provenance
    for name in ("recipe", "backbone", "weights", "dataset", "dataset_fingerprint"):
        if getattr(made, name):
            yield name.replace("dataset_fingerprint", "data set hash"), getattr(made, name)
    if made.photos:
        yield "photos", ", ".join(f"{count} {split}" for split, count in made.photos.items())
    for name, table in (("settings", made.settings), ("packages", made.packages)):
        if table:
            yield name, ", ".join(f"{key} {value}" for key, value in table.items())


def _tensor(info: "TensorInfo") -> str:
    shape = "x".join("?" if side < 0 else str(side) for side in info.shape)
    scaled = f", scale {info.scale:.6g}, zero point {info.zero_point}" if info.scale else ""
    return f"{info.name}: {info.dtype} {shape}{scaled}"
