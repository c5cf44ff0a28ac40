"""A folder for an Android app: a ``.tflite`` file, its labels, Kotlin that feeds it, and a test for a phone.

The Kotlin that decides pixels and labels uses no Android class; it was compared with Python on a JVM. What
needs Android cannot be compiled here, and the README says so.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from edgecls_device.artifact import Artifact
from edgecls_device.errors import ArtifactError
from edgecls_device.golden import golden_inputs
from edgecls_device.opencv import cv2
from edgecls_device.spec import Group, InputTensor, ModelSpec
from numpy.typing import NDArray

from edgecls_export.bundles.folders import FolderBundle, write_folder

__all__ = ["AndroidModel", "write_android"]

_APP = Path(__file__).parent / "android_app"
_ASSETS = "app/src/main/assets"
_KOTLIN = "app/src/main/java/edgecls"
_TEST = "app/src/androidTest"
# Versions that are published and have the classes that the Kotlin uses.
_VERSIONS = {"LITERT": "2.1.6", "MEDIAPIPE": "0.10.35", "TEST": "1.2.1", "RUNNER": "1.6.2"}
_RULES = {
    "crop": "cut to the middle with the input's shape",
    "stretch": "stretched",
    "letterbox": "padded with grey to the input's shape",
}

_MODEL = """package edgecls

/** Made from the spec inside the model file; do not edit. */
object Model {{
    const val FILE = {file}
    const val CLASSES = {classes}
    const val TEMPERATURE = {temperature!r}
    const val UNKNOWN_THRESHOLD = {unknown!r}
    val RULE = Rule({height}, {width}, {resize}, {crop_fraction!r}, {interpolation})
    val GROUPS = listOf<Group>({groups})
}}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class AndroidModel:
    """What the folder holds.

    Attributes:
        file: Name of the model file.
        file_bytes: Its size.
        file_sha256: Its SHA-256, as hex.
        spec: The spec inside the model file, with its golden samples.
    """

    kind: ClassVar[str] = "edgecls.android"
    version: ClassVar[int] = 1

    file: str
    file_bytes: int
    file_sha256: str
    spec: ModelSpec


def write_android(artifact: Artifact, *, out: Path) -> FolderBundle:
    """Write the folder, whole or not at all; one that was written before is replaced.

    Args:
        artifact: A ``.tflite`` file that edgecls exported.
        out: The folder.

    Raises:
        ArtifactError: If it is not one that the Kotlin can feed.
        StorageError: If it cannot be written, or ``out`` holds something else.
    """
    spec = _spec_of(artifact)
    record = AndroidModel(
        file=artifact.path.name,
        file_bytes=len(artifact.data),
        file_sha256=artifact.sha256,
        spec=spec,
    )
    folder, sizes = write_folder(out, record, _files(artifact, spec))
    return FolderBundle(
        target="android", folder=str(folder), model=artifact.path.name, runtime="", files=sizes
    )


def _spec_of(artifact: Artifact) -> ModelSpec:
    name = str(artifact.path)
    if artifact.format != "tflite":
        message = f"Expected a .tflite model for Android, got {name!r}, which is {artifact.format}."
        raise ArtifactError(message, hint="edgecls export RUN --format tflite")
    spec = artifact.spec
    if spec is None or spec.input != InputTensor() or spec.output != "probabilities":
        message = (
            f"Expected a .tflite model that edgecls exported, got {name!r}, which is of elsewhere."
        )
        raise ArtifactError(message, hint="train and export it: edgecls export RUN --format tflite")
    return spec


def _files(artifact: Artifact, spec: ModelSpec) -> dict[str, bytes]:
    kotlin = {path.name: path.read_bytes() for path in sorted(_APP.glob("*.kt"))}
    test = kotlin.pop("GoldenSamplesTest.kt")
    return {
        "README.md": _readme(artifact, spec).encode(),
        f"{_ASSETS}/{artifact.path.name}": artifact.data,
        f"{_ASSETS}/labels.txt": "".join(f"{label}\n" for label in spec.labels).encode(),
        f"{_KOTLIN}/Model.kt": _model(artifact, spec).encode(),
        **{f"{_KOTLIN}/{name}": content for name, content in kotlin.items()},
        **(_test(spec, test) if spec.golden.scores else {}),
    }


def _test(spec: ModelSpec, kotlin: bytes) -> dict[str, bytes]:
    """Return a phone's test: golden inputs as PNG files of exactly the input size, and what they must give."""
    golden, size = spec.golden, spec.preprocessing
    inputs = golden_inputs(golden.seed, size.height, size.width, count=len(golden.scores))
    pictures = {f"{_TEST}/assets/golden/{i}.png": _png(rgb) for i, rgb in enumerate(inputs)}
    scores = {"tolerance": golden.tolerance, "scores": [list(row) for row in golden.scores]}
    return {
        f"{_TEST}/java/edgecls/GoldenSamplesTest.kt": kotlin,
        f"{_TEST}/assets/golden/golden.json": json.dumps(scores, allow_nan=False).encode(),
        **pictures,
    }


def _png(rgb: NDArray[np.uint8]) -> bytes:
    _, data = cv2.imencode(".png", np.ascontiguousarray(rgb[:, :, ::-1]))
    return bytes(data.tobytes())


def _model(artifact: Artifact, spec: ModelSpec) -> str:
    size = spec.preprocessing
    return _MODEL.format(
        file=_quoted(artifact.path.name),
        classes=len(spec.labels),
        temperature=float(spec.temperature),
        unknown=float(spec.unknown_threshold),
        height=size.height,
        width=size.width,
        resize=_quoted(size.resize),
        crop_fraction=float(size.crop_fraction),
        interpolation=_quoted(size.interpolation),
        groups=", ".join(map(_group, spec.groups)),
    )


def _group(group: Group) -> str:
    return f"Group({_quoted(group.label)}, intArrayOf({', '.join(map(str, group.members))}))"


def _quoted(text: str) -> str:
    """Return a Kotlin string; JSON's escapes are Kotlin's, but for the dollar sign."""
    return json.dumps(text).replace("$", "\\$")


def _readme(artifact: Artifact, spec: ModelSpec) -> str:
    size, threshold = spec.preprocessing, spec.unknown_threshold
    names = ", ".join(spec.labels[:8]) + (", ..." if len(spec.labels) > 8 else "")
    groups = ", ".join(group.label for group in spec.groups)
    words = {
        **_VERSIONS,
        "NAME": spec.name,
        "FILE": artifact.path.name,
        "SIZE": f"{len(artifact.data) / 1e6:.1f}",
        "RECIPE": spec.provenance.recipe or "float32",
        "CLASSES_COUNT": str(len(spec.labels)),
        "CLASSES": f"{len(spec.labels)}: {names}",
        "WIDTH": str(size.width),
        "HEIGHT": str(size.height),
        "RESIZE": size.resize,
        "INTERPOLATION": size.interpolation,
        "TEMPERATURE": f"{spec.temperature:.3g}",
        "GROUPS": f", shown as the groups {groups}" if groups else "",
        "UNKNOWN": f"unknown below {threshold:.0%}" if threshold else "never unknown",
        "RULE_WORDS": _RULES[size.resize],
    }
    text = (_APP / "README.md").read_text(encoding="utf-8")
    for name, value in words.items():
        text = text.replace(f"@{name}@", value)
    return text
