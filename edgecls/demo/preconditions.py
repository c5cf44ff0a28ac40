"""What must hold before the demo begins, so that it does not stop half-way."""

from importlib.util import find_spec
from pathlib import Path

from edgecls_device.backends.table import BACKENDS, installed_backends
from edgecls_device.errors import MissingDependencyError, OptionError
from edgecls_device.files import storage_errors
from edgecls_export.table import choose_exporters, find_exporter

from edgecls.demo.photos import read_drawn
from edgecls.run_directory import RunDirectory
from edgecls.training.efficientnet_lite0 import weights_path

__all__ = ["LEAST_PHOTOS", "check_own", "check_packages", "check_photos_per_class", "photos_of"]

LEAST_PHOTOS, MOST_PHOTOS = 8, 5000
"""Photos of each shape: with fewer, validation and test hold next to nothing; more take hours."""


def photos_of(run: RunDirectory) -> Path:
    """Return where the photos of a demo lie."""
    return run.path / "photos"


def check_photos_per_class(number: int) -> None:
    """Check the number of photos.

    Raises:
        OptionError: If it is too small or too large.
    """
    if not LEAST_PHOTOS <= number <= MOST_PHOTOS:
        message = f"Expected {LEAST_PHOTOS}..{MOST_PHOTOS} photos per class, got {number}."
        raise OptionError(message, hint="leave --photos-per-class out")


def check_own(run: RunDirectory) -> None:
    """Check that a run directory is new or empty, or the demo's own.

    Raises:
        OptionError: If it holds anything else.
        StorageError: If it cannot be read.
    """
    photos = photos_of(run)
    if photos.exists():
        read_drawn(photos)
        return
    with storage_errors("read", run.path):
        taken = sorted(path.name for path in run.path.iterdir()) if run.path.exists() else []
    if taken:
        message = (
            f"Expected a new directory or one of the demo, got {str(run.path)!r} with {taken[0]!r}."
        )
        raise OptionError(
            message, hint="the demo keeps to a directory of its own: edgecls demo --out runs/demo2"
        )


def check_packages() -> None:
    """Check that every package of the chain is installed, without importing it.

    Raises:
        MissingDependencyError: If one is not.
    """
    for key in choose_exporters((), ()):
        find_exporter(*key).check_packages()
    weights_path()
    if find_spec("jinja2") is None:
        message = "The report needs the package 'jinja2', which is not installed."
        raise MissingDependencyError(message, hint="pip install 'edgecls[all]'")
    for file_format in ("tflite", "onnx"):
        if not installed_backends(file_format):
            names = [name for name, entry in BACKENDS.items() if entry.format == file_format]
            message = (
                f"Expected a runtime for .{file_format} files, got none of {', '.join(names)}."
            )
            raise MissingDependencyError(message, hint="pip install 'edgecls[all]'")
