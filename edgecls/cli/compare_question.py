"""What ``edgecls compare`` was asked for, and the photos it is about."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from edgecls_bench.cases import Case, spec_of
from edgecls_bench.comparison import Gate
from edgecls_device.errors import OptionError

from edgecls.cli.executor_options import Spread
from edgecls.comparison_photos import (
    ComparisonPhotos,
    photos_in_folder,
    photos_of_run,
    photos_without_classes,
)
from edgecls.data.folders import find_photos, photos_below
from edgecls.progress import progress, say
from edgecls.scale.sources import is_shards
from edgecls.targets import Target

__all__ = ["Question"]


@dataclass(frozen=True, kw_only=True)
class Question:
    """A comparison, as the command line asks for it.

    Attributes:
        target: The exported files.
        cases: What is compared.
        data: Where photos are; None for the test split of the run.
        has_classes: Whether what they show counts.
        limit: Photos at most.
        backends: Backends; None for all that are installed.
        gate: What every file has to keep.
        out_of_set: Folder of photos of none of the classes.
        spread: Who does the work.
        results: Where results are kept; None for the run, or nowhere without one.
    """

    target: Target
    cases: tuple[Case, ...]
    data: str | None
    has_classes: bool
    limit: int | None
    backends: list[str] | None
    gate: Gate | None
    out_of_set: Path | None
    spread: Spread
    results: Path | None

    @property
    def labels(self) -> tuple[str, ...]:
        """The shown labels."""
        return spec_of(self.target.artifacts[0]).output_labels

    @cached_property
    def shards(self) -> str:
        """Where shards are; "" for photo files."""
        return self.data if self.data is not None and is_shards(self.data) else ""

    @property
    def is_large(self) -> bool:
        """Whether worker processes look at the photos."""
        return bool(self.shards) or self.spread.is_asked or self.results is not None

    def photos(self) -> ComparisonPhotos:
        """Find photo files, at most as many as were asked for, and say how many were trained on.

        Raises:
            OptionError: If neither a folder nor a run was given.
            DataError: If they do not fit the model, or there are none.
        """
        photos = self._all_photos()
        if photos.trained_on:
            say(
                f"{photos.trained_on} of these photos were trained on; their accuracy promises nothing"
            )
        return photos.limited(self.limit)

    def _all_photos(self) -> ComparisonPhotos:
        run = self.target.run
        if self.data is None:
            if run is None:
                message = "Expected photos to compare model files on, got no --data."
                hint = "add --data PHOTOS, a folder for each label; or give a run"
                raise OptionError(message, hint=hint)
            return photos_of_run(run, self.labels, with_classes=self.has_classes)
        data = Path(self.data)
        if self.has_classes:
            found = find_photos(data, fewest_classes=1)
            with progress("Reading photos", len(found.photos)) as advance:
                return photos_in_folder(data, self.labels, run=run, on_progress=advance)
        with progress("Reading photos", len(photos_below(data))) as advance:
            return photos_without_classes(data, run=run, on_progress=advance)

    def outside(self) -> tuple[Path, ...]:
        """Find photos of none of the classes; none if no folder of them was given.

        Raises:
            DataError: If there are none in the folder.
        """
        if self.out_of_set is None:
            return ()
        hint = "give a folder of photos of none of the classes"
        found = photos_without_classes(self.out_of_set, hint=hint)
        return tuple(photo.path for photo in found.photos)
