"""``POST /classify``: what a photo shows, with a model of its own so that the run is not held up."""

from collections.abc import Callable
from functools import partial
from typing import Any

from aiohttp import web

from edgecls_device.classifier import Classifier
from edgecls_device.images import decode_image, is_picture
from edgecls_device.web.bodies import RefusedError, read_body
from edgecls_device.web.forms import FORM, file_in_form
from edgecls_device.web.messages import prediction_record
from edgecls_device.web.middlewares import json_answer
from edgecls_device.web.photo_size import LARGEST_PHOTO_PIXELS, pixels_of
from edgecls_device.web.worker import Worker

__all__ = ["LARGEST_PHOTO_BYTES", "PhotoClassifier"]

LARGEST_PHOTO_BYTES = 20_000_000
BODY_S = 30.0
MOST_AT_ONCE = 5  # one is classified, four wait; so many photos are in memory at most
LABELS = 5
FORM_BYTES = 100_000  # what a form may have besides the photo
AS_BODY = "send the photo as it is, with Content-Type: image/jpeg"
AS_FORM = "for example: curl -F photo=@cat.jpg http://127.0.0.1:8080/classify"


class PhotoClassifier:
    """Classifies photos one after the other; the model is opened with the first one."""

    def __init__(
        self,
        worker: Worker,
        open_classifier: Callable[[], Classifier],
        *,
        body_s: float = BODY_S,
    ) -> None:
        self._worker = worker
        self._open_classifier = open_classifier
        self._body_s = body_s
        self._classifier: Classifier | None = None
        self._reading = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Classify the photo in the body, or in the form field ``photo``."""
        _check_head(request)
        if self._reading + self._worker.pending >= MOST_AT_ONCE:
            raise RefusedError(429, "Other photos wait already.", "try again in a second")
        self._reading += 1
        try:
            data = await self._read(request)
        finally:
            self._reading -= 1
        return json_answer(await self._worker.run(partial(self._classify, data)))

    async def _read(self, request: web.Request) -> bytes:
        is_form = request.content_type == FORM
        most_bytes = LARGEST_PHOTO_BYTES + (FORM_BYTES if is_form else 0)
        data = await read_body(request, most_bytes=most_bytes, within_s=self._body_s)
        if is_form:
            photo = file_in_form(data, request.headers.get("Content-Type", ""), "photo")
            if photo is None:
                raise RefusedError(
                    400, "Expected a form with a file 'photo', got another.", AS_FORM
                )
            data = photo
        if data and not is_picture(data[:12]):
            raise RefusedError(415, "Expected a JPEG, PNG, WebP or BMP picture.", AS_BODY)
        if (pixels := pixels_of(data)) > LARGEST_PHOTO_PIXELS:
            most, got = LARGEST_PHOTO_PIXELS // 10**6, pixels // 10**6
            message = f"Expected at most {most} million pixels, got {got} million."
            raise RefusedError(413, message, "make the photo smaller")
        return data

    def _classify(self, data: bytes) -> dict[str, Any]:
        frame = decode_image(data, name="photo")
        if self._classifier is None:
            self._classifier = self._open_classifier()
        height, width = frame.shape[:2]
        prediction = self._classifier.classify(frame, k=LABELS)
        return {"width": width, "height": height, **prediction_record(prediction)}

    def close(self) -> None:
        """Free the model once the worker has done what it does now."""
        if self._classifier is not None:
            self._classifier.close()


def _check_head(request: web.Request) -> None:
    kind = request.content_type
    if not kind.startswith("image/") and kind not in {FORM, "application/octet-stream"}:
        raise RefusedError(415, f"Expected a photo, got {kind}.", AS_BODY)
    if (request.content_length or 0) > LARGEST_PHOTO_BYTES + FORM_BYTES:
        message = f"Expected at most {LARGEST_PHOTO_BYTES // 10**6} MB, got more."
        raise RefusedError(413, message, "make the photo smaller")
