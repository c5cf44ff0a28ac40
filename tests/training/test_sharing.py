"""What processes divide comes together again, with each one's own paths."""

import shutil

import numpy as np
import pytest
from edgecls_device.errors import DataError, DistributedError, OptionError
from edgecls_device.spec import Preprocessing

from edgecls.data.load import load_photos
from edgecls.training.agreement import agree_on_photos, agree_on_weights
from edgecls.training.checkpoint import (
    Checkpoint,
    CheckpointState,
    read_checkpoint,
    write_checkpoint,
)
from edgecls.training.features import PhotoFeatures
from edgecls.training.pictures import Pictures
from edgecls.training.record import Evaluation, TrainingRecord
from edgecls.training.sharing import (
    shared_features,
    shared_scores,
    shared_undecodable,
    the_first_makes,
)
from tests.training.conftest import write_photos
from tests.training.thread_group import in_group


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The same photos at two places."""
    root = tmp_path_factory.mktemp("sharing")
    write_photos(root / "a", {"disc": 8, "square": 9})
    shutil.copytree(root / "a", root / "b")
    return root / "a", root / "b"


@pytest.fixture
def copies(folders, tmp_path):
    """The same photos at two places, to be changed."""
    for folder, name in zip(folders, "ab", strict=True):
        shutil.copytree(folder, tmp_path / name)
    return tmp_path / "a", tmp_path / "b"


def vector(photo):
    return np.full(3, int(photo.content_hash[:4], 16), np.float32)


@pytest.mark.parametrize("size", [1, 2, 5, 40])
def test_features_of_all_photos_come_together(folders, size):
    photo_set = load_photos(folders[0])
    broken = photo_set.photos[4]

    def compute(photos):
        good = [photo for photo in photos if photo != broken]
        return PhotoFeatures(
            vectors={photo.content_hash: vector(photo) for photo in good},
            undecodable={photo.path: "cut off" for photo in photos if photo == broken},
            cached=0,
            computed=len(good),
        )

    for found in in_group(size, lambda group: shared_features(photo_set, compute, group)):
        assert found.undecodable == {broken.path: "cut off"}
        assert (found.cached, found.computed, len(found.vectors)) == (0, 16, 16)
        for photo in photo_set.photos:
            if photo != broken:
                assert (found.vectors[photo.content_hash] == vector(photo)).all()


def test_a_fault_that_one_process_found_is_known_to_all_by_their_own_paths(folders):
    sets = [load_photos(folder) for folder in folders]

    def work(group):
        def check(photos):
            name = "disc/3.png"
            return {p.path: "cut off" for p in photos if sets[group.rank].relative(p.path) == name}

        return shared_undecodable(sets[group.rank], check, group)

    assert in_group(2, work) == [{folder / "disc" / "3.png": "cut off"} for folder in folders]


class Brightness:
    """A classifier that needs no network."""

    def predict_on_batch(self, batch):
        return batch.mean(axis=(1, 2))


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("count", [1, 2, 7, 17])
def test_scores_come_together_in_the_order_of_the_photos(folders, size, count):
    paths = sorted(folders[0].rglob("*.png"))[:count]
    pictures = Pictures(Preprocessing(height=32, width=32), threads=2)
    wanted = np.array([pictures.read(path).astype(np.float32).mean(axis=(0, 1)) for path in paths])
    for scores in in_group(
        size, lambda group: shared_scores(Brightness(), pictures, paths, 4, group)
    ):
        assert np.allclose(scores, wanted, atol=1e-3)


def test_a_record_is_made_by_the_first_process_alone():
    made = []
    half = Evaluation(photos=2, accuracy=0.5, loss=0.7, calibration_error=0.0)

    def work(group):
        def make():
            made.append(group.rank)
            return TrainingRecord(
                created="x",
                backbone="small_cnn",
                weights="w",
                val=half,
                test=half,
                temperature=1.0,
                unknown_threshold=0.0,
            )

        return the_first_makes(TrainingRecord, make, group)

    first, second, third = in_group(3, work)
    assert first == second == third
    assert made == [0]


def test_the_checkpoint_of_the_first_process_is_that_of_all(tmp_path):
    state = CheckpointState(key="k", best_accuracy=0.5, best_loss=1.0)
    arrays = [np.array(2**40 + 1), np.arange(6, dtype=np.float32).reshape(2, 3)]
    checkpoint = Checkpoint(state=state, weights=arrays, optimizer=arrays[:1], best=arrays)
    write_checkpoint(tmp_path / "0.npz", checkpoint)

    def read(group, key="k"):
        return read_checkpoint(tmp_path / f"{group.rank}.npz", key, group)

    for found in in_group(2, read):
        assert found.state == state
        assert (found.weights[1] == arrays[1]).all()
        assert int(found.optimizer[0]) == 2**40 + 1
    with pytest.raises(OptionError, match="the stopped training"):
        in_group(2, lambda group: read(group, "other"))


def errors_of(work, size=2):
    def caught(group):
        with pytest.raises((DataError, DistributedError)) as error:
            work(group)
        return error.value

    return in_group(size, caught)


def test_the_same_photos_at_other_places_agree(folders):
    sets = [load_photos(folder) for folder in folders]
    in_group(2, lambda group: agree_on_photos(sets[group.rank], group))


def test_a_difference_of_photos_is_named_in_every_process(copies):
    first, second = copies
    (second / "disc" / "1.png").unlink()
    (second / "disc" / "2.png").write_bytes(b"")
    (first / "disc" / "3.png").rename(first / "disc" / "other.png")
    write_photos(second, {"square": 1}, seed=9)
    sets = [load_photos(folder) for folder in copies]
    errors = errors_of(lambda group: agree_on_photos(sets[group.rank], group))
    assert len({error.message for error in errors}) == 1
    for expected in (
        "rank 1 lacks 'disc/1.png'",
        "rank 1 lacks 'disc/2.png' (undecodable)",
        "rank 0 lacks 'disc/3.png'",
        "rank 1 lacks 'disc/other.png'",
        "'square/0.png' is another photo on rank 1",
    ):
        assert expected in errors[0].message
    assert "rsync" in errors[0].hint


def test_many_differences_are_counted(copies):
    for path in copies[1].rglob("disc/*.png"):
        path.rename(path.with_name(f"x{path.name}"))
    sets = [load_photos(folder) for folder in copies]
    error, _ = errors_of(lambda group: agree_on_photos(sets[group.rank], group))
    assert "and 11 more" in error.message


class Network:
    """Weights and nothing else."""

    def __init__(self, value):
        self.value = value

    def get_weights(self):
        return [np.array([self.value])]


def test_another_backbone_in_one_process_is_refused_in_all():
    in_group(2, lambda group: agree_on_weights(Network(1.0), group))
    errors = errors_of(lambda group: agree_on_weights(Network(float(group.rank == 1)), group), 3)
    assert {type(error) for error in errors} == {DistributedError}
    assert "other weights on: 1" in errors[0].message
