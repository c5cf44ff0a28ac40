"""All that can be said of a bundle before it is installed: whose it is, whether it is whole, what it scores.

What is not as it should be is collected, so that one look shows all of it, and no model file runs then.
"""

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from edgecls_device.backends.protocol import BackendOptions, default_threads
from edgecls_device.backends.table import BACKENDS, installed_backends
from edgecls_device.bundles.acceptance import CANDIDATE, try_artifact
from edgecls_device.bundles.golden_photos import GoldenPhotos
from edgecls_device.bundles.manifest import BundledArtifact, Manifest, TargetFacts
from edgecls_device.bundles.reading import Advance, Bundle, SignatureState
from edgecls_device.bundles.trusting import Trust
from edgecls_device.bundles.tuning import Candidate
from edgecls_device.errors import BundleError, OptionError, SpecError
from edgecls_device.files import storage_errors
from edgecls_device.records import from_json

__all__ = ["BundleVerification", "CheckedMember", "check_members", "verify_bundle"]

MOST_SCORES_BYTES = 50_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedMember:
    """One file of a bundle.

    Attributes:
        name: Its name.
        size_bytes: Its size.
        sha256: What it must have, as hex.
        is_intact: Whether it has it.
    """

    name: str
    size_bytes: int
    sha256: str
    is_intact: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleVerification:
    """What was found.

    Attributes:
        file: The bundle.
        name: What it installs.
        release: Its release.
        installed_version: The folder's name once it is installed.
        target: The system it is for.
        made_by: Version of edgecls that wrote it.
        signature: ``trusted``, by an ``unknown-key``, or ``unsigned``.
        signed_by: Fingerprint of the key; empty if it is unsigned.
        trusted_by: Where the trusted keys were found; empty if none were.
        members: Its files.
        trials: Its model files on the runtimes of this machine: golden samples and photos.
        notes: What a person should know, sentences.
        problems: What is not as it should be, sentences; empty if all is well.
    """

    kind: ClassVar[str] = "edgecls.bundle-verification"
    version: ClassVar[int] = 1

    file: str
    name: str
    release: int
    installed_version: str
    target: TargetFacts
    made_by: str
    signature: SignatureState
    signed_by: str
    trusted_by: str
    members: tuple[CheckedMember, ...]
    trials: tuple[Candidate, ...]
    notes: tuple[str, ...]
    problems: tuple[str, ...]


def check_members(bundle: Bundle, advance: Advance | None = None) -> tuple[CheckedMember, ...]:
    """Hash every member of an open bundle.

    Args:
        bundle: It was opened, so structure, manifest and signature hold together.
        advance: Told of progress in bytes, up to ``bundle.size_bytes``.

    Raises:
        StorageError: If the bundle cannot be read.
    """
    return tuple(_members(bundle, advance))


def verify_bundle(
    bundle: Bundle,
    members: tuple[CheckedMember, ...],
    *,
    trust: Trust,
    trusted_by: str = "",
    backend: str | None = None,
    threads: int | None = None,
) -> BundleVerification:
    """Say whether a bundle is as it should be; if so far it is, run its model files where this machine can.

    Args:
        bundle: An open bundle.
        members: What :func:`check_members` found.
        trust: Which signatures are enough.
        trusted_by: Where its keys come from, for people.
        backend: Run on this runtime only; by default on all that are installed.
        threads: Threads of one inference; by default the number of cores, at most 4.

    Raises:
        OptionError: If the backend does not exist or runs none of the model files, or of wrong threads.
        StorageError: If the bundle cannot be read, or there is no room for its model files.
    """
    manifest = bundle.manifest
    _check_backend(manifest, backend)
    options = BackendOptions(threads=default_threads() if threads is None else threads)
    state, problems = _trusted(bundle, trust)
    problems += [f"Its member {one.name} is damaged." for one in members if not one.is_intact]
    trials, notes = list[Candidate](), list[str]()
    if problems:
        notes.append("No model file was run, because of the problems.")
    else:
        notes += _not_run(manifest, backend)
        trials, problems = _trials(bundle, backend, options)
    return BundleVerification(
        file=str(bundle.path),
        name=manifest.name,
        release=manifest.release,
        installed_version=bundle.version_name,
        target=manifest.target,
        made_by=manifest.made_by,
        signature=state,
        signed_by=manifest.signed_by,
        trusted_by=trusted_by,
        members=members,
        trials=tuple(trials),
        notes=tuple(notes),
        problems=tuple(problems),
    )


def _check_backend(manifest: Manifest, backend: str | None) -> None:
    formats = {artifact.format for artifact in manifest.artifacts}
    names = [name for name, entry in BACKENDS.items() if entry.format in formats]
    if backend is not None and backend not in names:
        message = f"Expected a backend that runs a model file of the bundle, got {backend!r}."
        raise OptionError(message, hint=f"use one of: {', '.join(names)}")


def _trusted(bundle: Bundle, trust: Trust) -> tuple[SignatureState, list[str]]:
    state = bundle.check_trust(Trust(keys=trust.keys, must_be_signed=False))
    if not trust.must_be_signed or state == "trusted":
        return state, []
    is_unsigned = "It is not signed, and only a signed one is taken."
    return state, [is_unsigned if state == "unsigned" else "The key that signed it is not trusted."]


def _members(bundle: Bundle, advance: Advance | None) -> Iterator[CheckedMember]:
    for member in bundle.manifest.members:
        is_intact = True
        try:
            bundle.check(advance, names=[member.name])
        except BundleError:
            is_intact = False
        yield CheckedMember(
            name=member.name,
            size_bytes=member.size_bytes,
            sha256=member.sha256,
            is_intact=is_intact,
        )


def _runs(artifact: BundledArtifact, backend: str | None) -> list[str]:
    """Return the runtimes of this machine that a model file is tried on, be they the target's or others."""
    return [name for name in installed_backends(artifact.format) if backend in {None, name}]


def _not_run(manifest: Manifest, backend: str | None) -> Iterator[str]:
    for artifact in manifest.artifacts:
        if not _runs(artifact, backend):
            fitting = [name for name, entry in BACKENDS.items() if entry.format == artifact.format]
            if backend is None or backend in fitting:
                wanted = backend or " or ".join(fitting)
                yield f"{artifact.member} was not run: {wanted} is not installed here."
            else:
                yield f"{artifact.member} was not run: {backend} does not run it."


def _trials(
    bundle: Bundle, backend: str | None, options: BackendOptions
) -> tuple[list[Candidate], list[str]]:
    """Run the model files; return what came of it, and what of that is a problem."""
    manifest, counts = bundle.manifest, (options.threads,)
    try:
        data = bundle.read(manifest.golden_photos, MOST_SCORES_BYTES)
        photos = from_json(GoldenPhotos, data, name=manifest.golden_photos).photos
        names = [artifact.member for artifact in manifest.artifacts]
        names += [manifest.golden_photos, *(photo.member for photo in photos)]
        with _folder() as folder:
            bundle.unpack(Path(folder), names)
            trials = [
                replace(trial, failure=trial.failure.replace(f"{folder}/", ""))
                for one in manifest.artifacts
                for name in _runs(one, backend)
                for trial in try_artifact(
                    Path(folder), manifest, one, name, python=_python(), counts=counts
                )
            ]
    except (BundleError, SpecError) as error:
        return [], [error.message]
    return trials, [
        f"{one.artifact} on {one.backend}: {one.failure.rstrip('.')}."
        for one in trials
        if one.failure
    ]


def _folder() -> tempfile.TemporaryDirectory[str]:
    with storage_errors("write", Path(tempfile.gettempdir())):
        return tempfile.TemporaryDirectory(prefix="edgecls-verify-")


def _python() -> list[str]:
    """Return a command line that runs a candidate with the packages of this very process, unmeasured."""
    program = f"import sys; sys.path[:] = {sys.path!r}; from {CANDIDATE} import main; "
    return [sys.executable, "-I", "-c", f"{program}main(sys.argv[1:], measure_s=0)"]
