import dataclasses

import numpy as np
import pytest
from edgecls_device.errors import OptionError, TrainingError

from edgecls.training.checkpoint import (
    Checkpoint,
    CheckpointState,
    checkpoint_key,
    read_checkpoint,
    write_checkpoint,
)
from edgecls.training.record import Epoch

EPOCH = Epoch(stage="fine-tune", epoch=1, loss=1.5, accuracy=0.5, val_loss=1.25, val_accuracy=0.75)


@pytest.fixture
def path(tmp_path):
    state = CheckpointState(
        key="k", history=(EPOCH,), best_epoch=1, best_accuracy=0.75, best_loss=1.25
    )
    arrays = [np.full((2, 3), i, np.float32) for i in range(12)]
    path = tmp_path / "checkpoint.npz"
    write_checkpoint(
        path, Checkpoint(state=state, weights=arrays, optimizer=[np.int64(7)], best=arrays[:2])
    )
    return path


def test_a_checkpoint_comes_back_whole_and_in_order(path):
    checkpoint = read_checkpoint(path, "k")
    assert checkpoint.state.history == (EPOCH,)
    assert [int(array[0, 0]) for array in checkpoint.weights] == list(range(12))
    assert int(checkpoint.optimizer[0]) == 7
    assert len(checkpoint.best) == 2


def test_what_a_killed_process_left_is_removed_by_the_next_one(path):
    torn, other = path.with_name(".checkpoint.0123456789ab.npz"), path.with_name("notes.npz")
    for file in (torn, other):
        file.write_bytes(b"half")
    checkpoint = read_checkpoint(path, "k")
    write_checkpoint(path, checkpoint)
    assert {file.name for file in path.parent.iterdir()} == {"checkpoint.npz", "notes.npz"}


def test_the_checkpoint_of_another_training_is_refused(path):
    with pytest.raises(OptionError, match="options and photos of the stopped training"):
        read_checkpoint(path, "other")


@pytest.mark.parametrize("other", ["k", "other"])
@pytest.mark.parametrize(("stopped", "now"), [("jax", "tensorflow"), ("tensorflow", "jax")])
def test_a_checkpoint_of_another_keras_backend_is_refused_by_its_name(path, stopped, now, other):
    checkpoint = read_checkpoint(path, "k")
    state = dataclasses.replace(checkpoint.state, key=checkpoint_key(stopped, "k"))
    write_checkpoint(path, dataclasses.replace(checkpoint, state=state))
    assert read_checkpoint(path, checkpoint_key(stopped, "k")).state == state
    with pytest.raises(OptionError, match=rf"Keras on {stopped}, .*, got {now}") as caught:
        read_checkpoint(path, checkpoint_key(now, other))
    assert f"with{'' if stopped == 'jax' else 'out'} --distributed" in caught.value.hint


def test_a_checkpoint_that_does_not_say_its_keras_backend_is_of_another_training(path):
    with pytest.raises(OptionError, match="options and photos of the stopped training"):
        read_checkpoint(path, checkpoint_key("tensorflow", "k"))


@pytest.mark.parametrize("keep", [0, 1, 100, -1, -200])
def test_a_damaged_checkpoint_is_refused(path, keep):
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(TrainingError, match="damaged") as caught:
        read_checkpoint(path, "k")
    assert "without --resume" in caught.value.hint


def test_a_checkpoint_with_code_in_it_is_refused(path):
    np.savez(path, state=np.array([print], dtype=object))
    with pytest.raises(TrainingError, match="damaged"):
        read_checkpoint(path, "k")
