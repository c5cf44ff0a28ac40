"""``edgecls verify``: run a model's golden samples on this machine."""

from pathlib import Path

import click
from edgecls_device.errors import ArtifactError

from edgecls.cli.output import json_option, print_record, print_table

__all__ = ["command"]

EPILOG = """\b
Examples, after edgecls demo:
  edgecls verify runs/demo/exports/demo.int8.tflite
  edgecls verify runs/demo/exports/demo.int8.onnx --backend onnxruntime --json
"""


@click.command(epilog=EPILOG)
@click.argument("artifact", type=click.Path(path_type=Path))
@click.option(
    "--backend", help="litert, tflite-runtime or onnxruntime; the installed one by default."
)
@click.option(
    "--threads", type=int, help="Threads for one sample; by default the cores, at most 4."
)
@json_option
def command(artifact: Path, backend: str | None, threads: int | None, as_json: bool) -> None:
    """Check that ARTIFACT gives the scores here that it gave where it was made.

    The samples are made from a seed in the file. Exit code 5 if a score is further off than the file allows.
    """
    from edgecls_device.classifier import Classifier
    from edgecls_device.verify import verify

    with Classifier.open(artifact, backend=backend, threads=threads) as classifier:
        result = verify(classifier, name=artifact.name)
    if as_json:
        print_record(result)
    else:
        columns = (
            "artifact",
            "backend",
            "samples",
            "same best label",
            "worst error",
            "allowed",
            "result",
        )
        row = (
            result.artifact,
            result.backend,
            str(result.samples),
            f"{result.same_best}/{result.samples}",
            f"{result.worst_error:.2g}",
            f"{result.tolerance:.2g}",
            "passed" if result.is_passed else "FAILED",
        )
        print_table("Golden samples", columns, [row])
    if not result.is_passed:
        allowed, got = f"{result.tolerance:.2g}", f"{result.worst_error:.2g}"
        message = f"Expected scores within {allowed} of the golden ones, got one {got} off."
        hint = "copy the file again; if that does not help, try another --backend"
        raise ArtifactError(message, hint=hint)
