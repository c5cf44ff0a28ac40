"""Runs of tiny models, on pictures written as photos."""

import cv2
from edgecls_device.files import write_atomically
from edgecls_device.records import to_json

from edgecls.data.download import sha256_of
from edgecls.data.split import write_split
from edgecls.data.split_record import Split, SplitPhoto
from edgecls.run_directory import RunDirectory
from tests.export.tiny import SPEC


def write_photos(folder, images, names=None):
    """Write pictures (RGB) as PNG files; return their paths."""
    paths = []
    for i, image in enumerate(images):
        path = folder / (names[i] if names else "") / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), image[:, :, ::-1])
        paths.append(path)
    return paths


def write_run(folder, model, images, class_ids, splits):
    """Write a finished run of a model whose photos are these pictures."""
    run = RunDirectory(folder / "runs" / "shapes")
    run.path.mkdir(parents=True)
    model.save(run.model)
    write_atomically(run.spec, to_json(SPEC))
    root = folder / "photos"
    paths = write_photos(root, images, [SPEC.labels[class_id] for class_id in class_ids])
    photos = [
        SplitPhoto(
            path=path.relative_to(root).as_posix(),
            class_id=int(class_id),
            content_hash=sha256_of(path),
            split=split,
        )
        for path, class_id, split in zip(paths, class_ids, splits, strict=True)
    ]
    write_split(Split(root=str(root), labels=SPEC.labels, photos=tuple(photos)), run)
    return run
