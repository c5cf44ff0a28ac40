"""Which artifact is tried on which backend."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from difflib import get_close_matches

from edgecls_device.artifact import Artifact
from edgecls_device.backends.table import BACKENDS, installed_backends
from edgecls_device.errors import ArtifactError, MissingDependencyError, OptionError
from edgecls_device.spec import ModelSpec

__all__ = ["Case", "plan_cases", "spec_of"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One artifact on one backend.

    Attributes:
        artifact: The model file, with the spec it is run by.
        backend: The runtime.
    """

    artifact: Artifact
    backend: str

    @property
    def title(self) -> str:
        """What to call it in messages."""
        return f"{self.artifact.path.name} on {self.backend}"


def plan_cases(
    artifacts: Sequence[Artifact],
    backends: Sequence[str] | None = None,
    *,
    with_missing: bool = False,
) -> tuple[Case, ...]:
    """Return every artifact on every backend that runs its format, in the order given.

    Args:
        artifacts: Model files; several may be of one format.
        backends: Names of backends, installed or not; by default all that are installed. An artifact that
            none of them runs is left out.
        with_missing: Without named backends, keep an artifact that no installed one runs, on the first
            backend of its format: running it then fails by name.

    Raises:
        OptionError: If a backend does not exist, or runs none of the artifacts.
        MissingDependencyError: If no backend is named and none is installed for any of the artifacts.
        ArtifactError: If an artifact has no spec, or there is none.
    """
    for artifact in artifacts:
        spec_of(artifact)
    if not artifacts:
        message = "Expected at least one model file, got none."
        raise ArtifactError(message, hint="edgecls export RUN")
    formats = {artifact.format for artifact in artifacts}
    for name in backends or ():
        _check_backend(name, formats)
    installed = {name for fmt in formats for name in installed_backends(fmt)}
    if not backends and not installed:
        raise _nothing_installed(formats)
    return tuple(
        Case(artifact=artifact, backend=name)
        for artifact in artifacts
        for name in _backends_for(artifact, backends, with_missing=with_missing)
    )


def _backends_for(
    artifact: Artifact, named: Sequence[str] | None, *, with_missing: bool
) -> tuple[str, ...]:
    fitting = tuple(name for name, entry in BACKENDS.items() if entry.format == artifact.format)
    if named:
        return tuple(name for name in dict.fromkeys(named) if name in fitting)
    return installed_backends(artifact.format) or (fitting[:1] if with_missing else ())


def spec_of(artifact: Artifact) -> ModelSpec:
    """Return an artifact's spec.

    Raises:
        ArtifactError: If it has none.
    """
    if artifact.spec is None:
        message = (
            f"Expected a model with an edgecls spec inside, got {str(artifact.path)!r} without one."
        )
        raise ArtifactError(message, hint="give a file that 'edgecls export' wrote")
    return artifact.spec


def _check_backend(name: str, formats: Set[str]) -> None:
    if name not in BACKENDS:
        near = get_close_matches(name, BACKENDS, n=1, cutoff=0.4)
        message = f"Expected a backend of {', '.join(BACKENDS)}, got {name!r}."
        hint = f"did you mean {near[0]}?" if near else f"use --backend {next(iter(BACKENDS))}"
        raise OptionError(message, hint=hint)
    if BACKENDS[name].format not in formats:
        found = ", ".join(f".{name}" for name in sorted(formats))
        message = f"Expected a backend for {found} files, got {name!r}, which runs .{BACKENDS[name].format}."
        raise OptionError(message, hint="leave --backend out, or give files that it runs")


def _nothing_installed(formats: Set[str]) -> MissingDependencyError:
    fitting = {name: entry for name, entry in BACKENDS.items() if entry.format in formats}
    message = f"Expected a runtime for these files, got none installed ({', '.join(fitting)})."
    extra = next(iter(fitting.values())).extra
    return MissingDependencyError(message, hint=f"pip install 'edgecls[{extra}]'")
