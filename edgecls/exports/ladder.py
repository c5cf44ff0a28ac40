"""``--recipe auto``: down a ladder of recipes to the first file that keeps enough of float32.

The rungs of a format are in a fixed order, from small to large but for ``int8-qat``: as small as int8, it takes
minutes of tuning and so comes after what is quick. Every rung is made in a temporary place and held against
float32 of the same format; the walk ends at the first that holds, unless that is ``int8-mixed`` with so many
layers in float that float16 could be smaller. It is said then that ``int8-qat``, which may be smaller, was not
tried.

Where there are too few photos to tell, but nothing seen on them speaks against a rung, the walk ends there as
well: a larger file would be as unproven on the same photos. The rung is kept and called unproven.

All rungs are weighed on the same photos, and each verdict is wrong in about one case of forty. Where six rungs
all lose just more than the limit, one is thus taken for one that holds in up to six cases of forty. So the test
split, which is not looked at here, has the last word.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from edgecls_bench.comparison import Gate
from edgecls_bench.gate import check_gate
from edgecls_device.errors import DataError, ExportError, MissingDependencyError, OptionError
from edgecls_device.files import read_bytes, storage_errors, write_atomically
from edgecls_export.exported import ExportedArtifact, ExportRun, LadderStep
from edgecls_export.table import EXPORTERS, choose_exporters, find_exporter
from edgecls_export.tuned_exporters import TUNING

from edgecls.exports.gate import GatePhotos, Seen, gate_photos, look, weigh
from edgecls.exports.run import stability_of
from edgecls.exports.session import (
    ExportSession,
    Key,
    check_packages,
    destination,
    open_session,
)
from edgecls.progress import progress, say
from edgecls.run_directory import RunDirectory

__all__ = ["DEFAULT_GATE", "LADDER", "export_ladder", "is_worth_trying", "rungs_of"]

DEFAULT_GATE = Gate(max_drop=0.005)
"""Half a point of accuracy, where no limit is given."""

LADDER: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "tflite": ("int8", "int8-litert", "int8-mixed", "int8-qat", "float16"),
        "onnx": ("int8", "int8-percentile", "int8-entropy", "int8-mixed", "int8-qat", "float16"),
    }
)
"""Recipes to try for each format, in this order; float32, the reference, is below all of them."""

REFERENCE = "float32"
MIXED = "int8-mixed"
TUNED = "int8-qat"
MAX_FILE_BYTES = 2_000_000_000


def rungs_of(file_format: str) -> tuple[Key, ...]:
    """Return the rungs of a format that the table of exporters has."""
    keys = ((file_format, recipe) for recipe in LADDER[file_format])
    return tuple(key for key in keys if key in EXPORTERS)


def is_worth_trying(recipe: str, *, after: ExportedArtifact, float32_bytes: int) -> bool:
    """Whether to try a rung after one that is kept: float16 after a file whose layers are mostly in float.

    ``int8-qat`` may be smaller than ``int8-mixed`` too, but takes minutes; who wants it asks for it.
    """
    is_mixed = after.recipe == MIXED
    return recipe == "float16" and is_mixed and float32_bytes / 2 < after.size_bytes


def export_ladder(
    run: RunDirectory,
    *,
    gate: Gate = DEFAULT_GATE,
    formats: Sequence[str] = (),
    calibration: int | Path | None = None,
    data: Path | None = None,
    gate_data: Path | None = None,
    stability: bool = True,
    on_done: Callable[[ExportedArtifact], None] | None = None,
) -> ExportRun:
    """Write float32 and the first file down the ladder that keeps enough of it, for each format.

    Where photos are too few to tell, it is the smallest that nothing seen on them speaks against.

    Args:
        run: A trained run.
        gate: What must be kept of float32.
        formats: ``tflite``, ``onnx``; none means both.
        calibration: Number of training photos that int8 takes its value ranges from, or a folder of photos;
            None for 100.
        data: Where the photos of the run are now, if they were moved; photos for a run that has none.
        gate_data: Photos to decide on, a folder for each label; by default the validation split.
        stability: Whether to try two halves of the calibration photos as well.
        on_done: Called with each file that is kept, once it is in its place.

    Returns:
        The kept files, and what was tried. A kept file whose step says ``too few photos`` is unproven.

    Raises:
        ArtifactError: If ``model.keras`` is damaged.
        DataError: If there is no finished run, or photos are gone or of no use.
        MissingDependencyError: If a package that float32 needs is not installed.
        OptionError: If there is no such format, or the gate has no limit or one that is no share.
        SpecError: If ``spec.json`` or ``split.json`` is damaged.
        StorageError: If a file cannot be read or written.
    """
    check_gate(gate)
    references = choose_exporters(formats, [REFERENCE])
    for key in references:
        check_packages(key)
    photos = gate_photos(run, run.read_spec(), data=data, folder=gate_data)
    quick = [(file_format, LADDER[file_format][0]) for file_format, _ in references]
    session = open_session(run, quick, calibration=calibration, data=data)
    artifacts: list[ExportedArtifact] = []
    failures: list[str] = []
    ladder: list[LadderStep] = []
    for file_format, _ in references:
        try:
            kept, steps = _walk(session, file_format, gate, photos)
        except ExportError as error:  # of float32; the other format may still work
            name = destination(run, (file_format, REFERENCE)).name
            failures.append(f"{name}: {error.message} ({error.hint})")
            continue
        artifacts += kept
        ladder += steps
        if on_done is not None:
            for artifact in kept:
                on_done(artifact)
        _say_what_is_older(run, file_format, kept)
    made = [(step.format, step.recipe) for step in ladder if step.size_bytes is not None]
    return ExportRun(
        artifacts=tuple(artifacts),
        failures=tuple(failures),
        stability=stability_of(session, made) if stability else None,
        ladder=tuple(ladder),
    )


def _walk(
    session: ExportSession, file_format: str, gate: Gate, photos: GatePhotos
) -> tuple[list[ExportedArtifact], list[LadderStep]]:
    """Walk down one format, move what is kept to its place, and return it with what was tried."""
    steps = {
        key: 1 + (TUNING.steps if find_exporter(*key).training_photos else 0)
        for key in rungs_of(file_format)
    }
    told = 0

    def on_tuning_step(done: int) -> None:
        nonlocal told
        told += done
        advance(done)

    with (
        storage_errors("write temporary files in", Path(tempfile.gettempdir())),
        tempfile.TemporaryDirectory(prefix="edgecls-") as folder,
        progress(f"Ladder of {file_format}, steps", 1 + sum(steps.values())) as advance,
    ):
        session.frozen.on_tuning_step = on_tuning_step
        walk = _Walk(session, file_format, gate, photos, Path(folder))
        advance()
        for key, most in steps.items():
            told = 0
            if walk.is_worth(key):
                walk.try_rung(key)
            else:
                walk.pass_by(key)
            advance(most - told)
        return walk.keep(), walk.steps


class _Walk:
    """One format on its way down.

    Attributes:
        steps: What was tried.
    """

    def __init__(
        self,
        session: ExportSession,
        file_format: str,
        gate: Gate,
        photos: GatePhotos,
        folder: Path,
    ) -> None:
        self.steps: list[LadderStep] = []
        self._session = session
        self._gate = gate
        self._photos = photos
        self._folder = folder
        self._best: ExportedArtifact | None = None
        self._reference = self._export((file_format, REFERENCE))
        self._wanted = self._look(self._reference)

    def is_worth(self, key: Key) -> bool:
        """Whether a rung is tried after what is kept so far."""
        return self._best is None or is_worth_trying(
            key[1], after=self._best, float32_bytes=self._reference.size_bytes
        )

    def pass_by(self, key: Key) -> None:
        """Say of a rung that could be smaller than what is kept why it is not tried."""
        if self._best is None or self._best.recipe != MIXED or key[1] != TUNED:
            return
        holds = any(step.recipe == MIXED and step.verdict == "holds" for step in self.steps)
        self._add(
            key,
            "not tried",
            f"{MIXED} {'holds' if holds else 'is kept'} already, and tuning takes minutes. It may be smaller: "
            f"edgecls export {self._session.run.path} --format {key[0]} --recipe {TUNED}",
        )

    def try_rung(self, key: Key) -> None:
        """Make one file and hold it against float32."""
        tuned_on = find_exporter(*key).training_photos
        say(f"{' '.join(key)}: making it{'; tuning takes minutes' if tuned_on else ''}")
        try:
            check_packages(key)
            if tuned_on:
                self._session = self._session.with_training(tuned_on)
            made = self._export(key)
        except (ExportError, MissingDependencyError, OptionError, DataError) as error:
            is_remedy = not isinstance(error, ExportError)  # there the remedy is what comes next
            remedy = f" Hint: {error.hint}" if is_remedy and error.hint else ""
            self._add(key, "not made", f"{error.message}{remedy}")
            return
        weighed = weigh(self._gate, self._wanted, self._look(made))
        verdict, reason = weighed.judgement.verdict, weighed.judgement.reason
        if made.note:
            reason += f" {made.note}"
        if verdict == "too few photos" and weighed.is_within:
            reason += " Nothing seen speaks against it, and larger files would be as unproven."
        elif verdict == "too few photos":
            reason += " What was seen is past the limit."
        if verdict == "holds" or (verdict == "too few photos" and weighed.is_within):
            if self._best is None or made.size_bytes < self._best.size_bytes:
                self._best = made
            else:
                reason += f" But {self._best.recipe} is smaller."
        self._add(key, verdict, reason, size_bytes=made.size_bytes)

    def keep(self) -> list[ExportedArtifact]:
        """Move float32 and the best file to their places, and return them."""
        best = self._best or self._reference
        if best is self._reference:
            self._add(
                (best.format, best.recipe),
                "holds",
                "It is the reference, and nothing smaller holds.",
                size_bytes=best.size_bytes,
            )
        self.steps = [replace(step, is_kept=step.recipe == best.recipe) for step in self.steps]
        kept = [self._reference] if best is self._reference else [self._reference, best]
        return [self._moved(artifact) for artifact in kept]

    def _moved(self, artifact: ExportedArtifact) -> ExportedArtifact:
        place = destination(self._session.run, (artifact.format, artifact.recipe))
        write_atomically(place, read_bytes(Path(artifact.path), max_bytes=MAX_FILE_BYTES))
        return replace(artifact, path=str(place))

    def _export(self, key: Key) -> ExportedArtifact:
        return self._session.export(key, self._folder / destination(self._session.run, key).name)

    def _look(self, artifact: ExportedArtifact) -> Seen:
        return look(Path(artifact.path), self._session.spec, self._photos)

    def _add(self, key: Key, verdict: str, reason: str, *, size_bytes: int | None = None) -> None:
        say(f"{' '.join(key)}: {verdict}. {reason}")
        step = LadderStep(
            format=key[0],
            recipe=key[1],
            verdict=verdict,
            reason=reason,
            size_bytes=size_bytes,
            is_kept=False,
        )
        self.steps.append(step)


def _say_what_is_older(
    run: RunDirectory, file_format: str, kept: Sequence[ExportedArtifact]
) -> None:
    new = {Path(artifact.path).name for artifact in kept}
    old = [
        path.name
        for path in run.artifacts()
        if path.suffix == f".{file_format}" and path.name not in new
    ]
    if old:
        say(f"note: of earlier exports there are also {', '.join(old)} in {run.exports}")
