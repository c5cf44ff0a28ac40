"""Model files from inside: what is read without onnx is what onnx reads, and outputs are added, not changed."""

import numpy as np
import pytest
from edgecls_bench.diagnosis.gains import ChannelSums, scaled
from edgecls_bench.diagnosis.layers import LayerSums
from edgecls_bench.diagnosis.matching import match
from edgecls_bench.diagnosis.network import Activation
from edgecls_bench.diagnosis.onnx_graph import read_graph, with_float_input, with_outputs
from edgecls_bench.diagnosis.onnx_network import OnnxNetwork
from edgecls_device.errors import ArtifactError


def test_a_graph_is_read_as_onnx_reads_it(float_model):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(float_model)
    graph = read_graph(float_model.read_bytes())
    assert [node.kind for node in graph.nodes] == [node.op_type for node in model.graph.node]
    assert [node.inputs for node in graph.nodes] == [tuple(n.input) for n in model.graph.node]
    for tensor in model.graph.initializer:
        np.testing.assert_array_equal(
            graph.constants[tensor.name], onnx.numpy_helper.to_array(tensor)
        )


def test_numbers_are_read_however_they_are_stored(float_model):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(float_model)
    types = onnx.TensorProto
    stored = {
        "a": onnx.helper.make_tensor("a", types.INT8, [3], [-3, 0, 100]),
        "b": onnx.helper.make_tensor("b", types.UINT8, [], [200]),
        "c": onnx.helper.make_tensor("c", types.FLOAT, [2], [1.5, -2.25]),
        "d": onnx.helper.make_tensor("d", types.INT64, [2], [-1, 2**40]),
    }
    model.graph.initializer.extend(stored.values())
    found = read_graph(model.SerializeToString()).constants
    for name, tensor in stored.items():
        np.testing.assert_array_equal(found[name], onnx.numpy_helper.to_array(tensor))
        assert found[name].shape == tuple(tensor.dims)


def test_a_damaged_graph_is_refused(float_model):
    with pytest.raises(ArtifactError, match="damaged"):
        read_graph(float_model.read_bytes()[:100])


def test_added_outputs_leave_the_model_as_it_was(float_model):
    onnx = pytest.importorskip("onnx")
    data = float_model.read_bytes()
    model = onnx.load_from_string(with_outputs(data, ["color", "logits"]))
    assert [value.name for value in model.graph.output] == ["scores", "color", "logits"]
    assert model.graph.node == onnx.load_from_string(data).graph.node
    changed = onnx.load_from_string(with_float_input(data))
    assert changed.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT


def test_values_between_layers_come_with_the_scores(float_model):
    pytest.importorskip("onnxruntime")
    network = OnnxNetwork(with_float_input(float_model.read_bytes()), threads=1)
    network.watch([entry for entry in network.activations if entry.name == "color"])
    scores, (color,) = network.run(np.full((8, 8, 3), (0.5, 20.0, 300.0), np.float32))
    np.testing.assert_allclose(color.reshape(-1), [0.5, 20.0, 300.0], rtol=1e-6)
    assert scores.argmax() == 0  # blue


def test_a_tflite_model_made_elsewhere_is_seen_from_inside(foreign_model):
    pytest.importorskip("ai_edge_litert")
    from edgecls_bench.diagnosis.tflite_network import TfliteNetwork

    network = TfliteNetwork(foreign_model.read_bytes(), threads=1)
    pixels = np.random.default_rng(0).uniform(0, 255, (128, 128, 3)).astype(np.float32)
    alone, _ = network.run(pixels)
    network.watch(network.activations)
    scores, values = network.run(pixels)
    np.testing.assert_array_equal(alone, scores)
    assert {weight.scales for weight in network.weights} == {1}
    assert len(values) == len(network.activations) > 25
    for entry, array in zip(network.activations, values, strict=True):
        assert array.shape == entry.shape
        assert array.min() >= entry.low - 1e-4
        assert array.max() <= entry.high + 1e-4
    assert values[3].std() > 0
    network.close()


def entry(name, operation, shape=(1, 4), step=0.1):
    return Activation(
        name=name,
        operation=operation,
        shape=shape,
        step=step,
        low=-12.8,
        high=12.7,
        key=0,
        zero_point=0,
    )


def test_layers_are_matched_by_name_and_else_by_their_order():
    own = [entry("x", "CONV_2D"), entry("y", "ADD")]
    same = [entry("y", "ADD"), entry("x", "CONV_2D")]
    assert [(a.name, b.name) for a, b in match(own, same)] == [("x", "x"), ("y", "y")]
    other = [entry("n", "MUL"), entry("p", "CONV_2D"), entry("q", "ADD")]
    assert [(a.name, b.name) for a, b in match(own, other)] == [("x", "p"), ("y", "q")]


def test_equalized_channels_are_told_from_clipped_ones():
    rng = np.random.default_rng(1)
    true = rng.normal(0, 1, (1, 6, 6, 4)).astype(np.float32)
    factors = np.array([1.0, 3.0, 8.0, 0.5], np.float32)
    noise = rng.normal(0, 0.02, true.shape).astype(np.float32)
    sums = ChannelSums(3, axis=-1)
    sums.add([true * factors + noise, np.clip(true, -0.3, 0.3), true + noise], [true] * 3)
    found = sums.gains()
    np.testing.assert_allclose(found[0], factors, rtol=0.05)
    assert found[1] is None
    assert found[2] is None
    np.testing.assert_allclose(scaled(true, factors, axis=-1), true * factors)


def test_clipping_is_told_from_other_errors():
    pair = (entry("x", "CONV_2D"), entry("x", "CONV_2D"))
    sums = LayerSums([pair])
    true = np.array([[0.0, 5.0, 20.0]], np.float32)
    sums.add([np.clip(true, -12.8, 12.7)], [true])
    assert sums.clipped[0] == 1
    assert sums.clipping_share[0] == pytest.approx(1)
    assert sums.sqnr_db[0] == pytest.approx(10 * np.log10(425 / 7.3**2), abs=0.01)
