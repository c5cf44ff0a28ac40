"""Tiny artifacts that name the colour of a picture, as real model files with a spec inside."""

import numpy as np
import pytest
from edgecls_device.artifact import ONNX_SPEC_KEY
from edgecls_device.records import to_json
from edgecls_device.spec import ModelSpec, Preprocessing, Provenance

COLORS = {"blue": (255, 0, 0), "green": (0, 255, 0), "red": (0, 0, 255)}  # BGR
LABELS = tuple(COLORS)


def color_spec(recipe="float32", **changes):
    return ModelSpec(
        **{
            "name": "colors",
            "labels": LABELS,
            "preprocessing": Preprocessing(height=8, width=8),
            "provenance": Provenance(recipe=recipe),
            **changes,
        }
    )


def write_color_model(path, spec, *, contrast=8.0, weights=None):
    """Write an ONNX model: mean colour, one linear layer, softmax. ``contrast`` says how sure it is."""
    onnx = pytest.importorskip("onnx")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    if weights is None:
        weights = contrast / 255 * np.eye(3)[::-1]  # rows are RGB, columns blue, green, red
    weights = np.asarray(weights, np.float32)
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=onnx.TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels"], ["color"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["color", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["scores"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "colors",
        [helper.make_tensor_value_info("image", onnx.TensorProto.UINT8, [1, 8, 8, 3])],
        [helper.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, [1, weights.shape[1]])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, {ONNX_SPEC_KEY: to_json(spec)})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())
    return path


def write_bad_model(path, kind):
    """Write a model that a runtime loads, and that then ``crashes`` (on x86) or ``hangs``."""
    onnx = pytest.importorskip("onnx")
    helper, types = onnx.helper, onnx.TensorProto
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=types.INT64),
        helper.make_node("ReduceMin", ["pixels"], ["least"], axes=[1, 2], keepdims=0),
    ]
    constants = [
        helper.make_tensor("lowest", types.INT64, [], [-(2**63)]),
        helper.make_tensor("minus one", types.INT64, [], [-1]),
    ]
    if kind == "crashes":  # the quotient does not fit into 64 bits: a trap on x86
        nodes += [
            helper.make_node("Min", ["least", "lowest"], ["smallest"]),
            helper.make_node("Div", ["smallest", "minus one"], ["result"]),
        ]
    else:
        body = helper.make_graph(
            [
                helper.make_node("Identity", ["go_in"], ["go_out"]),
                helper.make_node("Identity", ["value_in"], ["value_out"]),
            ],
            "body",
            [
                helper.make_tensor_value_info("turn", types.INT64, []),
                helper.make_tensor_value_info("go_in", types.BOOL, []),
                helper.make_tensor_value_info("value_in", types.INT64, [1, 3]),
            ],
            [
                helper.make_tensor_value_info("go_out", types.BOOL, []),
                helper.make_tensor_value_info("value_out", types.INT64, [1, 3]),
            ],
        )
        constants += [
            helper.make_tensor("turns", types.INT64, [], [2**62]),
            helper.make_tensor("go", types.BOOL, [], [True]),
        ]
        nodes.append(helper.make_node("Loop", ["turns", "go", "least"], ["result"], body=body))
    nodes.append(helper.make_node("Cast", ["result"], ["scores"], to=types.FLOAT))
    graph = helper.make_graph(
        nodes,
        kind,
        [helper.make_tensor_value_info("image", types.UINT8, [1, 8, 8, 3])],
        [helper.make_tensor_value_info("scores", types.FLOAT, [1, 3])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, {ONNX_SPEC_KEY: to_json(color_spec(kind))})
    path.write_bytes(model.SerializeToString())
    return path
