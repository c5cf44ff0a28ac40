"""``POST /classify``: what a photo shows, with a model of its own so that the run is not held up."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from aiohttp import web

from edgecls_device.classifier import Classifier
from edgecls_device.images import decode_image, is_picture
from edgecls_device.web.forms import FORM, file_in_form
from edgecls_device.web.messages import prediction_record
from edgecls_device.web.middlewares import json_answer, refusal
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


class _RefusedError(Exception):
    """The request is answered with a refusal."""

    def __init__(self, status: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.hint = status, message, hint


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
        try:
            _check_head(request)
            if self._reading + self._worker.pending >= MOST_AT_ONCE:
                raise _RefusedError(429, "Other photos wait already.", "try again in a second")
            data = await self._read(request)
        except _RefusedError as refused:
            response = refusal(refused.status, refused.message, refused.hint)
            if refused.status == 429:
                response.headers["Retry-After"] = "1"
            return response
        return json_answer(await self._worker.run(partial(self._classify, data)))

    async def _read(self, request: web.Request) -> bytes:
        self._reading += 1
        try:
            data = await asyncio.wait_for(_read_photo(request), self._body_s)
        except asyncio.TimeoutError as error:
            raise _RefusedError(408, f"Expected the photo within {self._body_s:g} s.") from error
        except (ValueError, web.RequestPayloadError) as error:
            message = f"Expected a whole photo, got: {type(error).__name__}."
            raise _RefusedError(400, message, AS_BODY) from error
        finally:
            self._reading -= 1
        if data and not is_picture(data[:12]):
            raise _RefusedError(415, "Expected a JPEG, PNG, WebP or BMP picture.", AS_BODY)
        if (pixels := pixels_of(data)) > LARGEST_PHOTO_PIXELS:
            most, got = LARGEST_PHOTO_PIXELS // 10**6, pixels // 10**6
            message = f"Expected at most {most} million pixels, got {got} million."
            raise _RefusedError(413, message, "make the photo smaller")
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
        raise _RefusedError(415, f"Expected a photo, got {kind}.", AS_BODY)
    if (request.content_length or 0) > LARGEST_PHOTO_BYTES + FORM_BYTES:
        raise _too_large()


async def _read_photo(request: web.Request) -> bytes:
    data = bytearray()
    is_form = request.content_type == FORM
    most = LARGEST_PHOTO_BYTES + (FORM_BYTES if is_form else 0)
    while chunk := await request.content.readany():
        data += chunk
        if len(data) > most:
            raise _too_large()
    if not is_form:
        return bytes(data)
    photo = file_in_form(bytes(data), request.headers.get("Content-Type", ""), "photo")
    if photo is None:
        raise _RefusedError(400, "Expected a form with a file 'photo', got another.", AS_FORM)
    return photo


def _too_large() -> _RefusedError:
    message = f"Expected at most {LARGEST_PHOTO_BYTES // 1_000_000} MB, got more."
    return _RefusedError(413, message, "make the photo smaller")
