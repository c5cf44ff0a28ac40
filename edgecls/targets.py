"""What ``compare`` and ``bench`` are asked about: the exported files of a run, or model files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecls_device.artifact import Artifact, read_artifact
from edgecls_device.errors import DataError, OptionError

from edgecls.progress import say
from edgecls.run_directory import RunDirectory

__all__ = ["Target", "find_target", "warn_of_stale"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Model files, and the run they belong to.

    Attributes:
        run: The run directory; None for model files that were named one by one.
        artifacts: The model files, read.
    """

    run: RunDirectory | None
    artifacts: tuple[Artifact, ...]

    @property
    def title(self) -> str:
        """What to call it in a table's title."""
        if self.run is not None:
            return str(self.run.path)
        return ", ".join(artifact.path.name for artifact in self.artifacts)

    def stale(self) -> tuple[str, ...]:
        """Return the names of files that were exported from other weights than the run has now.

        Raises:
            SpecError: If the run's spec is damaged.
        """
        if self.run is None or not self.run.spec.is_file() or not self.run.model.is_file():
            return ()
        now = self.run.read_spec().provenance.model_fingerprint
        then = {
            artifact.path.name: artifact.spec.provenance.model_fingerprint
            for artifact in self.artifacts
            if artifact.spec is not None
        }
        return tuple(name for name, made_of in then.items() if now and made_of not in {"", now})


def find_target(paths: Sequence[Path]) -> Target:
    """Read one run's exported files, or the files that are named.

    Raises:
        OptionError: If a directory stands beside other paths.
        DataError: If the directory has no exported files.
        ArtifactError: If a file is no model.
        StorageError: If a file cannot be read.
    """
    directories = [path for path in paths if path.is_dir()]
    if not directories:
        return Target(run=None, artifacts=tuple(read_artifact(path) for path in paths))
    if len(paths) > 1:
        message = f"Expected one run or some model files, got {len(paths)} paths with {str(directories[0])!r}."
        raise OptionError(message, hint=f"give the run alone, or files: {directories[0]}/exports/*")
    run = RunDirectory(directories[0])
    found = run.artifacts()
    if not found:
        raise _nothing_exported(run)
    return Target(run=run, artifacts=tuple(read_artifact(path) for path in found))


def warn_of_stale(target: Target) -> None:
    """Say which files were exported before the run was trained again."""
    stale = target.stale()
    if target.run is not None and stale:
        say(
            f"warning: exported before the last training: {', '.join(stale)}; "
            f"to renew them: edgecls export {target.run.path}"
        )


def _nothing_exported(run: RunDirectory) -> DataError:
    message = f"Expected exported files in {str(run.exports)!r}, got none."
    if run.spec.is_file():
        return DataError(message, hint=f"edgecls export {run.path}")
    if any(path.suffix in {".tflite", ".onnx"} for path in run.path.iterdir()):
        return DataError(message, hint=f"give the files themselves: {run.path}/*")
    return DataError(
        message, hint=f"give a run directory; to make one: edgecls train PHOTOS --out {run.path}"
    )
