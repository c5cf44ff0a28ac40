"""pretrained: a ready model becomes a run, with no training and no photos."""

from collections.abc import Sequence
from pathlib import Path

from edgecls_device.errors import OptionError
from edgecls_device.spec import ModelSpec, Preprocessing, Provenance
from edgecls_device.stamps import installed_versions

from edgecls.progress import say
from edgecls.training.backbones import BACKBONES, DEFAULT_BACKBONE, backbone_named, build
from edgecls.training.extractor import weights_fingerprint
from edgecls.training.imagenet import imagenet_labels, parse_groups
from edgecls.training.keras_classifier import golden_samples, with_scores
from edgecls.training.outputs import PACKAGES, open_run, write_run

__all__ = ["DATA_SETS", "pretrained"]

DATA_SETS = ("imagenet",)

_CROP_FRACTION = 0.875  # short side 256, centre 224: how these networks are evaluated


def pretrained(
    name: str = "imagenet",
    *,
    out: Path | str,
    backbone: str = DEFAULT_BACKBONE,
    groups: Sequence[str] = (),
) -> ModelSpec:
    """Leave a run with the backbone's own 1000 classes, or with groups of them.

    Args:
        name: What it was trained on: ``imagenet``.
        out: The run directory, such as ``runs/imagenet``.
        backbone: Name of the backbone.
        groups: Each ``LABEL=FIRST-LAST``, such as ``cat=281-285``; their labels are shown instead of the 1000.

    Raises:
        MissingDependencyError: If a package is not installed.
        NetworkError: If the weights cannot be downloaded.
        OptionError: If the name, the backbone or a group is not right.
        StorageError: If a file cannot be written.
    """
    if name not in DATA_SETS:
        message = f"Expected a pretrained model of {', '.join(DATA_SETS)}, got {name!r}."
        raise OptionError(message, hint="edgecls pretrained imagenet --out runs/imagenet")
    entry = backbone_named(backbone)
    if not entry.is_pretrained:
        ready = ", ".join(key for key, other in BACKBONES.items() if other.is_pretrained)
        message = f"Expected a backbone with weights of its own, got {backbone!r}."
        raise OptionError(message, hint=f"one of: {ready}")
    parsed, labels = parse_groups(groups), imagenet_labels()
    with open_run(out) as run:
        say(f"Building {backbone} with its {len(labels)} classes")
        model = with_scores(build(entry, size=entry.size, include_top=True))
        spec = ModelSpec(
            name=run.name,
            labels=labels,
            preprocessing=Preprocessing(
                height=entry.size, width=entry.size, crop_fraction=_CROP_FRACTION
            ),
            groups=parsed,
            golden=golden_samples(model),
            provenance=Provenance(
                backbone=backbone,
                weights=entry.weights,
                dataset=name,
                settings={"groups": " ".join(groups)} if groups else {},
                packages=installed_versions(PACKAGES),
                model_fingerprint=weights_fingerprint(model),
            ),
        )
        write_run(run, model, spec)
        return spec
