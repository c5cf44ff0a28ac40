"""Saving a picture under a label, for the next training."""

from functools import partial
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from edgecls_device.arrays import Frame
from edgecls_device.collecting.class_folder import check_class_name
from edgecls_device.errors import DataError
from edgecls_device.web.middlewares import json_answer, refusal
from edgecls_device.web.sink import Shot, WebSink
from edgecls_device.web.worker import Worker

__all__ = ["Saved", "Saving", "Store"]

MOST_WAITING = 4
LONGEST_LABEL = 60


class Saved(Protocol):
    """What became of a photo; see ``collecting.photo_store.Saved``."""

    @property
    def label(self) -> str:
        """Its class."""

    @property
    def path(self) -> Path:
        """Its file."""

    @property
    def relative_path(self) -> str:
        """Its file, below the store."""

    @property
    def count(self) -> int:
        """Photos of that class now."""

    @property
    def is_new(self) -> bool:
        """False if a photo saved before shows the same."""


class Store(Protocol):
    """Where photos are saved; see ``collecting.photo_store.PhotoStore``."""

    def save(self, image: Frame, label: str) -> Saved:
        """Save a photo under a label, from any thread."""


class Saving:
    """Saves what the page shows."""

    def __init__(
        self, store: Store, worker: Worker, sink: WebSink, labels: tuple[str, ...]
    ) -> None:
        self._store, self._worker, self._sink = store, worker, sink
        self._labels = frozenset(labels)

    async def save(self, shot: Shot, label: str) -> dict[str, Any]:
        """Save the picture of a result.

        Raises:
            DataError: If the label is neither one of the model's nor fit to be one, or too many wait.
            StorageError: If it cannot be written.
        """
        if label not in self._labels and len(check_class_name(label)) > LONGEST_LABEL:
            message = f"Expected a label of at most {LONGEST_LABEL} characters, got {len(label)}."
            raise DataError(message, hint="choose a shorter name")
        if self._worker.pending >= MOST_WAITING:
            message = "Other pictures are being saved."
            raise DataError(message, hint="try again in a second")
        image = shot.result.image
        saved = await self._worker.run(partial(self._store.save, image, label))
        return {
            "label": saved.label,
            "path": saved.relative_path,
            "count": saved.count,
            "is_new": saved.is_new,
        }

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Save the newest picture.

        A form of another site cannot send JSON or a header of its own without asking first.
        """
        is_ours = "X-Requested-With" in request.headers
        if request.content_type != "application/json" and not is_ours:
            hint = "send Content-Type: application/json, or a header X-Requested-With"
            return refusal(415, "Expected application/json.", hint)
        newest = self._sink.newest
        if newest is None:
            return refusal(503, "There is no picture yet.", "see /ready")
        return json_answer(await self.save(newest, request.query.get("label", "")))
