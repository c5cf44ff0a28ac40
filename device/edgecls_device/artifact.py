"""One self-describing model file: read once, its format told by content, its spec taken from inside.

A ``.tflite`` file carries the spec as an associated file in the zip archive that TFLite Metadata appends
(https://ai.google.dev/edge/litert/models/metadata); an ``.onnx`` file in ``metadata_props`` (field 14 of
``ModelProto`` in onnx.proto3). The bytes that were read are the bytes that are hashed and run.
"""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgecls_device.errors import ArtifactError
from edgecls_device.files import read_bytes
from edgecls_device.records import from_json
from edgecls_device.spec import ModelSpec
from edgecls_device.tflite_file import check_tflite

__all__ = ["ONNX_SPEC_KEY", "TFLITE_SPEC_FILE", "Artifact", "associated_files", "read_artifact"]

TFLITE_SPEC_FILE = "edgecls_spec.json"
ONNX_SPEC_KEY = "edgecls.spec"
MAX_MODEL_BYTES = 2**31 - 1  # the limit of flatbuffers and protobuf
MAX_SPEC_BYTES = 16_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Artifact:
    """A model file in memory.

    Attributes:
        path: Where it was read from.
        format: ``tflite`` or ``onnx``.
        data: Its content.
        spec: Its spec; None for a model that was not made by edgecls.
    """

    path: Path
    format: Literal["tflite", "onnx"]
    data: bytes
    spec: ModelSpec | None

    @property
    def sha256(self) -> str:
        """SHA-256 of the content, as hex."""
        import hashlib  # with OpenSSL behind it: who only classifies need not wait for that

        return hashlib.sha256(self.data).hexdigest()


def read_artifact(path: Path | str) -> Artifact:
    """Read a model file.

    Raises:
        ArtifactError: If it is neither TFLite nor ONNX, or cut off.
        SpecError: If the spec inside is damaged or from a newer version.
        StorageError: If it cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        raise _directory(path)
    data = read_bytes(path, max_bytes=MAX_MODEL_BYTES)
    if data[4:8] == b"TFL3":
        return Artifact(path=path, format="tflite", data=data, spec=_tflite_spec(path, data))
    return Artifact(path=path, format="onnx", data=data, spec=_onnx_spec(path, data))


def associated_files(data: bytes) -> dict[str, bytes]:
    """Return the files packed into a ``.tflite`` file, by name; none if there is no whole archive.

    Files beyond 16 MB in all are left out.
    """
    files: dict[str, bytes] = {}
    left = MAX_SPEC_BYTES
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                if info.file_size <= left:
                    files[info.filename] = archive.read(info)
                    left -= info.file_size
    except Exception:  # for a damaged archive zipfile raises nearly anything
        return {}
    return files


def _tflite_spec(path: Path, data: bytes) -> ModelSpec | None:
    try:
        check_tflite(data)
    except ArtifactError:
        raise _cut_off(path) from None
    text = associated_files(data).get(TFLITE_SPEC_FILE)
    if text is not None:
        return from_json(ModelSpec, text, name=f"the spec of {path.name}")
    if TFLITE_SPEC_FILE.encode() in data:  # its metadata names a file that is gone
        raise _cut_off(path)
    return None


def _onnx_spec(path: Path, data: bytes) -> ModelSpec | None:
    looks_like_onnx = (
        data[:1] == b"\x08" and len(data) > 1 and 1 <= data[1] <= 64
    )  # ir_version first
    from edgecls_device.onnx_file import read_onnx

    try:
        content = read_onnx(data)
    except ValueError:
        if looks_like_onnx:
            raise _cut_off(path) from None
        content = None
    if content is None or not content.has_graph:
        message = f"Expected a .tflite or .onnx model, got {str(path)!r}, which is neither."
        raise ArtifactError(
            message,
            hint="give a file that 'edgecls export' wrote, e.g. runs/pets/exports/pets.int8.tflite",
        )
    if content.has_external_data:
        message = (
            f"Expected a model in one file, got {str(path)!r}, whose weights lie in other files."
        )
        hint = "save it whole: onnx.save(onnx.load(PATH), OUT, save_as_external_data=False)"
        raise ArtifactError(message, hint=hint)
    spec = content.metadata.get(ONNX_SPEC_KEY.encode())
    return None if spec is None else from_json(ModelSpec, spec, name=f"the spec of {path.name}")


def _cut_off(path: Path) -> ArtifactError:
    message = f"Expected a whole model file, got {str(path)!r}, which is cut off or damaged."
    return ArtifactError(
        message, hint="copy the file again, or export it again with: edgecls export RUN"
    )


def _directory(path: Path) -> ArtifactError:
    files = sorted(p for p in path.rglob("*") if p.suffix in {".tflite", ".onnx"})
    message = f"Expected a model file, got the directory {str(path)!r}."
    hint = "name one of: " + ", ".join(map(str, files[:6])) if files else f"edgecls export {path}"
    return ArtifactError(message, hint=hint)
