"""Where the error grows: the layer that was damaged is named, wherever it stands in the file."""

import cv2
import numpy as np
import pytest
from edgecls_bench.diagnosis.diagnose import diagnose
from edgecls_bench.diagnosis.growth import layer_errors, worst_layers
from edgecls_bench.diagnosis.layers import LayerSums
from edgecls_bench.diagnosis.network import Activation
from edgecls_bench.diagnosis.onnx_network import OnnxNetwork
from edgecls_bench.diagnosis.preparations import RIGHT
from edgecls_bench.diagnosis.sources import computed_from, sources_of
from edgecls_device.artifact import ONNX_SPEC_KEY, read_artifact
from edgecls_device.records import to_json

from tests.benchmarks.color_models import color_spec
from tests.benchmarks.diagnosis.test_checks import evidence

LAYERS = ("stem", "side", "deep", "deeper", "tail", "logits")
WIDTH = 24


def write_branches(path, *, recipe="float32", noise=0.0, damaged=None):
    """Write a model of two branches, the shorter one first; every layer is a little wrong by noise."""
    onnx = pytest.importorskip("onnx")
    helper, types = onnx.helper, onnx.TensorProto
    rng, error = np.random.default_rng(3), np.random.default_rng(4)
    nodes, constants = [], []

    def layer(name, source, inputs=WIDTH, outputs=WIDTH):
        weights = rng.normal(0, inputs**-0.5, (inputs, outputs))
        size = 0.4 if name == damaged else noise
        weights = weights + size * error.normal(0, inputs**-0.5, weights.shape)
        constants.append(onnx.numpy_helper.from_array(weights.astype(np.float32), f"{name}_w"))
        nodes.append(helper.make_node("MatMul", [source, f"{name}_w"], [name]))
        nodes.append(helper.make_node("Relu", [name], [f"{name}_relu"]))
        return f"{name}_relu"

    nodes.append(helper.make_node("Cast", ["image"], ["pixels"], to=types.FLOAT))
    nodes.append(helper.make_node("ReduceMean", ["pixels"], ["color"], axes=[1, 2], keepdims=0))
    stem = layer("stem", "color", inputs=3)
    side = layer("side", stem)
    deep = layer("deeper", layer("deep", stem))
    nodes.append(helper.make_node("Add", [side, deep], ["sum"]))
    layer("logits", layer("tail", "sum"), outputs=3)
    nodes[-1] = helper.make_node("Softmax", ["logits"], ["scores"], axis=1)
    graph = helper.make_graph(
        nodes,
        "branches",
        [helper.make_tensor_value_info("image", types.UINT8, [1, 8, 8, 3])],
        [helper.make_tensor_value_info("scores", types.FLOAT, [1, 3])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, {ONNX_SPEC_KEY: to_json(color_spec(recipe))})
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    paths = [folder / f"{i}.png" for i in range(12)]
    for path, color in zip(paths, np.random.default_rng(1).integers(0, 256, (12, 3)), strict=True):
        cv2.imwrite(str(path), np.full((8, 8, 3), color, np.uint8))
    return paths


@pytest.mark.parametrize("damaged", LAYERS)
def test_the_damaged_layer_is_named(tmp_path, photos, damaged):
    pytest.importorskip("onnxruntime")
    files = [
        write_branches(tmp_path / "x.int8.onnx", recipe="int8", noise=0.005, damaged=damaged),
        write_branches(tmp_path / "x.float32.onnx"),
    ]
    diagnosis = diagnose(*map(read_artifact, files), photos)
    worst, second = worst_layers(diagnosis.layers, 2)
    assert worst.name == damaged
    assert worst.lost_db > max(15, 2 * second.lost_db)


def test_layers_know_what_they_are_computed_from(tmp_path):
    network = OnnxNetwork(write_branches(tmp_path / "x.onnx").read_bytes(), threads=1)
    inputs = {entry.name: entry.inputs for entry in network.activations}
    assert inputs["color"] == ()
    assert inputs["stem"] == ("color",)
    assert inputs["side"] == inputs["deep"] == ("stem_relu",)
    assert inputs["sum"] == ("side_relu", "deeper_relu")


def test_a_tflite_file_tells_what_layers_are_computed_from(foreign_model):
    pytest.importorskip("ai_edge_litert")
    from edgecls_bench.diagnosis.tflite_network import TfliteNetwork

    network = TfliteNetwork(foreign_model.read_bytes(), threads=1)
    keys = [entry.key for entry in network.activations]
    network.close()
    assert [entry.inputs for entry in network.activations] == [(), *((key,) for key in keys[:-1])]


def test_what_passes_values_on_is_looked_through():
    steps = [
        (False, ["image"], ["a"]),
        (True, ["a", "constant"], ["a'"]),
        (False, ["a'", "weights"], ["b", "b2"]),
        (False, ["a", "b2", "a'"], ["c"]),
    ]
    assert computed_from(steps) == {"a": (), "b": ("a",), "c": ("a", "b")}


def entry(key, operation="CONV_2D", inputs=(), step=0.1):
    return Activation(
        name=key, operation=operation, shape=(1, 4), step=step, low=-99.0, high=99.0, key=key,
        zero_point=0, inputs=inputs,
    )  # fmt: skip


def test_layers_without_a_pair_are_looked_through():
    a, b, c = entry("a"), entry("b", inputs=("a",)), entry("c", inputs=("b", "a"))
    assert sources_of([(a, a), (c, c)], [a, b, c]) == ((), (0,))
    assert sources_of([(c, c)], [a, b, c]) == ((),)


def grown(layers, errors, *, signal=1.0):
    """Return what each layer lost whose values are off by these shares."""
    pairs = tuple((own, own) for own in layers)
    sums = LayerSums(pairs)
    true = [np.full((1, 4), signal, np.float32) for _ in layers]
    sums.add([t * np.float32(1 + e) for t, e in zip(true, errors, strict=True)], true)
    scores = np.full((1, 3), 1 / 3, np.float32)
    sources = sources_of(pairs, layers)
    found = evidence(scores, scores, pairs=pairs, layers={RIGHT: sums}, sources=sources)
    return layer_errors(found)


def lost(layers, errors):
    return [found.lost_db for found in grown(layers, errors)]


def test_a_first_layer_is_held_against_what_rounding_to_8_bits_leaves():
    assert lost([entry("a")], [0.1]) == [pytest.approx(20, abs=0.01)]
    assert lost([entry("a")], [0.001]) == [0.0]


def test_a_sum_is_not_blamed_for_a_bad_branch_but_for_its_own_error():
    first, second = entry("a"), entry("b")
    both = entry("c", "ADD", inputs=("a", "b"))
    innocent = lost([first, second, both], [0.01, 0.3, 0.2])
    assert innocent[1] > 15
    assert innocent[2] < 5
    guilty = lost([first, second, both], [0.01, 0.01, 0.2])
    assert guilty[2] > 20


def test_a_float_softmax_is_not_the_layer_to_mend():
    layers = [entry("a"), entry("b", "SOFTMAX", inputs=("a",), step=0.0)]
    assert [layer.name for layer in worst_layers(grown(layers, [0.02, 0.5]), 5)] == ["a"]
    layers[1] = entry("b", "SOFTMAX", inputs=("a",))
    assert [layer.name for layer in worst_layers(grown(layers, [0.02, 0.5]), 5)] == ["b", "a"]
