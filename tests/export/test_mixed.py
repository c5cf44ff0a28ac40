"""Layers that stay in float where rounding would break them."""

import numpy as np
import pytest
from edgecls_device.errors import ExportError
from edgecls_export import EXPORTERS, freeze

from tests.export.tiny import build_model, pictures

pytest.importorskip("tensorflow")

OUTLIER = 3000.0


@pytest.fixture(scope="module")
def broken():
    """A model in which one channel of ``wild`` takes all the levels of its tensor."""
    keras = pytest.importorskip("keras")
    layers = keras.layers
    keras.utils.set_random_seed(4)
    inputs = keras.Input((32, 48, 3), name="image")
    x = layers.Rescaling(1 / 128, -127 / 128, name="normalize")(inputs)
    for index in range(4):
        x = layers.Conv2D(8, 3, strides=1 + index % 2, padding="same", name=f"conv{index}")(x)
        x = layers.ReLU(name=f"relu{index}")(x)
    x = layers.Conv2D(8, 1, name="wild")(x)
    x = layers.Activation("silu", name="swish")(x)  # equalization does not pass it
    x = layers.Conv2D(8, 1, name="reader")(x)
    x = layers.ReLU(name="relu")(x)
    for index in range(4, 6):
        x = layers.Conv2D(16, 3, padding="same", activation="relu", name=f"conv{index}")(x)
    x = layers.GlobalAveragePooling2D(name="features")(x)
    x = layers.Dense(4, name="logits")(x)
    model = keras.Model(inputs, layers.Softmax(name="scores")(x))
    kernel, bias = model.get_layer("wild").get_weights()
    kernel[..., 0] *= OUTLIER
    model.get_layer("wild").set_weights([kernel, bias])
    kernel, bias = model.get_layer("reader").get_weights()
    kernel[:, :, 0] /= OUTLIER
    model.get_layer("reader").set_weights([kernel, bias])
    kernel, bias = model.get_layer("logits").get_weights()
    model.get_layer("logits").set_weights([kernel * 20, bias])
    return freeze(model)


def _body(frozen, file_format, recipe, log):
    from edgecls_export.native_log import output_to_log

    with output_to_log(log, file_format):
        return EXPORTERS[file_format, recipe].load()(frozen, pictures(16))


def _mean_error(frozen, file_format, body, photos):
    from edgecls_device.backends.protocol import BackendOptions
    from edgecls_export.fidelity import measure
    from edgecls_export.operators import open_converted

    backend = open_converted(file_format, body.data, BackendOptions(threads=1))
    scores = np.concatenate([backend.run(photo[np.newaxis]) for photo in photos])
    backend.close()
    return measure(scores, frozen.keras_scores(photos)).mean_error


def test_the_broken_layer_loses_most(broken):
    from edgecls_export.layer_graph import LayerGraph
    from edgecls_export.sensitivity import weak_spots

    spots = weak_spots(LayerGraph(broken.model), pictures(4))
    swish = next(spot for spot in spots if spot.name == "swish")
    assert swish.layers == {"wild", "reader"}
    assert swish.loss > 0.1
    others = [spot for spot in spots if not spot.layers <= {"wild", "reader"}]
    assert max(spot.loss for spot in others) < 0.1 * swish.loss


def test_layers_in_float_keep_within_weights_and_work():
    from edgecls_export.sensitivity import Cost, Spot, choose_spots

    names = ("a", "b", "c", "d")
    losses = (0.9, 0.5, 0.4, 0.00001)
    spots = [
        Spot(name=name, loss=loss, layers=frozenset({name}))
        for name, loss in zip(names, losses, strict=True)
    ]
    costs = {name: Cost(weights=10, work=10) for name in names}
    assert choose_spots(spots, costs) == {"a"}
    heavy = {**costs, "a": Cost(weights=1000, work=1)}
    assert choose_spots(spots, heavy) == {"b"}
    slow = {**costs, "a": Cost(weights=1, work=1000)}
    assert choose_spots(spots, {**slow, "d": Cost(weights=100, work=9000)}) == {"a", "b", "c"}


def test_nodes_are_known_by_kernels_in_any_layout_and_pull_along_what_only_they_feed():
    from edgecls_export.mixed_precision import GraphNode, nodes_in_float

    kernel = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    nodes = [
        GraphNode(name="first", inputs=("x",), outputs=("a",), kernel=kernel + 1),
        GraphNode(name="second", inputs=("a",), outputs=("b",), kernel=kernel.T * 1.00001),
        GraphNode(name="swish", inputs=("b",), outputs=("c",), kernel=None),
        GraphNode(name="sum", inputs=("a", "c"), outputs=("d",), kernel=None),
    ]
    assert nodes_in_float(nodes, [kernel]) == ["second", "swish"]
    assert nodes_in_float(nodes, []) == []
    assert nodes_in_float(nodes, [kernel, kernel + 9]) == ["second", "swish"]
    with pytest.raises(ExportError, match=r"Expected the 2 layers .* got none") as error:
        nodes_in_float(nodes, [kernel + 5, kernel + 9])
    assert "--recipe int8" in error.value.hint


@pytest.mark.slow
@pytest.mark.parametrize("file_format", ["tflite", "onnx"])
@pytest.mark.parametrize("layers", [(), ("nothing",)])
def test_a_file_without_a_layer_in_float_says_so_or_is_none(
    file_format, layers, tmp_path, monkeypatch
):
    if file_format == "tflite":
        pytest.importorskip("litert_quantizer")
    exporter = pytest.importorskip(f"edgecls_export.{file_format}_mixed")
    monkeypatch.setattr(exporter, "layers_in_float", lambda *given, **options: frozenset(layers))
    unknown = [np.full((3, 3, 1, 1), 123.0, np.float32) for _ in layers]
    monkeypatch.setattr(exporter, "kernels_of", lambda *given: unknown)
    frozen = freeze(build_model())
    if layers:
        with pytest.raises(ExportError, match="got none with their weights"):
            _body(frozen, file_format, "int8-mixed", tmp_path / "log")
        return
    body = _body(frozen, file_format, "int8-mixed", tmp_path / "log")
    assert body.note.startswith("No layer is in float")


@pytest.mark.slow
@pytest.mark.parametrize("file_format", ["tflite", "onnx"])
def test_it_mends_a_model_that_int8_breaks(broken, file_format, tmp_path):
    if file_format == "tflite":
        pytest.importorskip("litert_quantizer")
    photos = pictures(24, seed=8)
    plain, mixed = (
        _body(broken, file_format, recipe, tmp_path / "log") for recipe in ("int8", "int8-mixed")
    )
    before, after = (_mean_error(broken, file_format, body, photos) for body in (plain, mixed))
    assert after < 0.3 * before
    assert mixed.logit_step > 0 or mixed.tolerance > 0  # the logits may be in float
    assert mixed.note == ""


@pytest.mark.slow
def test_only_the_chosen_layers_are_in_float_in_tflite(broken, tmp_path):
    pytest.importorskip("litert_quantizer")
    from edgecls_export.tflite_graph import TfliteGraph

    body = _body(broken, "tflite", "int8-mixed", tmp_path / "log")
    assert TfliteGraph(body.data).float_operators().count("CONV_2D") == 2


@pytest.mark.slow
def test_only_the_chosen_layers_are_in_float_in_onnx(broken, tmp_path):
    onnx = pytest.importorskip("onnx")
    model = onnx.load_from_string(_body(broken, "onnx", "int8-mixed", tmp_path / "log").data)
    assert _float_convolutions(model) == 2


@pytest.mark.slow
def test_onnxruntime_leaves_a_layer_in_float_between_int8_ones(tmp_path):
    onnx = pytest.importorskip("onnx")
    from edgecls_export.native_log import output_to_log
    from edgecls_export.onnx_exporters import clean_model, quantize
    from edgecls_export.onnx_mixed import shield

    frozen = freeze(build_model())
    with output_to_log(tmp_path / "log", "onnx"):
        nodes = onnx.load_from_string(clean_model(frozen)).graph.node
        last = [node.name for node in nodes if node.op_type == "Conv"][-1]
        model = onnx.load_from_string(quantize(frozen, pictures(4), nodes_in_float=[last]).data)
    assert _float_convolutions(model) == 1
    shield(model)
    assert _float_convolutions(_as_loaded(model, tmp_path / "loaded.onnx")) == 1


def _as_loaded(model, path):
    """Return the graph that ONNX Runtime makes of a model before it fuses anything."""
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path)
    onnxruntime.InferenceSession(model.SerializeToString(), options)
    return onnx.load(path)


def _float_convolutions(model):
    makers = {name: node.op_type for node in model.graph.node for name in node.output}
    nodes = [node for node in model.graph.node if node.op_type == "Conv"]
    return sum(makers.get(node.input[1]) != "DequantizeLinear" for node in nodes)
