"""What a finished training leaves: all its files at once, and nothing that belonged to the model before."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from edgecls_device.errors import EdgeclsError, OptionError
from edgecls_device.files import make_directory, storage_errors, writing
from edgecls_device.records import to_json
from edgecls_device.spec import ModelSpec

from edgecls.data.split_record import Split
from edgecls.progress import say
from edgecls.run_directory import RunDirectory
from edgecls.training.keras_classifier import save_model
from edgecls.training.record import TrainingRecord

__all__ = ["PACKAGES", "PACKAGES_OF_JAX", "open_run", "write_run"]

PACKAGES = ("edgecls", "tensorflow", "keras", "numpy", "opencv-python-headless", "opencv-python")
"""Packages that decide about a model."""

PACKAGES_OF_JAX = ("jax", "jaxlib")
"""Further ones, where Keras runs on JAX."""


@contextmanager
def open_run(out: Path | str, *, data: Path | None = None) -> Iterator[RunDirectory]:
    """Give the run directory ``out``, created if need be, before any slow work.

    One that was created here and is still empty after an error is removed.

    Raises:
        OptionError: If it lies inside the photos, where it would be taken for a class.
        StorageError: If it cannot be created or written.
    """
    run = RunDirectory(Path(out))
    if data is not None and run.path.resolve().is_relative_to(data.resolve()):
        message = f"Expected --out to lie outside of the photos, got {str(run.path)!r}."
        raise OptionError(message, hint=f"--out runs/{data.resolve().name}")
    is_new = not run.path.exists()
    make_directory(run.path)
    with storage_errors("write", run.path), tempfile.TemporaryFile(dir=run.path):
        pass  # it can be written
    try:
        yield run
    except BaseException:
        if is_new:
            with suppress(OSError):  # it holds something by now, such as a checkpoint
                run.path.rmdir()
        raise


def write_run(
    run: RunDirectory,
    model: Any,
    spec: ModelSpec,
    *,
    split: Split | None = None,
    record: TrainingRecord | None = None,
) -> None:
    """Write all files of a run. The spec is the last, so that a run that has one is whole.

    Exports, measurements and the report of another model that was here are moved to ``previous/``. What was
    picked to run stays: it holds a user's options, too, and says itself when its file is another one.

    Raises:
        StorageError: If one cannot be written.
    """
    texts: dict[Path, str] = {}
    if split is not None:
        texts[run.split] = to_json(split, indent=None)
    if record is not None:
        texts[run.training] = to_json(record)
    with ExitStack() as stack:  # what is opened first is moved to its place last
        stack.enter_context(writing(run.spec)).write_text(to_json(spec), encoding="utf-8")
        save_model(model, stack.enter_context(writing(run.model)))
        for path, text in texts.items():
            stack.enter_context(writing(path)).write_text(text, encoding="utf-8")
        _retire(run, spec)
        run.spec.unlink(missing_ok=True)
    for path in {run.split, run.training} - set(texts):
        with storage_errors("remove", path):
            path.unlink(missing_ok=True)


def _retire(run: RunDirectory, spec: ModelSpec) -> None:
    made = (run.exports, run.compare, run.bench, run.benches, run.report)
    stale = [path for path in made if path.exists()]
    if not stale or _fingerprint(run) == spec.provenance.model_fingerprint:
        return
    with storage_errors("move", run.previous):
        if run.previous.exists():
            shutil.rmtree(run.previous)
        run.previous.mkdir()
        for path in stale:
            path.rename(run.previous / path.name)
    names = ", ".join(path.name for path in stale)
    say(f"note: {names} were made of the model before; moved to {run.previous}")


def _fingerprint(run: RunDirectory) -> str:
    try:
        return run.read_spec().provenance.model_fingerprint
    except EdgeclsError:
        return ""
