"""``edgecls verify``: is a bundle, or a model, what it was where it was made."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from edgecls_device.errors import ArtifactError, OptionError

from edgecls.cli.output import json_option, print_record, print_table

if TYPE_CHECKING:
    from edgecls_device.verify import Verification

__all__ = ["command"]

EPILOG = """\b
Examples, after edgecls demo:
  edgecls verify runs/demo/exports/demo.int8.tflite
  edgecls verify runs/demo/exports/demo.int8.onnx --backend onnxruntime --json

\b
With your own bundle:
  edgecls verify pets-000002-bookworm64.edgecls
  edgecls verify pets-000002-bookworm64.edgecls --key pets.key.pub
"""


@click.command(epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--backend", help="litert, tflite-runtime or onnxruntime; for a bundle all that are installed."
)
@click.option(
    "--threads", type=int, help="Threads for one sample; by default the cores, at most 4."
)
@click.option(
    "--key",
    type=click.Path(path_type=Path, dir_okay=False),
    help="For a bundle: it must be signed by this key.",
)
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    help="For a bundle: it must be signed as this installation demands; by default /opt/edgecls/NAME.",
)
@json_option
def command(
    file: Path,
    backend: str | None,
    threads: int | None,
    key: Path | None,
    root: Path | None,
    as_json: bool,
) -> None:
    """Check that FILE, a model or a bundle, gives the scores here that it gave where it was made.

    Of a bundle the signature and the hash of every member are checked first; exit code 17 if anything is not as
    it should be. The samples of a model are made from a seed in the file; exit code 5 if a score is further off
    than the file allows.
    """
    from edgecls_device.bundles.container import is_bundle

    if file.is_file() and is_bundle(file):
        from edgecls.cli.verify_bundle import show_bundle

        show_bundle(file, key=key, root=root, backend=backend, threads=threads, as_json=as_json)
        return
    for option, value in (("--key", key), ("--root", root)):
        if value is not None:
            message = f"Expected {option} with a bundle, got it with {str(file)!r}, which is none."
            raise OptionError(message, hint="leave it out, or name an .edgecls file")
    _verify_model(file, backend=backend, threads=threads, as_json=as_json)


def _verify_model(file: Path, *, backend: str | None, threads: int | None, as_json: bool) -> None:
    from edgecls_device.classifier import Classifier
    from edgecls_device.verify import verify

    with Classifier.open(file, backend=backend, threads=threads) as classifier:
        result = verify(classifier, name=file.name)
    if as_json:
        print_record(result)
    else:
        _print(result)
    if not result.is_passed:
        allowed, got = f"{result.tolerance:.2g}", f"{result.worst_error:.2g}"
        message = f"Expected scores within {allowed} of the golden ones, got one {got} off."
        hint = "copy the file again; if that does not help, try another --backend"
        raise ArtifactError(message, hint=hint)


def _print(result: "Verification") -> None:
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
