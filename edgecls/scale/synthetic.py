"""Shards of drawn photos from a seed: a load of millions of photos, without having any."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import ClassVar

from edgecls_device.errors import ExecutorError, OptionError
from edgecls_device.files import writing
from edgecls_device.opencv import cv2

from edgecls.data.parallel import cores
from edgecls.progress import Advance
from edgecls.scale.shard_set import WrittenShards, begin_shards, shard_name, written_shards
from edgecls.scale.synthetic_drawing import SHAPES, draw_photos
from edgecls.scale.tar_writing import end_of_tar, tar_member

__all__ = ["MAX_SIZE", "MIN_SIZE", "SyntheticPhotos", "synthesize"]

MIN_SIZE, MAX_SIZE = 16, 1024
DRAWING = 1  # counted up when the same seed gives other photos


@dataclass(frozen=True, kw_only=True, slots=True)
class SyntheticPhotos:
    """What decides every byte of a set of drawn photos.

    Attributes:
        photos: How many.
        seed: What they are drawn from.
        size: Height and width in pixels.
        labels: Their classes, in turn.
        photos_per_shard: How many are in a tar; fewer in the last one.
        drawing: Version of the code that draws.
    """

    kind: ClassVar[str] = "edgecls.synthetic_photos"
    version: ClassVar[int] = 1

    photos: int
    seed: int = 0
    size: int = 64
    labels: tuple[str, ...] = tuple(SHAPES)[:3]
    photos_per_shard: int = 1000
    drawing: int = DRAWING

    def __post_init__(self) -> None:
        classes = len(self.labels)
        if not 2 <= classes <= len(SHAPES) or self.labels != tuple(SHAPES)[:classes]:
            message = (
                f"Expected the first 2 to {len(SHAPES)} of {', '.join(SHAPES)}, got {classes}."
            )
            raise OptionError(message, hint=f"--classes {min(max(classes, 2), len(SHAPES))}")
        for name, value, least, most in (
            ("photos", self.photos, 1, 10**9),
            ("seed", self.seed, 0, 2**31 - 1),
            ("size", self.size, MIN_SIZE, MAX_SIZE),
            ("photos_per_shard", self.photos_per_shard, 1, 10**6),
        ):
            if not least <= value <= most:
                message = f"Expected {name} between {least} and {most}, got {value}."
                raise OptionError(message, hint=f"choose between {least} and {most}")

    @property
    def shards(self) -> int:
        """How many tars they make."""
        return -(-self.photos // self.photos_per_shard)

    def range_of(self, shard: int) -> tuple[int, int]:
        """Return the number of a shard's first photo, and that after its last."""
        begin = shard * self.photos_per_shard
        return begin, min(begin + self.photos_per_shard, self.photos)


def synthesize(
    directory: Path,
    wanted: SyntheticPhotos,
    *,
    workers: int | None = None,
    on_progress: Advance | None = None,
) -> WrittenShards:
    """Write tar shards (WebDataset) of drawn photos; shards that are there are not drawn again.

    Every shard is written whole or not at all, and its bytes depend on ``wanted`` alone.

    Args:
        directory: The folder; made if there is none.
        wanted: What to draw.
        workers: How many processes draw; by default one for each core.
        on_progress: Called with the number of photos just drawn or found, of ``wanted.photos``.

    Raises:
        OptionError: If the folder holds something else.
        StorageError: If a shard cannot be written; those before stay.
        ExecutorError: If a process that draws was killed; finished shards stay.
    """
    directory = Path(os.path.abspath(directory.expanduser()))  # noqa: PTH100 - keeps links, takes a missing path
    begin_shards(directory, wanted)
    missing = [n for n in range(wanted.shards) if not (directory / shard_name(n, "tar")).exists()]
    advance = on_progress or _ignore
    missing_photos = sum(end - begin for begin, end in map(wanted.range_of, missing))
    advance(wanted.photos - missing_photos)
    for shard in _drawn(directory, wanted, missing, min(workers or cores(), len(missing))):
        begin, end = wanted.range_of(shard)
        advance(end - begin)
    paths = [directory / shard_name(n, "tar") for n in range(wanted.shards)]
    return written_shards(paths, photos=wanted.photos, labels=wanted.labels, written=len(missing))


def _ignore(steps: int = 1) -> None:
    del steps


def _drawn(
    directory: Path, wanted: SyntheticPhotos, shards: Sequence[int], workers: int
) -> Iterator[int]:
    """Draw shards; yield each when it is there."""
    if workers <= 1:
        for shard in shards:
            yield _draw_shard(directory, wanted, shard)
        return
    try:
        with _processes(workers) as pool:
            drawing = [pool.submit(_draw_shard, directory, wanted, shard) for shard in shards]
            for future in as_completed(drawing):
                yield future.result()
    except BrokenProcessPool as error:
        message = "Expected the processes that draw photos to finish, got one that was killed."
        raise ExecutorError(message, hint="repeat the command; finished shards stay") from error


@contextmanager
def _processes(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Give processes that end with this one, and do not begin anything more after an error or Ctrl-C."""
    pool = ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn"), initializer=_begin_process
    )
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _begin_process() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C, too, and says so once
    cv2.setNumThreads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _draw_shard(directory: Path, wanted: SyntheticPhotos, shard: int) -> int:
    """Draw one shard; return its number."""
    begin, end = wanted.range_of(shard)
    photos = draw_photos(begin, end, seed=wanted.seed, size=wanted.size, classes=len(wanted.labels))
    with writing(directory / shard_name(shard, "tar")) as temporary, temporary.open("wb") as file:
        size = 0
        for number, (label, data) in enumerate(photos, begin):
            size += file.write(tar_member(f"{label}/{number:08}.jpg", data))
        file.write(end_of_tar(size))
    return shard
