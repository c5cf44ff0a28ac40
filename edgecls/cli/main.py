"""The table of commands, and the one place where an error becomes two lines and an exit code."""

import sys
from collections.abc import Sequence

import click
from edgecls_device.errors import EdgeclsError, StorageError

from edgecls import __version__
from edgecls.cli.lazy_group import LazyGroup

__all__ = ["COMMANDS", "main"]

COMMANDS = {
    "demo": ("edgecls.cli.demo:command", "The whole chain on an embedded sample set, offline."),
    "data": (
        "edgecls.cli.data:command",
        "Check a folder of photos, take some with a camera, or fetch a set.",
    ),
    "train": ("edgecls.cli.train:command", "Train a classifier on a folder of photos."),
    "pretrained": ("edgecls.cli.pretrained:command", "Take a ready model, without training."),
    "export": ("edgecls.cli.export:command", "Write .tflite and .onnx files, quantized."),
    "recipes": ("edgecls.cli.recipes:command", "The kinds of files an export can make."),
    "compare": (
        "edgecls.cli.compare:command",
        "Accuracy of each exported file on the same photos.",
    ),
    "bench": ("edgecls.cli.bench:command", "Latency, cold start and memory of each exported file."),
    "report": ("edgecls.cli.report:command", "One HTML file with everything that was measured."),
    "keys": ("edgecls.cli.keys:command", "Keys to sign bundles with, and whom a device trusts."),
    "bundle": ("edgecls.cli.bundle:command", "One file that installs a classifier on a device."),
    "deploy": ("edgecls.cli.deploy:command", "Bring a bundle to devices over SSH."),
    "run": ("edgecls.cli.run:command", "Classify a camera, stream, video, folder or photo."),
    "keep": ("edgecls.cli.keep:command", "What the service of an installed bundle runs."),
    "update": ("edgecls.cli.update:command", "A newer bundle onto this device, on trial first."),
    "rollback": ("edgecls.cli.rollback:command", "Back to the version before, on this device."),
    "history": ("edgecls.cli.history:command", "What was installed here, and what came of it."),
    "verify": (
        "edgecls.cli.verify:command",
        "Check a bundle or a model: signature, hashes, golden samples.",
    ),
    "inspect": ("edgecls.cli.inspect:command", "Show what a model file says about itself."),
    "doctor": ("edgecls.cli.doctor:command", "Check this machine, its runtimes and its cameras."),
}

EPILOG = """\b
Examples:
  edgecls demo
  edgecls train photos/ --out runs/pets
  edgecls export runs/pets
  edgecls run runs/pets/exports/pets.int8.tflite --source 0
"""


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="edgecls")
def cli() -> None:
    """From a folder of photos to a classifier running on a Raspberry Pi."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line and exit with its code; never with a traceback for bad input."""
    try:
        cli.main(args=list(arguments) if arguments is not None else None, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        _print_error("stopped by Ctrl-C", "what was finished is kept; repeat the command to go on")
        sys.exit(130)
    except EdgeclsError as error:
        _print_error(error.message, error.hint)
        sys.exit(error.exit_code)
    except OSError as error:
        reason = error.strerror or str(error)
        _print_error(
            f"Cannot use {error.filename or 'a file'}: {reason}.", "check the path and the disk"
        )
        sys.exit(StorageError.exit_code)


def _print_error(message: str, hint: str) -> None:
    click.echo(f"error: {message}", err=True)
    if hint:
        click.echo(f"hint: {hint}", err=True)
