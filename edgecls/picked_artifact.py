"""The model file that was picked for a run, when it is about to be run."""

import hashlib
from pathlib import Path

from edgecls_bench.pick import Pick
from edgecls_device.errors import DataError, SpecError
from edgecls_device.files import read_bytes
from edgecls_device.records import from_json

from edgecls.progress import say
from edgecls.run_directory import MAX_RECORD_BYTES, RunDirectory

__all__ = ["nothing_picked", "picked_artifact"]

MAX_ARTIFACT_BYTES = 2**31 - 1


def picked_artifact(run: RunDirectory, artifact: Path | None) -> Path:
    """Return the model file that a run's configuration names, and say if it is another one by now.

    A file that was exported again is run all the same: a newer model is what a user expects of a run, and only
    the reasons for choosing it are in doubt.

    Args:
        run: The run.
        artifact: What the configuration names; None if it names nothing.

    Raises:
        DataError: If there is no such file any more.
    """
    again = f"edgecls bench {run.path} --pick"
    if artifact is None:
        raise nothing_picked(run)
    if not artifact.is_file():
        message = (
            f"Expected the file that {run.configuration} names, got none at {str(artifact)!r}."
        )
        raise DataError(message, hint=f"{again} chooses among the files there are")
    if _is_changed(run, artifact):
        say(
            f"note: {artifact.name} was exported again since it was picked; "
            f"whether it is still the best choice says: {again}"
        )
    return artifact


def nothing_picked(run: RunDirectory) -> DataError:
    """Return what to say of a run for which nothing was chosen."""
    message = f"Expected a choice of what to run in {str(run.configuration)!r}, got none."
    files = run.artifacts()
    if not files:
        return DataError(message, hint=f"edgecls export {run.path}")
    hint = f"edgecls bench {run.path} --pick makes one; or name a file, such as {files[0]}"
    return DataError(message, hint=hint)


def _is_changed(run: RunDirectory, artifact: Path) -> bool:
    """Say whether a file is not the one that was picked; not where something else was picked, or by hand."""
    if not run.pick.is_file():
        return False
    try:
        data = read_bytes(run.pick, max_bytes=MAX_RECORD_BYTES)
        pick = from_json(Pick, data, name=str(run.pick))
    except SpecError as error:
        say(f"note: cannot tell whether {artifact.name} is what was picked: {error.message}")
        return False
    if artifact.name != pick.artifact:
        return False
    content = read_bytes(artifact, max_bytes=MAX_ARTIFACT_BYTES)
    return hashlib.sha256(content).hexdigest() != pick.sha256
