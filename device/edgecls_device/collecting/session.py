"""Taking photos of one class: what the camera sees, when a person or a clock says so."""

from collections import Counter
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol, TypeAlias

from edgecls_device.collecting.photo_store import PhotoStore
from edgecls_device.decisions.frame_clock import FrameClock
from edgecls_device.errors import EdgeclsError, FrameError, SourceError, StorageError
from edgecls_device.sources.protocol import CapturedFrame, Source
from edgecls_device.stop import Stop

__all__ = ["Collected", "Controls", "Press", "Progress", "collect_photos"]

Press: TypeAlias = Literal["", "take", "quit"]

APART_S = 0.1
"""A key that is held takes at most so many photos a second; near duplicates are left out besides."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a session is.

    Attributes:
        label: What is collected.
        photos: Photos in the class folder now.
        saved: Photos saved in this session.
        similar: Photos left out as near duplicates in this session.
        news: What happened last, a few words; empty if nothing did since the frame before.
        trouble: Why no frames come; empty while they do.
    """

    label: str
    photos: int
    saved: int
    similar: int
    news: str = ""
    trouble: str = ""


class Controls(Protocol):
    """Where a person looks and presses."""

    def show(self, frame: CapturedFrame | None, progress: Progress) -> None:
        """Show the newest frame, if there is one, and how far it is."""

    def poll(self) -> Press:
        """Return what was pressed since the last call; never waits longer than 20 ms."""

    def close(self) -> None:
        """Give back the terminal or the window; twice is harmless."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Collected:
    """What came of a session.

    Attributes:
        label: What was collected.
        directory: Where it lies.
        saved: Photos saved in this session, by class.
        similar: Photos left out as near duplicates.
        photos: Photos in each class folder now.
        ended_by: ``end``, ``count``, ``error``, or who asked to stop.
        error: What ended it, if it was an error.
    """

    kind: ClassVar[str] = "edgecls.collected"
    version: ClassVar[int] = 1

    label: str
    directory: str
    saved: dict[str, int]
    similar: int
    photos: dict[str, int]
    ended_by: str
    error: str = ""


def collect_photos(
    source: Source,
    store: PhotoStore,
    label: str,
    controls: Controls,
    *,
    stop: Stop,
    every_s: float | None = None,
    count: int | None = None,
) -> tuple[Collected, EdgeclsError | None]:
    """Take photos until the source ends, enough are saved, or somebody asks to stop.

    Args:
        source: Closed by the caller.
        store: Where photos go.
        label: Their class.
        controls: Where a person looks and presses; closed by the caller.
        stop: Looked at between frames.
        every_s: Take one every so many seconds of the source's own time; None for none by itself.
        count: Stop after so many saved photos.

    Returns:
        What came of it, and the error that ended it, so that the one can be told before the other.

    Raises:
        DataError: If the label cannot be the name of a class folder.
    """
    session = _Session(store, label, every_s=every_s, count=count)
    error: EdgeclsError | None = None
    try:
        ended_by = session.run(source, controls, stop)
    except (SourceError, StorageError) as lost:
        ended_by, error = "error", lost
    collected = Collected(
        label=label,
        directory=str(store.directory),
        saved=dict(session.saved),
        similar=session.similar,
        photos=store.counts(),
        ended_by=ended_by,
        error="" if error is None else error.message,
    )
    return collected, error


@dataclass(kw_only=True, slots=True)
class _Timer:
    """When the next photo is due."""

    every_s: float | None
    clock: FrameClock = field(default_factory=FrameClock)
    taken_s: float = float("-inf")

    def is_due(self, frame: CapturedFrame, press: Press) -> bool:
        passed_s = self.clock.advance(frame) - self.taken_s
        is_due = press == "take" or (self.every_s is not None and passed_s >= self.every_s - 1e-6)
        return is_due and passed_s >= min(APART_S, self.every_s or APART_S) - 1e-6

    def note_taken(self) -> None:
        self.taken_s = self.clock.now_s


class _Session:
    """One session: its counters."""

    def __init__(
        self, store: PhotoStore, label: str, *, every_s: float | None, count: int | None
    ) -> None:
        self._store, self._label, self._count = store, label, count
        self._timer = _Timer(every_s=every_s)
        self._photos = store.count(label)
        self._before, self._similar_before = store.saved, store.similar

    @property
    def saved(self) -> Counter[str]:
        """Photos saved so far, by label: a page saves others too."""
        return self._store.saved - self._before

    @property
    def similar(self) -> int:
        """Photos left out so far."""
        return self._store.similar - self._similar_before

    def run(self, source: Source, controls: Controls, stop: Stop) -> str:
        """Take photos; return what ended it."""
        press: Press = ""
        while self._count is None or self.saved.total() < self._count:
            frame = source.read(stop)
            press = controls.poll() or press
            if press == "quit":
                return "the user"
            if frame is None:
                if stop.is_requested:
                    return stop.reason
                if source.status.state == "ended":
                    return "end"
                controls.show(None, self._progress(trouble=source.status.trouble))
                continue
            news = ""
            if self._timer.is_due(frame, press):
                news, press = self._take(frame), ""
            controls.show(frame, self._progress(news=news))
        return "count"

    def _take(self, frame: CapturedFrame) -> str:
        self._timer.note_taken()
        try:
            saved = self._store.save(frame.image, self._label)
        except FrameError as error:
            return f"not a picture: {error.message}"
        return f"saved {saved.relative_path}" if saved.is_new else "left out: as one before"

    def _progress(self, *, news: str = "", trouble: str = "") -> Progress:
        return Progress(
            label=self._label,
            photos=self._photos + self.saved[self._label],
            saved=self.saved.total(),
            similar=self.similar,
            news=news,
            trouble=trouble,
        )
