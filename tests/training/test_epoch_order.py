import numpy as np
import pytest

from edgecls.distributed.group import ALONE
from edgecls.training.epoch_order import epoch_order, steps_of
from tests.training.thread_group import ThreadGroup


def parts_of(photos, batch_size, size, seed=(0, 1)):
    members = [ThreadGroup(rank, [None] * size, None) for rank in range(size)]
    return [epoch_order(photos, batch_size, member, seed) for member in members]


@pytest.mark.parametrize("photos", [1, 5, 11, 12, 13, 100])
def test_processes_divide_each_batch_of_one_process_in_its_order(photos):
    whole = epoch_order(photos, 12, ALONE, (0, 1))
    parts = parts_of(photos, 12, 3)
    for name in ("photos", "places"):
        rows = [getattr(part, name).reshape(-1, 4) for part in parts]
        assert (np.concatenate(rows, axis=1).ravel() == getattr(whole, name)).all()
    assert len(whole.photos) == steps_of(photos, 12) * 12


def test_every_photo_is_seen_and_the_first_ones_fill_the_last_batch():
    order = epoch_order(10, 4, ALONE, (0, 1))
    assert sorted(order.photos[:10]) == list(range(10))
    assert order.photos[10:].tolist() == order.photos[:2].tolist()
    assert order.places.tolist() == list(range(12))  # so they are augmented in another way


def test_fewer_photos_than_a_batch_are_repeated_until_it_is_full():
    assert np.bincount(epoch_order(3, 8, ALONE, (0, 1)).photos).tolist() in (
        [3, 3, 2],
        [3, 2, 3],
        [2, 3, 3],
    )


def test_each_epoch_has_another_order():
    first, second = (epoch_order(50, 10, ALONE, (0, number)) for number in (1, 2))
    assert (first.photos != second.photos).any()
