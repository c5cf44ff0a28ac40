from urllib.error import URLError

import numpy as np
import pytest
from edgecls_device.errors import NetworkError, OptionError

from edgecls.training.backbones import BACKBONES, backbone_named, blocks_of, build

DOWNLOADED = [name for name, entry in BACKBONES.items() if "applications" in entry.weights]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("efficientnet-lite0", "efficientnet_lite0"), ("mobilenetv2", "mobilenet_v2"), ("", "one of")],
)
def test_an_unknown_backbone_names_the_nearest(name, nearest):
    with pytest.raises(OptionError, match="Expected a backbone") as caught:
        backbone_named(name)
    assert nearest in caught.value.hint


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        BACKBONES["mine"] = BACKBONES["small_cnn"]


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_takes_pixels_and_gives_one_feature_vector_a_picture(name):
    model = build(BACKBONES[name], size=96, pretrained=False)
    features = np.asarray(model(np.full((2, 96, 96, 3), 200, np.float32), training=False))
    assert model.input.name == "image"
    assert features.shape == (2, model.output_shape[-1])
    assert np.isfinite(features).all()


def test_a_network_from_scratch_is_drawn_from_its_seed():
    def first_kernel(seed):
        return build(BACKBONES["small_cnn"], size=32, seed=seed).get_weights()[0]

    assert (first_kernel(1) == first_kernel(1)).all()
    assert (first_kernel(1) != first_kernel(2)).any()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "blocks"),
    [
        ("efficientnet_lite0", 16),
        ("mobilenet_v2", 17),
        ("mobilenet_v3_small", 11),
        ("mobilenet_v3_large", 15),
        ("efficientnetv2_b0", 21),
        ("small_cnn", 4),
    ],
)
def test_the_blocks_are_those_of_the_paper(name, blocks):
    backbone = BACKBONES[name]
    assert len(blocks_of(build(backbone, size=96, pretrained=False), backbone)) == blocks


@pytest.mark.slow
@pytest.mark.parametrize("name", DOWNLOADED)
def test_every_downloaded_backbone_can_end_in_1000_logits(name):
    model = build(BACKBONES[name], size=224, include_top=True, pretrained=False)
    assert model.output_shape == (None, 1000)
    logits = np.asarray(model(np.zeros((1, 224, 224, 3), np.float32), training=False))
    assert logits.sum() != pytest.approx(1, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", DOWNLOADED)
def test_a_failed_download_says_which_backbone_needs_none(name, monkeypatch, tmp_path):
    from keras.src.utils import file_utils

    def refuse(*_):
        raise URLError(OSError(-2, "Name or service not known"))

    monkeypatch.setattr(file_utils, "urlretrieve", refuse)
    monkeypatch.setattr(file_utils.config, "keras_home", lambda: str(tmp_path))
    with pytest.raises(NetworkError, match=f"weights of {name}: .*not known") as caught:
        build(BACKBONES[name], size=224)
    assert "efficientnet_lite0" in caught.value.hint
