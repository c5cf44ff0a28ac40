"""What quantized files are made of."""

import numpy as np
import pytest
from edgecls_device.errors import ExportError
from edgecls_export import EXPORTERS, freeze
from edgecls_export.native_log import output_to_log

from tests.export.tiny import build_model, pictures

pytest.importorskip("tensorflow")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def untrained():
    """A model with a fresh head of two classes, whose bias of zeros the converter drops."""
    model = build_model(classes=2)
    kernel, bias = model.get_layer("logits").get_weights()
    model.get_layer("logits").set_weights([kernel, np.zeros_like(bias)])
    return freeze(model)


@pytest.fixture(scope="module")
def convert(untrained, tmp_path_factory):
    """Return a function that gives the body of a file; the converter's noise goes to a log."""
    log = tmp_path_factory.mktemp("logs") / "export.log"

    def run(file_format, images, recipe="int8", frozen=untrained):
        entry = EXPORTERS[file_format, recipe]
        if not entry.is_installed:
            pytest.skip(f"needs {entry.packages[-1]}")
        with output_to_log(log, file_format):
            return entry.load()(frozen, images)

    return run


@pytest.fixture(scope="module", params=["int8", "int8-litert"])
def graph(convert, request):
    from edgecls_export.tflite_graph import TfliteGraph

    return TfliteGraph(convert("tflite", pictures(10), request.param).data).model


def _operators(graph):
    from tensorflow.lite.python import schema_py_generated as schema

    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if name.isupper()}
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in graph.operatorCodes]
    operators = graph.subgraphs[0].operators
    return [(names[codes[operator.opcodeIndex]], operator) for operator in operators]


def test_dense_layers_have_one_scale(graph):
    """tflite_runtime 2.14 on ARM crashes on per-channel dense layers with two outputs and no bias."""
    tensors = graph.subgraphs[0].tensors
    dense = [operator for name, operator in _operators(graph) if name == "FULLY_CONNECTED"]
    assert len(dense) == 1
    assert len(tensors[dense[0].inputs[1]].quantization.scale) == 1


def test_convolutions_have_a_scale_for_each_channel(graph):
    tensors = graph.subgraphs[0].tensors
    scales = [
        len(tensors[operator.inputs[1]].quantization.scale)
        for name, operator in _operators(graph)
        if name == "CONV_2D"
    ]
    assert scales == [8, 8]


def test_only_the_softmax_is_in_float(graph):
    names = [name for name, _ in _operators(graph)]
    assert names[0] == "QUANTIZE"
    assert names[-2:] == ["DEQUANTIZE", "SOFTMAX"]
    assert names.count("DEQUANTIZE") == 1


def test_onnx_weights_are_int8_per_channel_and_activations_uint8(convert):
    onnx = pytest.importorskip("onnx")
    body = convert("onnx", pictures(10))
    model = onnx.load_from_string(body.data)
    values = {tensor.name: tensor for tensor in model.graph.initializer}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    makers = {name: node for node in model.graph.node for name in node.output}
    assert len(convolutions) == 3
    for node in convolutions:
        activation, weight = (values[makers[name].input[2]] for name in node.input[:2])
        assert activation.data_type == onnx.TensorProto.UINT8
        assert (weight.data_type, list(weight.dims)) == (onnx.TensorProto.INT8, [8])
    assert 0 < body.logit_step < 1
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 17)]


@pytest.mark.parametrize("recipe", ["int8", "int8-litert", "int8-io"])
def test_the_input_range_is_whole_even_of_dull_pictures(convert, recipe):
    from edgecls_export.tflite_graph import TfliteGraph

    dull = pictures(4) // 8 + 100
    graph = TfliteGraph(convert("tflite", dull, recipe).data)
    assert graph.input_quantization == (1.0, 0)


def test_no_operator_for_accelerators_touches_a_float(convert):
    from edgecls_export.tflite_graph import TfliteGraph

    body = convert("tflite", pictures(10), "int8-io")
    graph = TfliteGraph(body.data)
    assert graph.float_operators() == []
    names = [name for name, _ in _operators(graph.model)]
    assert (names[0], names[-2:]) == ("QUANTIZE", ["SOFTMAX", "QUANTIZE"])
    assert body.tolerance == pytest.approx(np.tanh(body.logit_step) + 1 / 256)


def test_activations_of_16_bits_have_weights_of_8(convert):
    from edgecls_export.tflite_graph import TfliteGraph
    from tensorflow.lite.python import schema_py_generated as schema

    body = convert("tflite", pictures(10), "int16")
    model = TfliteGraph(body.data).model
    tensors = model.subgraphs[0].tensors
    for name, operator in _operators(model):
        if name in {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}:
            types = [tensors[i].type for i in operator.inputs[:2]]
            assert types == [schema.TensorType.INT16, schema.TensorType.INT8]
    assert 0 < body.logit_step < convert("tflite", pictures(10)).logit_step / 100


def test_an_operator_without_a_16_bit_kernel_is_named(convert):
    keras = pytest.importorskip("keras")
    layers = keras.layers
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Activation("hard_swish")(layers.Conv2D(4, 3)(image))
    x = layers.Dense(4)(layers.GlobalAveragePooling2D()(x))
    model = freeze(keras.Model(image, layers.Softmax(name="scores")(x)))
    with pytest.raises(ExportError, match="got HARD_SWISH, which has none"):
        convert("tflite", pictures(2)[:, :8, :8], "int16", model)


def test_a_float_operator_is_no_model_for_accelerators(convert, monkeypatch):
    from edgecls_export.tflite_graph import TfliteGraph

    monkeypatch.setattr(TfliteGraph, "float_operators", lambda self: ["SIN", "COS", "SIN"])
    with pytest.raises(ExportError, match="integers only, got float operators: SIN, COS"):
        convert("tflite", pictures(2), "int8-io")


def test_weights_of_a_large_model_are_in_the_file(convert):
    """Litert-quantizer keeps those of a model over 256 kB behind the flatbuffer."""
    from edgecls_export.tflite_graph import TfliteGraph

    keras = pytest.importorskip("keras")
    layers = keras.layers
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Dense(4)(layers.Dense(1500)(layers.Flatten()(image)))
    model = freeze(keras.Model(image, layers.Softmax(name="scores")(x)))
    data = convert("tflite", pictures(2)[:, :8, :8], "int8-litert", model).data
    graph = TfliteGraph(data).model
    weights = [
        operator.inputs[1] for name, operator in _operators(graph) if name == "FULLY_CONNECTED"
    ]
    sizes = [len(graph.buffers[graph.subgraphs[0].tensors[i].buffer].data) for i in weights]
    assert sizes == [192 * 1500, 1500 * 4]


def test_rare_values_do_not_widen_a_percentile(convert):
    """One glaring picture among calm ones stretches every range from least to greatest."""
    onnx = pytest.importorskip("onnx")
    calm = np.clip(pictures(40) // 16 + 120, 0, 255).astype(np.uint8)
    calm[7, 8:12, 8:12] = [255, 0, 255]

    def scales(recipe):
        body = convert("onnx", calm, recipe)
        model = onnx.load_from_string(body.data)
        values = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
        nodes = [node for node in model.graph.node if node.op_type == "QuantizeLinear"]
        return {node.input[0]: float(values[node.input[1]]) for node in nodes}, body.logit_step

    (whole, whole_step), (cut, cut_step) = scales("int8"), scales("int8-percentile")
    assert set(whole) == set(cut)
    assert all(cut[name] <= whole[name] * 1.001 for name in whole)
    assert min(cut[name] / whole[name] for name in whole) < 0.8
    assert [scale for scale in cut.values() if scale == 1.0]  # the pixels'
    assert cut_step == pytest.approx(whole_step, rel=0.3)


def test_float16_onnx_holds_its_weights_as_float16(convert):
    onnx = pytest.importorskip("onnx")
    model = onnx.load_from_string(convert("onnx", pictures(1)[:0], "float16").data)
    kinds = {
        tensor.name: tensor.data_type
        for tensor in model.graph.initializer
        if np.prod(tensor.dims) > max(tensor.dims, default=1)
    }
    assert kinds
    assert set(kinds.values()) == {onnx.TensorProto.FLOAT16}


def test_weights_beyond_float16_are_brought_to_its_ends():
    onnx = pytest.importorskip("onnx")
    from edgecls_export.onnx_graph import with_float16_weights

    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    weights = onnx.numpy_helper.from_array(np.full((8, 8), -1e6, np.float32), "w")
    ends = [helper.make_tensor_value_info(name, kind, (8, 8)) for name in ("x", "y")]
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])], "g", ends[:1], ends[1:], [weights]
    )
    model = helper.make_model(graph)
    with_float16_weights(model)
    onnx.checker.check_model(model)
    assert onnx.numpy_helper.to_array(model.graph.initializer[0]).min() == -65504


def test_dynamic_onnx_leaves_depthwise_convolutions_in_float(convert):
    onnx = pytest.importorskip("onnx")
    model = onnx.load_from_string(convert("onnx", pictures(1)[:0], "dynamic").data)
    names = [node.op_type for node in model.graph.node]
    assert names.count("Conv") == 2  # the first and the depthwise one
    assert names.count("ConvInteger") == 1
