"""Shows photos to artifact and reference, one by one; pixels and activations are not kept."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from edgecls_device.arrays import Frame
from edgecls_device.artifact import Artifact
from edgecls_device.errors import DataError, ImageError, StorageError
from edgecls_device.images import read_image
from edgecls_device.postprocessing import softmax
from edgecls_device.spec import ModelSpec
from numpy.typing import NDArray

from edgecls_bench.cases import spec_of
from edgecls_bench.diagnosis.evidence import BY_REFERENCE, LAYER_FAMILIES, Evidence, Rows
from edgecls_bench.diagnosis.feeding import as_artifact_is_fed, as_fed
from edgecls_bench.diagnosis.gains import ChannelSums, scaled
from edgecls_bench.diagnosis.layers import LayerSums
from edgecls_bench.diagnosis.matching import Pair, match
from edgecls_bench.diagnosis.network import Network
from edgecls_bench.diagnosis.opening import open_network
from edgecls_bench.diagnosis.preparations import (
    PREPARATIONS,
    RIGHT,
    Pixels,
    other_preparations,
    prepare,
)
from edgecls_bench.diagnosis.sources import sources_of
from edgecls_bench.diagnosis.witnesses import (
    Pool,
    ends_of,
    find_witnesses,
    range_groups,
    without_constant,
)
from edgecls_bench.evaluation import Advance

__all__ = ["collect", "steps_of"]

LAYER_PHOTOS = 16
"""Each brings thousands of values a layer; more change no SQNR by more than some tenths of a decibel."""

SCALED_PHOTOS = 4
"""Photos that tell the factors of channels: thousands of values each, and one factor for all."""

FOLLOWED_WRONGLY = 6
"""Photos that are followed through the layers in wrong preparations: what is twice as good shows on one."""

WRONG_PHOTOS = 32
"""Photos that are tried in every wrong preparation: a sign test of 10 already decides at one in a thousand."""

VARYING = 0.01
"""A range that differs by less than this from photo to photo is set by a ReLU6: it says nothing of photos."""

TRACELESS = "bgr"
"""The wrong preparation whose ranges are nearly the right ones: only the very photos of them tell of it."""

PROVEN = 0.75
"""Right photos that have three quarters of the ranges leave no question how they were prepared then."""

Entry = TypeVar("Entry")


def collect(
    artifact: Artifact,
    reference: Artifact,
    photos: Sequence[Path],
    *,
    class_ids: Sequence[int] = (),
    calibration: Sequence[Path] = (),
    training: Sequence[Path] = (),
    threads: int = 1,
    advance: Advance | None = None,
) -> Evidence:
    """Look at photos with both files.

    Args:
        artifact: What is to be explained.
        reference: The float32 file it is held against.
        photos: What to look at.
        class_ids: Class of each photo, if known.
        calibration: Photos that the artifact may have been calibrated on, all together.
        training: Other photos, of which it may have been calibrated on some.
        threads: For one inference.
        advance: Called after each photo.

    Raises:
        ArtifactError: If a file has no spec, or a runtime refuses it.
        DataError: If no photo can be read.
        MissingDependencyError: If a runtime is not installed.
    """
    collector = _Collector(artifact, reference, threads)
    try:
        kept = collector.look(photos, bool(class_ids), advance or _nobody)
        if kept:
            collector.calibrate(calibration, training, advance or _nobody)
    finally:
        collector.close()
    if not kept:
        message = f"Expected photos that can be read, got none of {len(photos)}."
        raise DataError(message, hint="check them: edgecls data check PHOTOS")
    return collector.evidence(tuple(class_ids[i] for i in kept) if class_ids else ())


def steps_of(photos: int, calibration: int, training: int = 0) -> int:
    """Return how often :func:`collect` calls ``advance``."""
    return min(photos, LAYER_PHOTOS) + photos + 2 * calibration + 2 * training


def _nobody(steps: int = 1) -> None:
    del steps


class _Collector:
    """Both files, open, and what they said so far."""

    def __init__(self, artifact: Artifact, reference: Artifact, threads: int) -> None:
        self._spec, self._reference_spec = spec_of(artifact), spec_of(reference)
        self._own: Network = open_network(artifact, threads=threads)
        self._reference: Network = open_network(reference, threads=threads, takes_floats=True)
        is_same_format = artifact.format == reference.format
        self._pairs: Sequence[Pair] = (
            match(self._own.activations, self._reference.activations) if is_same_format else ()
        )
        self._others = other_preparations(self._reference_spec.preprocessing)
        self._followed = (
            RIGHT,
            *(name for name in self._others if PREPARATIONS[name].family in LAYER_FAMILIES),
        )
        self._layers = {name: LayerSums(self._pairs) for name in self._followed}
        self._axis = -1 if artifact.format == "tflite" else 1
        self._gains: list[Rows | None] = [None] * len(self._pairs)
        self._informative: tuple[int, ...] = ()
        self._own_rows: dict[str, list[Rows]] = {}
        self._rows: dict[str, list[Rows]] = {}
        self._looked: dict[str, list[int]] = {}
        self._ranges: dict[str, list[NDArray[np.float32]]] = {}
        self._calibration: dict[str, list[NDArray[np.float32]]] = {}
        self._training: dict[str, list[NDArray[np.float32]]] = {}
        self._cut: list[float] = []
        self._pixel_ends: list[tuple[float, float]] = []

    def close(self) -> None:
        self._own.close()
        self._reference.close()

    def look(
        self,
        photos: Sequence[Path],
        has_classes: bool,
        advance: Advance,
    ) -> list[int]:
        """Look at photos; return the indexes of the photos that could be read."""
        self._follow([frame for _, frame in _readable(_spread(photos, LAYER_PHOTOS), advance)])
        self._reference.watch([self._pairs[i][1] for i in self._informative])
        self._own.watch(())
        own, other = self._spec, self._reference_spec
        is_same_rule = (own.preprocessing, own.input) == (other.preprocessing, other.input)
        tried = set(_spread(range(len(photos)), WRONG_PHOTOS))
        kept: list[int] = []
        for index, frame in _readable(photos, advance):
            names = [
                name
                for name in self._others
                if index in tried or (has_classes and PREPARATIONS[name].rule is not None)
            ]
            for name in (RIGHT, *names):
                scores, ends = self._look(frame, name)
                self._rows.setdefault(name, []).append(_probabilities(scores, self._reference_spec))
                self._ranges.setdefault(name, []).append(ends)
                self._looked.setdefault(name, []).append(len(kept))
            for name in (RIGHT,) if is_same_rule else (RIGHT, BY_REFERENCE):
                pixels = self._own_pixels(frame, name)
                if name == RIGHT:
                    self._hold_pixels(pixels)
                scores, _ = self._own.run(pixels)
                self._own_rows.setdefault(name, []).append(_probabilities(scores, self._spec))
            kept.append(index)
        return kept

    def _hold_pixels(self, pixels: Pixels) -> None:
        """Hold one photo's pixels against the range of the input."""
        low, high = self._own.input_range or (-np.inf, np.inf)
        self._cut.append(float(np.mean((pixels < low - 1) | (pixels > high + 1))))
        self._pixel_ends.append((float(pixels.min()), float(pixels.max())))

    def calibrate(self, photos: Sequence[Path], training: Sequence[Path], advance: Advance) -> None:
        """See what ranges photos have that it may have been calibrated on: first as they should be prepared."""
        if not self._informative:
            advance(2 * len(photos) + 2 * len(training))
            return
        for kept, paths, names in (
            (self._calibration, photos, (RIGHT,)),
            (self._training, training, (RIGHT,)),
            (self._calibration, photos, self._others),
            (self._training, training, (TRACELESS,)),
        ):
            if self._is_proven():
                advance(len(paths))
                continue
            for _, frame in _readable(paths, advance):
                for name in names:
                    kept.setdefault(name, []).append(self._look(frame, name)[1])

    def _is_proven(self) -> bool:
        """Whether these photos, prepared rightly, have the ranges, so that this is settled."""
        rows = [*self._calibration.get(RIGHT, ()), *self._training.get(RIGHT, ())]
        if not rows:
            return False
        pools = {
            name: Pool(all=np.array(seen), calibration=np.array(seen))
            for name, seen in self._ranges.items()
        }
        ends = without_constant(ends_of(range_groups(self._pairs, self._informative)), pools)
        together = np.array(self._calibration.get(RIGHT, rows))
        pool = Pool(all=np.array(rows), calibration=together)
        return find_witnesses(ends, pool).found >= PROVEN * len(ends)

    def evidence(self, class_ids: tuple[int, ...]) -> Evidence:
        return Evidence(
            spec=self._spec,
            reference_spec=self._reference_spec,
            class_ids=class_ids,
            own={name: np.array(rows) for name, rows in self._own_rows.items()},
            reference={name: np.array(rows) for name, rows in self._rows.items()},
            looked={name: tuple(indexes) for name, indexes in self._looked.items()},
            pairs=tuple(self._pairs),
            layers=self._layers,
            informative=self._informative,
            ranges={name: np.array(rows) for name, rows in self._ranges.items()},
            calibration_ranges={name: np.array(rows) for name, rows in self._calibration.items()},
            training_ranges={name: np.array(rows) for name, rows in self._training.items()},
            operations=self._own.operations,
            weights=self._own.weights,
            input_range=self._own.input_range,
            cut=tuple(self._cut),
            pixel_ends=tuple(self._pixel_ends),
            sources=sources_of(self._pairs, self._own.activations),
        )

    def _follow(self, frames: Sequence[Frame]) -> None:
        """Follow values through the layers, and see which ranges depend on the photo."""
        if not self._pairs:
            return
        self._own.watch([own for own, _ in self._pairs])
        self._reference.watch([wanted for _, wanted in self._pairs])
        self._leave_out_other_shapes(frames[:1])
        self._gains = self._scaled_channels(frames[:SCALED_PHOTOS])
        extremes = []
        for index, frame in enumerate(frames):
            _, mine = self._own.run(self._own_pixels(frame, RIGHT))
            for name in self._followed if index < FOLLOWED_WRONGLY else (RIGHT,):
                _, values = self._reference.run(self._reference_pixels(frame, name))
                true = self._as_scaled(values, range(len(values)))
                self._layers[name].add(mine, true)
                if name == RIGHT:
                    extremes.append([(float(array.min()), float(array.max())) for array in true])
        if not extremes:
            return
        spread = np.ptp(np.array(extremes), axis=0).max(axis=-1)
        width = np.abs(np.array(extremes)).max(axis=(0, 2))
        self._informative = tuple(
            i
            for i, (own, _) in enumerate(self._pairs)
            if own.is_quantized and (spread[i] > VARYING * width[i] or len(extremes) == 1)
        )

    def _leave_out_other_shapes(self, frames: Sequence[Frame]) -> None:
        """Drop pairs that share a name and no shape: converters number tensors, in each file anew."""
        for frame in frames:
            _, mine = self._own.run(self._own_pixels(frame, RIGHT))
            _, true = self._reference.run(self._reference_pixels(frame, RIGHT))
            fitting = [a.shape == b.shape for a, b in zip(mine, true, strict=True)]
            self._pairs = [pair for pair, fits in zip(self._pairs, fitting, strict=True) if fits]
        self._layers = {name: LayerSums(self._pairs) for name in self._followed}
        self._own.watch([own for own, _ in self._pairs])
        self._reference.watch([wanted for _, wanted in self._pairs])

    def _scaled_channels(self, frames: Sequence[Frame]) -> list[Rows | None]:
        sums = ChannelSums(len(self._pairs), axis=self._axis)
        for frame in frames:
            _, mine = self._own.run(self._own_pixels(frame, RIGHT))
            _, true = self._reference.run(self._reference_pixels(frame, RIGHT))
            sums.add(mine, true)
        return sums.gains()

    def _as_scaled(self, values: Sequence[Rows], places: Sequence[int]) -> list[Rows]:
        return [
            scaled(array, self._gains[place], axis=self._axis)
            for array, place in zip(values, places, strict=True)
        ]

    def _look(self, frame: Frame, name: str) -> tuple[Rows, NDArray[np.float32]]:
        """Return the reference's scores, and the ends of the informative activations."""
        scores, values = self._reference.run(self._reference_pixels(frame, name))
        values = self._as_scaled(values, self._informative)
        ends = np.array([(array.min(), array.max()) for array in values], np.float32)
        return scores, ends.reshape(-1, 2)

    def _own_pixels(self, frame: Frame, name: str) -> Pixels:
        return as_artifact_is_fed(frame, name, self._spec, self._reference_spec)

    def _reference_pixels(self, frame: Frame, name: str) -> Pixels:
        spec = self._reference_spec
        return as_fed(prepare(frame, spec.preprocessing, name), spec.input)


def _spread(entries: Sequence[Entry], count: int) -> list[Entry]:
    """Return at most ``count`` entries, evenly spread."""
    if len(entries) <= count:
        return list(entries)
    return [entries[i * len(entries) // count] for i in range(count)]


def _probabilities(scores: Rows, spec: ModelSpec) -> Rows:
    return softmax(scores) if spec.output == "logits" else scores


def _readable(paths: Sequence[Path], advance: Advance) -> Iterable[tuple[int, Frame]]:
    for index, path in enumerate(paths):
        try:
            frame = read_image(path)
        except (ImageError, StorageError):
            advance()  # the caller is told how many were left out
            continue
        yield index, frame
        advance()
