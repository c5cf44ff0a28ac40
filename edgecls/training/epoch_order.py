"""Which photos a process sees in an epoch, and at which places of the order that all processes share."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecls.distributed.group import Group

__all__ = ["EpochOrder", "epoch_order", "steps_of"]


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochOrder:
    """This process's part of an epoch.

    Attributes:
        photos: Which photo is seen, step after step, shape ``(steps * part,)``, int64.
        places: Its place in the order of all processes, which its augmentation is drawn from; same shape.
        part: How many photos of each step are this process's.
    """

    photos: NDArray[np.int64]
    places: NDArray[np.int64]
    part: int


def steps_of(photos: int, batch_size: int) -> int:
    """Return how many batches an epoch has; the last is filled up."""
    return -(-photos // batch_size)


def epoch_order(photos: int, batch_size: int, group: Group, seed: tuple[int, int]) -> EpochOrder:
    """Return this process's part of an epoch.

    The last batch is filled with the photos that the epoch began with, so that all batches have one size:
    devices can divide it, and no step is compiled twice.

    Args:
        photos: How many photos there are, at least one.
        batch_size: Photos of a step, of all processes; a multiple of their number.
        group: The processes.
        seed: What the order is drawn from: of the training, and the number of the epoch.
    """
    order = np.random.default_rng(seed).permutation(photos)
    part = group.share(batch_size)
    places = np.arange(steps_of(photos, batch_size) * batch_size).reshape(-1, batch_size)
    own = places[:, part.start : part.stop].ravel()
    return EpochOrder(photos=order[own % photos], places=own, part=len(part))
