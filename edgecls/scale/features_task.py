"""The task behind ``edgecls data features``: a photo becomes what a pretrained backbone says about it.

Workers need the device runtime and nothing of training: the backbone travels as a float TFLite file.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from edgecls_device.backends.protocol import Backend, BackendOptions
from edgecls_device.backends.table import open_backend
from edgecls_device.images import decode_image
from edgecls_device.preprocessing import resize
from edgecls_device.spec import Preprocessing

from edgecls.scale.fingerprints import fingerprint_of
from edgecls.scale.labels import label_text
from edgecls.scale.piece import ShardPhoto
from edgecls.scale.task import Column

__all__ = ["FeaturesTask"]

_COLUMNS = (
    Column(name="label", type="string"),
    Column(name="content_hash", type="string"),
    Column(name="vector", type="list<float32>"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class FeaturesTask:
    """Computes the features of each photo.

    Attributes:
        model: The backbone as a TFLite file: ``(1, height, width, 3)`` float32 RGB 0..255 in, features out.
        preprocessing: How a photo becomes its input.
        runtime: The backend that runs it; each worker must have the same one.
        extractor: Hash of backbone, weights and preprocessing, see
            :func:`edgecls.training.extractor.extractor_fingerprint`.
        versions: Of the packages that the features depend on, and the architecture of the processor.
    """

    model: bytes
    preprocessing: Preprocessing
    runtime: str
    extractor: str
    versions: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What it is called."""
        return "features"

    @property
    def fingerprint(self) -> str:
        """Hash of what the features depend on."""
        return fingerprint_of(
            self.extractor, self.model, self.preprocessing, self.runtime, self.versions
        )

    @property
    def columns(self) -> Sequence[Column]:
        """Label (None where there is none), SHA-256 of the file as hex, and the vector."""
        return _COLUMNS

    def open(self) -> "FeaturesLooker":
        """Load the backbone.

        Raises:
            ArtifactError: If the runtime refuses it.
            MissingDependencyError: If the runtime is not installed.
        """
        backend = open_backend(self.runtime, self.model, BackendOptions(threads=1))
        return FeaturesLooker(backend, self.preprocessing)


class FeaturesLooker:
    """A backbone at work, for one photo at a time."""

    def __init__(self, backend: Backend, preprocessing: Preprocessing) -> None:
        self._backend, self._preprocessing = backend, preprocessing

    def look(self, photo: ShardPhoto) -> Mapping[str, Any]:
        """Return label, content hash and vector of a photo.

        Raises:
            ImageError: If it does not decode.
        """
        pixels = resize(decode_image(photo.data, name=photo.key), self._preprocessing)
        features = self._backend.run(pixels[np.newaxis].astype(np.float32))
        return {
            "label": label_text(photo.label),
            "content_hash": hashlib.sha256(photo.data).hexdigest(),
            "vector": np.asarray(features, np.float32).reshape(-1),
        }

    def close(self) -> None:
        """Free the backbone."""
        self._backend.close()
