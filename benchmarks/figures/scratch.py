"""Make a run of a backbone in half a minute: with its weights where they can be had, else with random ones.

Without pretrained weights some minutes of training from scratch leave a deep network at one answer for all
photos, and then every file agrees with every other. So its weights stay as they are drawn, each batch norm gets
the mean and variance that its input has on photos, and only the head is trained. Such a network tells photos
apart, its activations are as spread as those of a trained one, and quantization errors add up in it over the
real layers. What it lacks are the outliers that long training makes.

    python benchmarks/figures/scratch.py photos/ runs/mobilenet --backbone mobilenet_v2 --size 96
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from crops import by_content
from edgecls_device.errors import NetworkError
from edgecls_device.images import read_image
from edgecls_device.preprocessing import resize
from edgecls_device.spec import Preprocessing

from edgecls.training import applications, backbones
from edgecls.training.train import train

STATISTICS_PHOTOS = 128
DRAWN = "none at hand: drawn at random, batch norms set on photos, head trained"


def main() -> None:
    parser = argparse.ArgumentParser(description="Make a run of a backbone in half a minute.")
    parser.add_argument("photos", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--backbone", required=True)
    parser.add_argument("--size", type=int, default=96)
    options = parser.parse_args()
    entry = backbones.backbone_named(options.backbone)
    wanted = {"out": options.out, "backbone": entry.name, "size": options.size}
    cache = options.out / "features"
    try:
        train(options.photos, **wanted, cache=cache)
    except NetworkError as error:
        sys.stderr.write(f"{error.message} Its weights are drawn at random instead.\n")
        drawn = replace(entry, builder=f"scratch:{entry.name}", weights=DRAWN)
        backbones.BACKBONES = {**backbones.BACKBONES, entry.name: drawn}
        train(options.photos, **wanted, cache=cache)


def __getattr__(name):
    """Return a builder of the backbone of that name, without its weights (PEP 562)."""

    def build(*, size, include_top=False, pretrained=True):
        del include_top, pretrained
        import keras

        keras.utils.set_random_seed(0)
        model = getattr(applications, name)(size=size, pretrained=False)
        set_batch_norms(model, some_pictures(Path(sys.argv[1]), size))
        return model

    if name.startswith("_"):
        raise AttributeError(name)
    return build


def some_pictures(photos: Path, size: int):
    """Return prepared photos, float32 ``(N, size, size, 3)``, RGB 0..255."""
    rule = Preprocessing(height=size, width=size)
    paths = by_content(photos)[:STATISTICS_PHOTOS]
    return np.array([resize(read_image(path), rule) for path in paths], np.float32)


def set_batch_norms(model, pictures) -> None:
    """Give each batch norm the mean and variance of its input on pictures."""
    norms = [layer for layer in model.layers if type(layer).__name__ == "BatchNormalization"]
    for layer in norms:
        layer.momentum = 0.0
    model(pictures, training=True)


if __name__ == "__main__":
    main()
