"""A runtime that lacks an operator of a converted model."""

import pytest
from edgecls_device.artifact import read_artifact
from edgecls_device.backends.protocol import BackendOptions
from edgecls_device.errors import ArtifactError, ExportError
from edgecls_export import export
from edgecls_export.exported import ModelBody
from edgecls_export.operators import missing_operator, open_converted
from edgecls_export.table import ExporterEntry

from tests.export.tiny import SPEC, pictures

ONE_THREAD = BackendOptions(threads=1)


def onnx_model(operator, *, opset=17, domain=""):
    """Return an ONNX file of one operator over a uint8 picture."""
    onnx = pytest.importorskip("onnx")
    helper, uint8 = onnx.helper, onnx.TensorProto.UINT8
    node = helper.make_node(operator, ["image"], ["scores"], domain=domain)
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info("image", uint8, (1, 3, 8, 8))],
        [helper.make_tensor_value_info("scores", uint8, None)],
    )
    opsets = [helper.make_opsetid("", opset)]
    opsets += [helper.make_opsetid(domain, 1)] if domain else []
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


@pytest.mark.parametrize(
    ("model", "named"),
    [
        ({"operator": "Trilu"}, r"Trilu of operator set 14\."),  # exists, but not for uint8
        ({"operator": "Frobnicate"}, r"Frobnicate"),
        ({"operator": "Frobnicate", "domain": "com.example"}, r"com\.example:Frobnicate"),
    ],
)
def test_an_operator_that_onnxruntime_lacks_is_named_with_its_set(model, named):
    pytest.importorskip("onnxruntime")
    with pytest.raises(ExportError, match=f"operators that onnxruntime [0-9.]+ has, got {named}"):
        open_converted("onnx", onnx_model(**model), ONE_THREAD)


def test_an_operator_set_that_is_too_new_is_named():
    pytest.importorskip("onnxruntime")
    with pytest.raises(ExportError, match=r"newer operator set of ai\.onnx than its \d+"):
        open_converted("onnx", onnx_model("Identity", opset=99), ONE_THREAD)


def test_another_fault_is_not_taken_for_a_missing_operator():
    pytest.importorskip("onnxruntime")
    with pytest.raises(ArtifactError):
        open_converted("onnx", b"rubbish", ONE_THREAD)
    assert missing_operator("Expected a model that litert can run, got: no bytes.") == ""


@pytest.fixture(scope="module")
def too_new(frozen):
    """A TFLite file whose convolutions have a version of the future."""
    from edgecls_export.tflite_exporters import to_float32
    from edgecls_export.tflite_graph import TfliteGraph
    from tensorflow.lite.python import schema_py_generated as schema

    graph = TfliteGraph(to_float32(frozen, pictures(1)[:0]).data)
    for code in graph.model.operatorCodes:
        if code.builtinCode == schema.BuiltinOperator.CONV_2D:
            code.version = 99
    return graph.pack()


@pytest.mark.slow
def test_an_operator_that_a_tflite_runtime_lacks_is_named_with_its_version(too_new):
    with pytest.raises(ExportError, match="got CONV_2D of version 99") as error:
        open_converted("tflite", too_new, ONE_THREAD)
    assert "--format onnx" in error.value.hint


@pytest.mark.slow
def test_an_export_stops_there_and_leaves_the_file_that_was_there(
    frozen, too_new, tmp_path, monkeypatch
):
    path = tmp_path / "exports" / "tiny.float32.tflite"
    options = {"format": "tflite", "recipe": "float32", "destination": path, "photos": pictures(2)}
    export(frozen, SPEC, **options, log=tmp_path / "export.log")
    before = read_artifact(path).data
    body = ModelBody(data=too_new)
    monkeypatch.setattr(ExporterEntry, "load", lambda self: lambda frozen, calibration: body)
    with pytest.raises(ExportError, match="CONV_2D of version 99"):
        export(frozen, SPEC, **options, log=tmp_path / "export.log")
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert read_artifact(path).data == before
