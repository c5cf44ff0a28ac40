"""Which exported files of a run go into a bundle."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from edgecls_device.artifact import Artifact
from edgecls_device.errors import DataError, OptionError
from edgecls_export.bundles.targets import Target, check_artifact

from edgecls.progress import say
from edgecls.run_directory import RunDirectory
from edgecls.targets import Target as ExportedFiles
from edgecls.targets import find_target

__all__ = ["bundle_name", "choose_artifacts", "choose_one"]

LONGEST_NAME = 32
_NAME = re.compile(rf"[a-z0-9][a-z0-9-]{{0,{LONGEST_NAME - 1}}}")


def bundle_name(run: RunDirectory, wished: str | None = None) -> str:
    """Return what is installed on the device: the wished name, else one made of the run's.

    Raises:
        OptionError: If the wished name cannot be a service and a directory.
    """
    name = wished
    if name is None:
        name = re.sub(r"[^a-z0-9]+", "-", run.name.lower()).strip("-")[:LONGEST_NAME].rstrip("-")
    if not _NAME.fullmatch(name):
        got = f"{wished!r}" if wished is not None else f"the run {run.name!r}"
        message = f"Expected a name of a-z, 0-9 and '-', at most {LONGEST_NAME} long, got {got}."
        raise OptionError(message, hint="add: --name pets")
    return name


def choose_artifacts(
    run: RunDirectory, target: Target, names: Sequence[str], *, name: str
) -> Mapping[str, Artifact]:
    """Return member of the bundle -> exported file.

    Args:
        run: The run.
        target: The system they are for.
        names: Files in ``exports/``, such as ``pets.int8.tflite`` or just ``int8.tflite``; none takes the
            target's default ones, as far as they are there.
        name: What is installed; the members are called after it.

    Raises:
        DataError: If nothing fitting was exported, or it is of an earlier training.
        OptionError: If a named file is not there or does not run on the target.
    """
    exported = _exported(run)
    chosen = _named(exported, target, names) if names else _default(exported, target)
    _check(exported, chosen)
    members: dict[str, Artifact] = {}
    for artifact in chosen:
        spec = artifact.spec
        recipe = spec.provenance.recipe if spec else ""
        members[f"artifacts/{name}.{recipe}.{artifact.format}"] = artifact
    if len(members) < len(chosen):
        message = (
            f"Expected files of different recipes, got {', '.join(a.path.name for a in chosen)}."
        )
        raise OptionError(message, hint="name each --artifact once")
    return members


def choose_one(
    run: RunDirectory, *, file_format: str, recipes: Sequence[str], name: str | None = None
) -> Artifact:
    """Return one exported file.

    Args:
        run: The run.
        file_format: ``tflite`` or ``onnx``.
        recipes: Those that are taken by default, the preferred one first.
        name: The file in ``exports/`` instead, such as ``pets.int8.onnx`` or just ``int8.onnx``.

    Raises:
        DataError: If nothing fitting was exported, or it is of an earlier training.
        OptionError: If the named file is not there or of another format.
    """
    exported = _exported(run)
    if name is not None:
        chosen = _find(exported, name)
        if chosen.format != file_format:
            message = f"Expected a .{file_format} file for it, got {chosen.path.name!r}."
            raise OptionError(message, hint=f"leave --artifact out, or name a .{file_format} file")
    else:
        chosen = _preferred(exported, file_format, recipes)
    _check(exported, [chosen])
    return chosen


def _preferred(exported: ExportedFiles, file_format: str, recipes: Sequence[str]) -> Artifact:
    there = {
        artifact.spec.provenance.recipe: artifact
        for artifact in exported.artifacts
        if artifact.format == file_format and artifact.spec is not None
    }
    for recipe in recipes:
        if recipe in there:
            return there[recipe]
    if there:
        names = ", ".join(artifact.path.name for artifact in there.values())
        message = f"Expected a .{file_format} file of {' or '.join(recipes)}, got {names}."
        raise DataError(message, hint="choose one of these with --artifact NAME")
    message = f"Expected an exported .{file_format} file in {exported.title}, got none."
    raise DataError(message, hint=f"edgecls export {exported.title} --format {file_format}")


def _exported(run: RunDirectory) -> ExportedFiles:
    exported = find_target([run.path])
    if exported.run is None:
        message = f"Expected a run directory, got {str(run.path)!r}."
        raise OptionError(message, hint="name the directory that edgecls train or pretrained wrote")
    return exported


def _named(exported: ExportedFiles, target: Target, names: Sequence[str]) -> list[Artifact]:
    chosen = [_find(exported, name) for name in dict.fromkeys(names)]
    for artifact in chosen:
        check_artifact(target, artifact.path.name, artifact.format)
    return chosen


def _find(exported: ExportedFiles, name: str) -> Artifact:
    """Return the exported file that a user names, in full or by its end."""
    there = {artifact.path.name: artifact for artifact in exported.artifacts}
    found = [
        artifact for file, artifact in there.items() if file == name or file.endswith(f".{name}")
    ]
    if len(found) != 1:
        near = get_close_matches(name, there, n=1, cutoff=0.4)
        message = f"Expected an exported file of {exported.title}, got {name!r}."
        mean = f"did you mean {near[0]}? " if near else ""
        raise OptionError(message, hint=f"{mean}there are {', '.join(there)}")
    return found[0]


def _default(exported: ExportedFiles, target: Target) -> list[Artifact]:
    by_kind = {
        (artifact.format, artifact.spec.provenance.recipe): artifact
        for artifact in exported.artifacts
        if artifact.spec is not None
    }
    wanted = [kind for kind in target.default_artifacts if kind[0] in target.formats]
    chosen = [by_kind[kind] for kind in wanted if kind in by_kind]
    missing = [f"{recipe} .{kind}" for kind, recipe in wanted if (kind, recipe) not in by_kind]
    if not chosen:
        there = ", ".join(artifact.path.name for artifact in exported.artifacts)
        message = (
            f"Expected exported files of {' or '.join(missing)} in {exported.title}, got {there}."
        )
        hint = f"edgecls export {exported.title}; or choose one of these with --artifact NAME"
        raise DataError(message, hint=hint)
    if missing:
        say(
            f"left out {', '.join(missing)}: not exported; to have it too: edgecls export {exported.title}"
        )
    return chosen


def _check(exported: ExportedFiles, chosen: Sequence[Artifact]) -> None:
    """Refuse files that a device could not prove, or that are not of the run's model."""
    stale = [artifact.path.name for artifact in chosen if artifact.path.name in exported.stale()]
    if stale:
        got = f"{', '.join(stale)} of an earlier training"
        message = f"Expected files exported from the model in {exported.title}, got {got}."
        raise DataError(message, hint=f"edgecls export {exported.title}")
    for artifact in chosen:
        if artifact.spec is None or not artifact.spec.golden.scores:
            message = (
                f"Expected a model file with golden samples, got {artifact.path.name!r} without."
            )
            raise DataError(message, hint=f"edgecls export {exported.title}")
    labels = {artifact.spec.labels for artifact in chosen if artifact.spec is not None}
    if len(labels) > 1:
        names = ", ".join(artifact.path.name for artifact in chosen)
        message = f"Expected model files with the same labels, got {names}."
        raise DataError(message, hint=f"edgecls export {exported.title}")
