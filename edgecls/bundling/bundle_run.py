"""``bundle_run``: a run becomes one file that installs it on a device."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecls_device.artifact import Artifact
from edgecls_device.bundles.signing import is_private, public_key
from edgecls_device.errors import BundleError
from edgecls_export.bundles.bundling import bundle, wheels_bytes
from edgecls_export.bundles.golden_scores import PhotoFile, golden_photos, photo_member
from edgecls_export.bundles.request import BundleRequest, BundleResult
from edgecls_export.bundles.targets import Target, check_wish

from edgecls import __version__
from edgecls.bundling.artifacts import bundle_name, choose_artifacts
from edgecls.bundling.photos import DEFAULT_PHOTOS, choose_photos
from edgecls.progress import progress
from edgecls.run_directory import RunDirectory

__all__ = ["BundleOptions", "bundle_run"]

BYTES_PER_STEP = 1_000_000
SIDE_FACTOR = 1.25
"""How much larger than the model's input a large photo stays, so that all its preprocessing is tried."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleOptions:
    """What may be chosen.

    Attributes:
        name: What is installed; None for the run's name.
        python: The target's version of Python; None for its default.
        backends: Runtimes of the target; none for all that run a chosen file.
        artifacts: Exported files by name; none for the target's default ones.
        photos: How many golden photos; 0 for none.
        data: A folder to take them from; None for the run's test photos.
        release: The release number; None to count by itself.
        key: File of the private key to sign with; None for an unsigned bundle.
        out: The file to write; None for one in ``RUN/bundles``.
    """

    name: str | None = None
    python: str | None = None
    backends: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    photos: int = DEFAULT_PHOTOS
    data: Path | None = None
    release: int | None = None
    key: Path | None = None
    out: Path | None = None


def bundle_run(run: RunDirectory, target: Target, options: BundleOptions) -> BundleResult:
    """Bundle exported files of a run for a target.

    Raises:
        BundleError: If the key cannot sign.
        DataError: If nothing fitting was exported, or there are no photos.
        MissingDependencyError: If a runtime, pip or openssl is missing.
        NetworkError: If a wheel is not kept and cannot be downloaded.
        OptionError: If the target lacks what is wished.
        StorageError: If a file cannot be read or written.
    """
    python = check_wish(target, python=options.python, backends=options.backends)
    target = target.narrowed(options.backends or target.facts.backends)
    name = bundle_name(run, options.name)
    _check_key(options.key)
    artifacts = choose_artifacts(run, target, options.artifacts, name=name)
    formats = {artifact.format for artifact in artifacts.values()}
    used = [name for form in sorted(formats) for name in target.backends_of(form)]
    photos = _photos(run, artifacts, options)
    steps = len(photos) * len(artifacts)
    with progress("Scores of golden photos", steps) as advance:
        golden = golden_photos(artifacts, photos, advance=advance)
    request = BundleRequest(
        name=name,
        target=target.narrowed(used),  # no wheel of a runtime that has nothing to run
        python=python,
        artifacts=artifacts,
        golden=golden,
        photos={photo_member(i, photo): photo.data for i, photo in enumerate(photos)},
        folder=run.bundles,
        made_by=__version__,
        release=options.release,
        key=options.key,
        out=options.out,
    )
    total = wheels_bytes(request)
    with progress("Wheels, MB", round(total / BYTES_PER_STEP)) as advance:
        done = 0

        def count(size: int) -> None:
            nonlocal done
            before, done = done, done + size
            advance(round(done / BYTES_PER_STEP) - round(before / BYTES_PER_STEP))

        return bundle(request, advance=count)


def _check_key(key: Path | None) -> None:
    """Refuse a key that cannot sign, before anything slow."""
    if key is None:
        return
    public_key(key)
    if not is_private(key):
        message = f"Expected a private key to sign with, got {str(key)!r}, which is a public one."
        raise BundleError(message, hint="name the file without .pub")


def _photos(
    run: RunDirectory, artifacts: Mapping[str, Artifact], options: BundleOptions
) -> Sequence[PhotoFile]:
    if options.photos == 0:
        return ()
    sizes = [artifact.spec.preprocessing for artifact in artifacts.values() if artifact.spec]
    side_px = round(SIDE_FACTOR * max(max(size.height, size.width) for size in sizes))
    with progress("Golden photos", options.photos) as advance:
        return choose_photos(run, options.data, options.photos, side_px=side_px, advance=advance)
