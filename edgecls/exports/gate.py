"""The gate of ``--recipe auto``: each rung against float32 of its format, on labelled photos."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecls_bench.compare import compare
from edgecls_bench.comparison import Gate, Judgement
from edgecls_bench.evaluation import LabelledPhoto
from edgecls_bench.gate import judge
from edgecls_bench.paired import paired_difference
from edgecls_device.artifact import read_artifact
from edgecls_device.backends.table import choose_backend
from edgecls_device.errors import DataError
from edgecls_device.spec import ModelSpec

from edgecls.comparison_photos import missing_labels, photos_in_folder
from edgecls.data.folders import find_photos
from edgecls.exports.photos import choose_validation
from edgecls.progress import progress, say
from edgecls.run_directory import RunDirectory

__all__ = ["GatePhotos", "Seen", "Weighed", "gate_photos", "look", "weigh"]


@dataclass(frozen=True, kw_only=True, slots=True)
class GatePhotos:
    """Photos that decide.

    Attributes:
        data: The folder they are in.
        split: ``val``, or ``all`` for a folder that was given.
        photos: The photos.
    """

    data: Path
    split: str
    photos: tuple[LabelledPhoto, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What one file says of these photos.

    Attributes:
        predicted: Best class of each photo that can be read.
        class_ids: Its true class.
        labels_without_photos: Labels that none of them is of.
    """

    predicted: tuple[int, ...]
    class_ids: tuple[int, ...]
    labels_without_photos: int = 0

    @property
    def is_right(self) -> list[bool]:
        """Whether it is right, per photo."""
        return [a == b for a, b in zip(self.predicted, self.class_ids, strict=True)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Weighed:
    """One file against its reference.

    Attributes:
        judgement: What the gate says.
        is_within: Whether what was observed keeps the limits, proven or not.
    """

    judgement: Judgement
    is_within: bool


def gate_photos(
    run: RunDirectory, spec: ModelSpec, *, data: Path | None, folder: Path | None
) -> GatePhotos:
    """Return the photos that decide: the validation split of a run, or all of a folder.

    The test split stays untouched: a file that was chosen on it would look better on it than it is.

    Args:
        run: A trained run.
        spec: Of its model.
        data: Where the photos of the run are now, if they were moved.
        folder: Photos to decide on instead, a folder for each label.

    Raises:
        DataError: If the run was not trained on photos, they are gone, or the folder does not fit the model.
    """
    if folder is not None:
        total = len(find_photos(folder, fewest_classes=1).photos)
        with progress("Reading photos to decide on", total) as advance:
            found = photos_in_folder(folder, spec.output_labels, run=run, on_progress=advance)
        if found.trained_on:
            say(
                f"{found.trained_on} of these photos were trained on; they prove less than new ones"
            )
        return _told(
            GatePhotos(data=found.data, split=found.split, photos=found.photos), spec.output_labels
        )
    if not run.split.is_file():
        message = (
            f"Expected photos to decide on, got a run that was trained on none: {str(run.path)!r}."
        )
        hint = (
            f"edgecls export {run.path} --recipe auto --gate-data PHOTOS, a folder for each label"
        )
        raise DataError(message, hint=hint)
    root, files = choose_validation(run, data=data)
    photos = [
        LabelledPhoto(path=path, class_id=class_id)
        for path, class_id in zip(files.paths, files.class_ids, strict=True)
    ]
    return _told(GatePhotos(data=root, split="val", photos=tuple(photos)), spec.output_labels)


def _told(given: GatePhotos, labels: Sequence[str]) -> GatePhotos:
    """Return the photos, having said which labels none of them is of: then nothing can be proven."""
    class_ids = {photo.class_id for photo in given.photos}
    shares = [1.0 if class_id in class_ids else None for class_id in range(len(labels))]
    missing = missing_labels(shares, labels)
    if missing:
        say(f"warning: {missing}, so no file can be proven to hold")
    return given


def look(path: Path, spec: ModelSpec, given: GatePhotos) -> Seen:
    """Return what a file says of the photos, on the runtime that ships."""
    artifact = read_artifact(path)
    found = compare(
        [artifact],
        given.photos,
        labels=spec.output_labels,
        data=given.data,
        split=given.split,
        backends=[choose_backend(artifact.format)],
        most_listed=None,
    )
    return Seen(
        predicted=found.cases[0].predicted,
        class_ids=found.class_ids,
        labels_without_photos=found.cases[0].labels_without_photos,
    )


def weigh(gate: Gate, reference: Seen, other: Seen) -> Weighed:
    """Judge one file against another on the same photos."""
    photos = len(reference.predicted)
    agreeing = sum(a == b for a, b in zip(reference.predicted, other.predicted, strict=True))
    paired = paired_difference(reference.is_right, other.is_right)
    return Weighed(
        judgement=judge(
            gate,
            paired,
            agreeing,
            photos,
            labels_without_photos=reference.labels_without_photos,
        ),
        is_within=(gate.max_drop is None or paired.drop <= gate.max_drop)
        and (gate.min_agreement is None or agreeing >= gate.min_agreement * photos),
    )
