"""Targets beyond the Pi: bundles that are a folder, for a web server or an Android app."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from edgecls_device.artifact import Artifact
from edgecls_export.bundles.android import write_android
from edgecls_export.bundles.folders import FolderBundle
from edgecls_export.bundles.web import write_web

from edgecls.bundling.artifacts import choose_one
from edgecls.bundling.web_runtime import web_runtime
from edgecls.run_directory import RunDirectory

__all__ = ["FOLDER_TARGETS", "FolderTarget", "bundle_folder"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FolderTarget:
    """One of them.

    Attributes:
        name: What ``--target`` is given.
        title: What it is, for people.
        format: The file format that runs there.
        recipes: The recipes that are taken by default, the preferred one first.
        write: Writes the folder.
    """

    name: str
    title: str
    format: Literal["tflite", "onnx"]
    recipes: tuple[str, ...]
    write: Callable[[Artifact, Path], FolderBundle]


def _write_web(artifact: Artifact, out: Path) -> FolderBundle:
    return write_web(artifact, runtime=web_runtime(), out=out)


def _write_android(artifact: Artifact, out: Path) -> FolderBundle:
    return write_android(artifact, out=out)


FOLDER_TARGETS: Mapping[str, FolderTarget] = MappingProxyType(
    {
        "web": FolderTarget(
            name="web",
            title="a page that runs the model in the browser, on the camera or a photo",
            format="onnx",
            recipes=(
                "float32",
                "int8",
            ),  # in WebAssembly int8 is slower: 302 against 201 ms, EfficientNet-Lite0
            write=_write_web,
        ),
        "android": FolderTarget(
            name="android",
            title="model, labels and Kotlin for an app with LiteRT or MediaPipe Tasks",
            format="tflite",
            recipes=("int8", "float16", "float32"),
            write=_write_android,
        ),
    }
)


def bundle_folder(
    run: RunDirectory, target: FolderTarget, *, artifact: str | None = None, out: Path | None = None
) -> FolderBundle:
    """Write the folder of one exported file.

    Args:
        run: The run.
        target: What it is for.
        artifact: The exported file, such as ``int8.onnx``; by default the target's preferred recipe.
        out: The folder; by default ``RUN/bundles/NAME-TARGET``.

    Raises:
        ArtifactError: If the file cannot run there.
        DataError: If nothing fitting was exported, or it is of an earlier training.
        NetworkError: If the browser's runtime is not kept and cannot be downloaded.
        OptionError: If the file is not there, or of another format.
        StorageError: If the folder cannot be written, or is something else.
    """
    chosen = choose_one(run, file_format=target.format, recipes=target.recipes, name=artifact)
    return target.write(chosen, out or run.bundles / f"{run.name}-{target.name}")
