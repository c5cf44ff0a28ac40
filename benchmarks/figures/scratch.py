"""Train a backbone for a short time: with its weights where they can be had, else from scratch at a small size.

What comes out is a run like any other. From scratch, on a few hundred photos, it is a poor classifier, but its
layers are the real ones and its weights have seen photos, so that a recipe can break it or not.

    python benchmarks/figures/scratch.py photos/ runs/mobilenet --backbone mobilenet_v2 --size 96 --epochs 10
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from edgecls_device.errors import NetworkError

from edgecls.training import applications, backbones
from edgecls.training.train import train

BATCH_NORM_MOMENTUM = 0.9
"""Keras has 0.99 and more: after some hundred steps the moving averages would still be those of the start."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Train a backbone for a short time.")
    parser.add_argument("photos", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--backbone", required=True)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--epochs", type=int, default=10, help="from scratch")
    options = parser.parse_args()
    entry = backbones.backbone_named(options.backbone)
    if entry.is_pretrained:
        try:
            train(options.photos, out=options.out, backbone=entry.name, size=options.size)
        except NetworkError as error:
            sys.stderr.write(f"{error.message} It is trained from scratch instead.\n")
            without = replace(entry, builder=f"scratch:{entry.name}", weights="")
            backbones.BACKBONES = {**backbones.BACKBONES, entry.name: without}
        else:
            return
    train(
        options.photos,
        out=options.out,
        backbone=entry.name,
        size=options.size,
        epochs=options.epochs,
    )


def __getattr__(name):
    """Return a builder of the backbone of that name, without its weights (PEP 562)."""

    def build(*, size, seed):
        del seed  # Keras draws them; train has set its seed
        model = getattr(applications, name)(size=size, pretrained=False)
        for layer in model.layers:
            if type(layer).__name__ == "BatchNormalization":
                layer.momentum = BATCH_NORM_MOMENTUM
        return model

    return build


if __name__ == "__main__":
    main()
