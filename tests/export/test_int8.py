"""What int8 files are made of."""

import numpy as np
import pytest
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
    """Return a function that gives the body of an int8 file; the converter's noise goes to a log."""
    log = tmp_path_factory.mktemp("logs") / "export.log"

    def run(file_format, images):
        with output_to_log(log, file_format):
            return EXPORTERS[file_format, "int8"].load()(untrained, images)

    return run


@pytest.fixture(scope="module")
def graph(convert):
    from edgecls_export.tflite_graph import TfliteGraph

    return TfliteGraph(convert("tflite", pictures(10)).data).model


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


def test_the_input_range_is_whole_even_of_dull_pictures(convert):
    from edgecls_export.tflite_graph import TfliteGraph

    dull = pictures(4) // 8 + 100
    assert TfliteGraph(convert("tflite", dull).data).input_quantization == (1.0, 0)
