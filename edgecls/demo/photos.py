"""The demo's photos on disk: class folders of JPEG files, all of one seed, whole or not at all."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from edgecls_device.errors import EdgeclsError, OptionError
from edgecls_device.files import make_directory, read_bytes, storage_errors
from edgecls_device.records import from_json, to_json

from edgecls.data.parallel import cores, each
from edgecls.demo.render import encode_photo, render_photo
from edgecls.demo.shapes import LABELS
from edgecls.progress import Advance

__all__ = ["DrawnPhotos", "are_drawn", "draw_photos", "read_drawn"]

RECORD_NAME = ".edgecls-demo.json"  # hidden: not a photo, and not to be reported as another file
RENDERING = 1  # counted up when the same seed gives other photos
MAX_RECORD_BYTES = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class DrawnPhotos:
    """Which photos a folder holds.

    Attributes:
        seed: What they were drawn from.
        per_class: How many of each shape.
        rendering: Version of the code that drew them.
    """

    kind: ClassVar[str] = "edgecls.demo_photos"
    version: ClassVar[int] = 1

    seed: int
    per_class: int
    rendering: int = RENDERING


def read_drawn(root: Path) -> DrawnPhotos | None:
    """Return what was drawn in a folder; None if it does not exist or was not finished by the demo.

    Raises:
        OptionError: If there is something else.
    """
    record = root / RECORD_NAME
    if record.is_file():
        try:
            data = read_bytes(record, max_bytes=MAX_RECORD_BYTES)
            return from_json(DrawnPhotos, data, name=str(record))
        except EdgeclsError:  # of another version: drawn anew
            return None
    if not root.exists():
        return None
    message = (
        f"Expected photos that the demo drew in {str(root)!r}, or nothing, got something else."
    )
    raise OptionError(message, hint="name another directory: edgecls demo --out runs/demo2")


def are_drawn(root: Path, *, seed: int, per_class: int) -> bool:
    """Return whether ``root`` holds just these photos.

    Raises:
        OptionError: If it holds something that the demo did not make.
    """
    wanted = DrawnPhotos(seed=seed, per_class=per_class)
    return read_drawn(root) == wanted and _counts(root) == dict.fromkeys(LABELS, per_class)


def draw_photos(
    root: Path, *, seed: int, per_class: int, on_progress: Advance | None = None
) -> None:
    """Draw ``per_class`` photos of each shape into ``root/<label>/``.

    They are drawn beside ``root`` and moved there when all are done.

    Args:
        root: The folder; photos of the demo that are there are replaced.
        seed: The same seed gives the same bytes.
        per_class: How many of each.
        on_progress: Called with the number of photos just drawn, of ``per_class * len(LABELS)``.

    Raises:
        OptionError: If ``root`` holds something that the demo did not make.
        StorageError: If they cannot be written.
    """
    read_drawn(root)
    wanted = DrawnPhotos(seed=seed, per_class=per_class)
    with _replacing(root) as folder:
        for label in LABELS:
            make_directory(folder / label)
        items = [(label, index) for label in LABELS for index in range(per_class)]

        def draw_one(item: tuple[str, int]) -> None:
            label, index = item
            path = folder / label / f"{label}-{index:04}.jpg"
            path.write_bytes(encode_photo(render_photo(label, seed=seed, index=index)))

        for _ in each(draw_one, items, threads=cores(), on_progress=on_progress):
            pass
        (folder / RECORD_NAME).write_text(to_json(wanted), encoding="utf-8")


def _counts(root: Path) -> dict[str, int]:
    return {label: len(list((root / label).glob("*.jpg"))) for label in LABELS}


@contextmanager
def _replacing(root: Path) -> Iterator[Path]:
    """Give an empty folder beside ``root`` that takes its place when the block ends without an error."""
    make_directory(root.parent)
    prefix = f".{root.name}.drawing-"
    with storage_errors("write", root):
        for left_over in root.parent.glob(f"{prefix}*"):  # of a run that was killed
            shutil.rmtree(left_over)
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=root.parent))
        folder.chmod(0o755)
        try:
            yield folder
            if root.exists():
                shutil.rmtree(root)
            folder.rename(root)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
