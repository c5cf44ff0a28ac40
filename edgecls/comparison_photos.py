"""The photos of a comparison: the test split of a run, or a folder with the model's labels or without."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from edgecls_bench.evaluation import LabelledPhoto
from edgecls_device.errors import DataError, OptionError, StorageError

from edgecls.data.download import sha256_of
from edgecls.data.folders import photos_below
from edgecls.data.load import PhotoSet, load_photos
from edgecls.data.parallel import cores, each
from edgecls.data.split import read_split
from edgecls.nearest_labels import nearest_labels
from edgecls.progress import Advance
from edgecls.run_directory import RunDirectory

__all__ = [
    "ComparisonPhotos",
    "missing_labels",
    "photos_in_folder",
    "photos_of_run",
    "photos_without_classes",
    "trained_on",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparisonPhotos:
    """Photos with the class ids of a model's shown labels, or all without.

    Attributes:
        data: The folder they are in.
        split: ``test``, or ``all`` for a folder that was given.
        photos: The photos, by class and then by path.
        trained_on: How many of them the run was trained on.
    """

    data: Path
    split: str
    photos: tuple[LabelledPhoto, ...]
    trained_on: int = 0

    def limited(self, most: int | None) -> "ComparisonPhotos":
        """Return at most ``most`` photos, evenly spread, so that every class keeps its share.

        Raises:
            OptionError: If ``most`` is below 1.
        """
        if most is None or most >= len(self.photos):
            return self
        if most < 1:
            message = f"Expected a limit of at least 1 photo, got {most}."
            raise OptionError(message, hint="leave --limit out to use all photos")
        chosen = (self.photos[i * len(self.photos) // most] for i in range(most))
        return replace(self, photos=tuple(chosen))


def missing_labels(per_class: Sequence[float | None], labels: Sequence[str]) -> str:
    """Say which labels no photo is of, so that nothing is said about them; empty if there are none.

    Args:
        per_class: Accuracy per label; None where a label has no photo.
        labels: The labels.
    """
    missing = [label for label, share in zip(labels, per_class, strict=True) if share is None]
    if not missing:
        return ""
    shown = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
    return (
        f"no photo of {len(missing)} of {len(labels)} labels ({shown}): nothing is said about them"
    )


def photos_of_run(
    run: RunDirectory, labels: Sequence[str], *, with_classes: bool = True
) -> ComparisonPhotos:
    """Return the test split of a run, which nothing else has touched.

    Args:
        run: A trained run.
        labels: The shown labels of its artifacts.
        with_classes: Whether their classes count; without, they may have other names than the labels.

    Raises:
        DataError: If the run was not trained on photos, they are gone, or its labels are others.
    """
    if not run.split.is_file():
        message = f"Expected the test photos of a training in {str(run.split)!r}, got no such file."
        hint = f"give photos, a folder for each label: edgecls compare {run.path} --data PHOTOS"
        raise DataError(message, hint=hint)
    split = read_split(run.split)
    if not Path(split.root).is_dir():
        message = f"Expected the photos of the run in {split.root!r}, got no such folder."
        hint = f"put it back, or name another: edgecls compare {run.path} --data PHOTOS"
        raise DataError(message, hint=hint)
    places = _places(split.labels, labels, where=split.root) if with_classes else {}
    photos = tuple(
        LabelledPhoto(path=split.path_of(photo), class_id=places.get(photo.class_id))
        for photo in split.subset("test")
    )
    return ComparisonPhotos(data=Path(split.root), split="test", photos=photos)


def photos_in_folder(
    root: Path,
    labels: Sequence[str],
    *,
    run: RunDirectory | None = None,
    on_progress: Advance | None = None,
) -> ComparisonPhotos:
    """Return all photos of a folder whose class folders are named like labels of the model.

    Args:
        root: The folder; some of the model's labels are enough, and one photo of one of them.
        labels: The shown labels of the artifacts.
        run: Where the artifacts come from, to count photos that were trained on.
        on_progress: Called with the number of files just hashed.

    Raises:
        DataError: If a class folder is no label of the model, there is no photo in them, or the folder cannot
            be used.
    """
    found = load_photos(root, is_for_training=False, on_progress=on_progress)
    places = _places(found.labels, labels, where=str(root), deeper=_deeper(found, labels))
    if not found.photos:
        reasons = ", ".join(f"{n} {reason}" for reason, n in found.skipped_counts.items())
        left_out = f" (left out: {reasons})" if reasons else ""
        message = f"Expected photos in the class folders of {str(root)!r}, got none{left_out}."
        raise DataError(message, hint="give a folder for each label, with photos in it")
    photos = tuple(
        LabelledPhoto(path=photo.path, class_id=places[photo.class_id]) for photo in found.photos
    )
    trained = trained_on(run)
    return ComparisonPhotos(
        data=found.root,
        split="all",
        photos=photos,
        trained_on=sum(photo.content_hash in trained for photo in found.photos),
    )


def photos_without_classes(
    root: Path,
    *,
    run: RunDirectory | None = None,
    hint: str = "give a folder of photos",
    on_progress: Advance | None = None,
) -> ComparisonPhotos:
    """Return all photos at any depth below a folder, without classes, each content once.

    Args:
        root: The folder; what its folders are called does not matter.
        run: Where the artifacts come from, to count photos that were trained on.
        hint: What to give instead, if there are none.
        on_progress: Called with the number of files just hashed.

    Raises:
        DataError: If there is no such folder, or no photo in it.
        StorageError: If a folder may not be read.
    """
    found = photos_below(root, hint=hint)
    if not found:
        message = f"Expected photos in {str(root)!r}, got none."
        raise DataError(message, hint=hint)
    by_content = {
        key: path
        for path, key in each(_content, found[::-1], threads=cores(), on_progress=on_progress)
    }
    trained = trained_on(run)
    return ComparisonPhotos(
        data=root.expanduser().resolve(),
        split="all",
        photos=tuple(
            LabelledPhoto(path=path, class_id=None) for path in sorted(by_content.values())
        ),
        trained_on=len(by_content.keys() & trained),
    )


def _content(path: Path) -> str:
    """Return the hash of a file; one that cannot be read is itself, and left out when it is looked at."""
    try:
        return sha256_of(path) if path.is_file() else str(path)
    except StorageError:
        return str(path)


def trained_on(run: RunDirectory | None) -> Set[str]:
    """Return the hashes of the photos that a run was trained on; empty where nobody knows."""
    if run is None or not run.split.is_file():
        return frozenset()
    return {photo.content_hash for photo in read_split(run.split).subset("train")}


def _deeper(found: PhotoSet, labels: Sequence[str]) -> str:
    """Return the only folder in a folder if it holds folders named like labels; else nothing."""
    folder = found.root / found.labels[0]
    is_deeper = len(found.labels) == 1 and any((folder / label).is_dir() for label in labels)
    return str(folder) if is_deeper else ""


def _places(
    names: Sequence[str], labels: Sequence[str], *, where: str, deeper: str = ""
) -> Mapping[int, int]:
    """Return class id in the photos -> class id in the model.

    Args:
        names: Class folders.
        labels: The model's labels.
        where: The folder they are in, for the message.
        deeper: Folder that may have been meant.
    """
    place = {label: i for i, label in enumerate(labels)}
    unknown = [name for name in names if name not in place]
    if unknown:
        shown = ", ".join(map(repr, unknown[:5]))
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        message = (
            f"Expected class folders named like the model's labels in {where!r}, got {shown}{more}."
        )
        hint = nearest_labels(unknown[:5], labels, first="rename the folders")
        if deeper:
            hint = f"the classes are one folder further down: give {deeper}"
        raise DataError(message, hint=hint)
    return {i: place[name] for i, name in enumerate(names)}
