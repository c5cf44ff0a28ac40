"""Biases that make up for rounding."""

import numpy as np
import pytest
from edgecls_export import FrozenModel, freeze

from tests.export.tiny import build_model, pictures

pytest.importorskip("tensorflow")


@pytest.fixture(scope="module")
def skewed():
    """A model whose weights rounding shifts to one side, by 0.45 steps each, as one of them is large."""
    model = build_model()
    for layer in model.layers:
        if type(layer).__name__ in {"Conv2D", "DepthwiseConv2D"}:
            kernel, *bias = layer.get_weights()
            step = 4 / 127
            kernel = (np.rint(kernel / step) + 0.45) * step
            kernel[0, 0, 0] = 127 * step
            kernel[0, 0, 1] = 0  # so that in ONNX, too, the large one becomes 127
            layer.set_weights([kernel, *bias])
    dense = model.get_layer("logits")
    dense.set_weights([weights / 30 for weights in dense.get_weights()])
    return model


def test_rows_are_rounded_to_127_steps_of_their_greatest():
    from edgecls_export.bias_correction import rounded_rows

    rows = np.array([[-1.0, 0.5, 0.0039], [0.0, 0.0, 0.0]], np.float32)
    got = rounded_rows(rows)
    assert np.allclose(got * 127, [[-127, 64, 0], [0, 0, 0]], atol=1e-4)


def test_activations_beyond_what_was_seen_are_clipped():
    from edgecls_export.bias_correction import rounded_activation

    got = rounded_activation(np.array([-9.0, 0.0, 1.0, 9.0], np.float32), np.array([0.5, 2.55]))
    assert np.allclose(got, [0, 0, 1, 2.55], atol=1e-6)


def test_only_biases_change(skewed):
    from edgecls_export.bias_correction import correct_biases

    got = correct_biases(skewed, pictures(8))
    changed = set()
    for mine, theirs in zip(got.weights, skewed.weights, strict=True):
        if not np.array_equal(mine, theirs):
            changed.add(mine.path.rpartition("/")[2])
    assert changed == {"beta", "bias"}


def test_the_same_photos_give_the_same_biases(skewed):
    from edgecls_export.bias_correction import correct_biases

    first, second = (correct_biases(skewed, pictures(8)).get_weights() for _ in range(2))
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("file_format", ["tflite", "onnx"])
def test_int8_scores_come_nearer_to_keras(skewed, file_format, tmp_path):
    from edgecls_device.backends.protocol import BackendOptions
    from edgecls_export import EXPORTERS
    from edgecls_export.fidelity import measure
    from edgecls_export.native_log import output_to_log
    from edgecls_export.operators import open_converted

    photos, others = pictures(16), pictures(32, seed=8)
    plain, corrected = FrozenModel(skewed), FrozenModel(skewed)
    plain.is_fitted_to_int8 = True  # so that nothing is corrected
    errors = []
    for frozen in (plain, corrected):
        with output_to_log(tmp_path / "log", file_format):
            body = EXPORTERS[file_format, "int8"].load()(frozen, photos)
        backend = open_converted(file_format, body.data, BackendOptions(threads=1))
        scores = np.concatenate([backend.run(image[np.newaxis]) for image in others])
        backend.close()
        errors.append(measure(scores, frozen.keras_scores(others)).mean_error)
    assert errors[1] < 0.9 * errors[0]


def test_a_model_is_corrected_once_for_a_set_of_photos():
    from edgecls_export.bias_correction import corrected

    frozen = freeze(build_model())
    got = corrected(frozen, pictures(4))
    assert got is not frozen
    assert corrected(frozen, pictures(4)) is got
    assert corrected(got, pictures(4)) is got
    assert corrected(frozen, pictures(5)) is not got


def test_a_layer_used_twice_is_left_as_it_is(capfd):
    from edgecls_export.bias_correction import corrected
    from keras import Input, Model, layers

    inputs = Input((8, 8, 3))
    shared = layers.Conv2D(3, 1)
    x = layers.Flatten()(shared(shared(inputs)))
    frozen = freeze(Model(inputs, layers.Softmax(name="scores")(layers.Dense(2)(x))))
    assert corrected(frozen, pictures(2)[:, :8, :8]) is frozen
    assert "not corrected" in capfd.readouterr().err


def test_where_nothing_is_rounded_nothing_is_corrected(skewed):
    from edgecls_export.bias_correction import correct_biases

    names = frozenset(layer.name for layer in skewed.layers)
    got = correct_biases(skewed, pictures(8), in_float=names)
    for mine, theirs in zip(got.get_weights(), skewed.get_weights(), strict=True):
        assert np.allclose(mine, theirs, atol=1e-6)
