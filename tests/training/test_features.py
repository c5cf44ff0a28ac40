import numpy as np
import pytest
from edgecls_device.spec import Preprocessing

from edgecls.data.load import load_photos
from edgecls.training import extractor as extractors
from edgecls.training.backbones import BACKBONES, build
from edgecls.training.extractor import TOLERANCE, extractor_fingerprint, open_extractor
from edgecls.training.feature_cache import FeatureCache
from edgecls.training.features import compute_features, read_pixels
from tests.training.conftest import write_photos

RULE = Preprocessing(height=32, width=32)


def brightness(pixels):
    assert pixels.shape == (32, 32, 3)
    return pixels.mean(axis=(0, 1)).astype(np.float32)


class Counted:
    """Counts how often the extractor was opened and called, and may stop at one photo."""

    def __init__(self, stop_at=None):
        self.opened = self.calls = 0
        self.stop_at = stop_at

    def open(self):
        self.opened += 1

        def extract(pixels):
            self.calls += 1
            if self.calls == self.stop_at:
                raise KeyboardInterrupt
            return brightness(pixels)

        return extract


def compute(photo_set, path, counted, threads=2):
    with FeatureCache(path, length=3) as cache:
        return compute_features(photo_set.photos, cache, RULE, counted.open, threads=threads)


@pytest.fixture
def folder(tmp_path):
    return write_photos(tmp_path / "photos", {"disc": 8, "square": 8})


def test_a_second_run_computes_nothing_and_gives_the_same(folder, tmp_path):
    photo_set, path = load_photos(folder), tmp_path / "x.sqlite"
    first = compute(photo_set, path, Counted())
    again = Counted()
    second = compute(photo_set, path, again)
    assert (again.opened, again.calls) == (0, 0)
    assert (first.computed, first.cached, second.computed, second.cached) == (16, 0, 0, 16)
    for photo in photo_set.photos:
        wanted = brightness(read_pixels(photo.path, RULE))
        assert (first.vectors[photo.content_hash] == wanted).all()
        assert (second.vectors[photo.content_hash] == wanted).all()


def test_one_more_class_costs_only_its_own_photos(folder, tmp_path):
    compute(load_photos(folder), tmp_path / "x.sqlite", Counted())
    write_photos(folder, {"stripes": 6}, seed=9)
    more = Counted()
    compute(load_photos(folder), tmp_path / "x.sqlite", more)
    assert more.calls == 6


def test_photos_that_do_not_decode_are_named_and_do_not_stop_the_others(folder, tmp_path):
    broken = folder / "disc" / "0.png"
    broken.write_bytes(broken.read_bytes()[:200])
    result = compute(load_photos(folder), tmp_path / "x.sqlite", Counted())
    assert list(result.undecodable) == [broken]
    assert "cut off" in result.undecodable[broken]
    assert (result.computed, len(result.vectors)) == (15, 15)


def test_a_photo_that_vanished_is_named_too(folder, tmp_path):
    photo_set = load_photos(folder)
    photo_set.photos[3].path.unlink()
    result = compute(photo_set, tmp_path / "x.sqlite", Counted())
    assert list(result.undecodable) == [photo_set.photos[3].path]


def test_what_was_computed_before_ctrl_c_is_kept(folder, tmp_path):
    photo_set, path = load_photos(folder), tmp_path / "x.sqlite"
    with pytest.raises(KeyboardInterrupt):
        compute(photo_set, path, Counted(stop_at=10), threads=1)
    rest = compute(photo_set, path, Counted())
    assert rest.cached == 9
    assert rest.computed == 7


@pytest.fixture(scope="module")
def backbone():
    return build(BACKBONES["small_cnn"], size=32)


def test_another_rule_backbone_or_weight_is_another_fingerprint(backbone):
    changed = build(BACKBONES["small_cnn"], size=32)
    weights = changed.get_weights()
    weights[0][0, 0, 0, 0] += 1e-3
    changed.set_weights(weights)
    other = Preprocessing(height=32, width=32, resize="stretch")
    fingerprints = {
        extractor_fingerprint("small_cnn", backbone, RULE),
        extractor_fingerprint("small_cnn", backbone, other),
        extractor_fingerprint("another", backbone, RULE),
        extractor_fingerprint("small_cnn", changed, RULE),
    }
    assert len(fingerprints) == 4


def test_the_same_backbone_built_again_has_the_same_fingerprint(backbone):
    again = build(BACKBONES["small_cnn"], size=32)
    assert extractor_fingerprint("x", again, RULE) == extractor_fingerprint("x", backbone, RULE)


def features_by(extract, model, count=3):
    size = model.input_shape[1]
    random = np.random.default_rng(5)
    pixels = random.integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    wanted = np.asarray(model(pixels.astype(np.float32), training=False))
    got = np.stack([extract(picture) for picture in pixels])
    return np.abs(got - wanted).max() / np.abs(wanted).max()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["small_cnn", "efficientnet_lite0", "mobilenet_v2"])
def test_the_fast_extractor_gives_the_features_of_keras(name, tmp_path, capfd):
    pytest.importorskip("ai_edge_litert")
    entry = BACKBONES[name]
    model = build(entry, size=96, pretrained=name == "efficientnet_lite0")
    extract = open_extractor(model, tmp_path / "copy.tflite", threads=2)
    assert (tmp_path / "copy.tflite").stat().st_size > 4 * model.count_params() * 0.9
    assert features_by(extract, model) < TOLERANCE
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_without_a_runtime_tensorflow_extracts(backbone, tmp_path, monkeypatch):
    monkeypatch.setattr(extractors, "installed_backends", lambda _: ())
    extract = open_extractor(backbone, tmp_path / "copy.tflite", threads=2)
    assert not (tmp_path / "copy.tflite").exists()
    assert features_by(extract, backbone) < TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["truncated", "of other weights"])
def test_a_copy_that_is_not_the_backbone_is_not_used(backbone, tmp_path, capsys, damage):
    pytest.importorskip("ai_edge_litert")
    copy = tmp_path / "copy.tflite"
    other = build(BACKBONES["small_cnn"], size=32)
    other.set_weights([array * 1.1 for array in other.get_weights()])
    data = extractors._convert(other)
    copy.write_bytes(data if damage == "of other weights" else data[: len(data) // 2])
    extract = open_extractor(backbone, copy, threads=1)
    assert features_by(extract, backbone) < TOLERANCE
    assert "is not used" in capsys.readouterr().err
    assert not copy.exists()
