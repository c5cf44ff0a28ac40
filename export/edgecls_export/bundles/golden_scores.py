"""The scores that model files give for photos here, which a device must give too."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edgecls_device.artifact import Artifact
from edgecls_device.bundles.golden_photos import GoldenPhoto, GoldenPhotos
from edgecls_device.classifier import Classifier
from edgecls_device.images import decode_image
from edgecls_device.preprocessing import Preprocessor

__all__ = ["PhotoFile", "golden_photos", "photo_member"]

INT8_TOLERANCE = 2 / 256
"""Two steps of an 8-bit score: what LiteRT was seen to differ by between x86 and ARM."""

DIGITS = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoFile:
    """A photo as it goes into a bundle.

    Attributes:
        label: Its class as people said.
        data: Content of a JPEG or PNG file.
    """

    label: str
    data: bytes

    @property
    def suffix(self) -> str:
        """How its file name ends."""
        return ".jpg" if self.data.startswith(b"\xff\xd8") else ".png"


def photo_member(index: int, photo: PhotoFile) -> str:
    """Return the name of a photo in a bundle."""
    return f"golden/photos/{index:03d}{photo.suffix}"


def golden_photos(
    artifacts: Mapping[str, Artifact],
    photos: Sequence[PhotoFile],
    *,
    advance: Callable[[int], None] | None = None,
) -> GoldenPhotos:
    """Run every model file on every photo, on its runtime here and one thread.

    The tolerance is the largest of those in the files' specs, and for a quantized model at least 2/256.

    Args:
        artifacts: Member -> model file with a spec.
        photos: The photos, in the order of their members.
        advance: Called with 1 for each photo and model file.

    Raises:
        ArtifactError: If a model file is no usable classifier.
        ImageError: If a photo cannot be decoded.
        MissingDependencyError: If no runtime for a model file is installed.
    """
    scores = {member: _scores(artifact, photos, advance) for member, artifact in artifacts.items()}
    return GoldenPhotos(
        tolerance=max(map(_tolerance, artifacts.values())),
        photos=tuple(
            GoldenPhoto(
                member=photo_member(index, photo),
                label=photo.label,
                scores={member: rows[index] for member, rows in scores.items()},
            )
            for index, photo in enumerate(photos)
        ),
    )


def _scores(
    artifact: Artifact, photos: Sequence[PhotoFile], advance: Callable[[int], None] | None
) -> list[tuple[float, ...]]:
    rows = []
    with Classifier.from_artifact(artifact, threads=1) as classifier:
        prepare = Preprocessor(classifier.spec.preprocessing, classifier.spec.input)
        for index, photo in enumerate(photos):
            frame = decode_image(photo.data, name=photo_member(index, photo))
            got = classifier.raw_scores(prepare(frame))
            rows.append(tuple(round(float(score), DIGITS) for score in got))
            if advance is not None:
                advance(1)
    return rows


def _tolerance(artifact: Artifact) -> float:
    spec = artifact.spec
    if spec is None:
        return INT8_TOLERANCE
    is_float = spec.provenance.recipe in {"float32", "float16"}
    return max(spec.golden.tolerance, 0.0 if is_float else INT8_TOLERANCE)
