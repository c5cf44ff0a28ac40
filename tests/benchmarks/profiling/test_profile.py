"""Profiles of real files in child processes: what is marked, and that nothing is left out."""

import pytest
from edgecls_bench.profiling.marks import CONVERTS, FLOAT_LAYER, NOT_DELEGATED
from edgecls_bench.profiling.profile import profile
from edgecls_bench.profiling.record import Profile
from edgecls_device.artifact import read_artifact
from edgecls_device.backends.table import installed_backends
from edgecls_device.errors import ArtifactError, BenchmarkError, OptionError
from edgecls_device.records import from_json, to_json

from tests.device.tiny_models import onnx_model, tflite_model, tiny_spec

ENCODED = {"tflite": tflite_model, "onnx": onnx_model}


def profiled(path, **options):
    return profile([read_artifact(path)], runs=3, **options).models[0]


def reasons(model):
    return {entry.op: entry.reason for entry in model.operations if entry.reason}


def tiny(folder, file_format):
    if not installed_backends(file_format):
        pytest.skip(f"no runtime for .{file_format} files is installed")
    path = folder / f"tiny.{file_format}"
    path.write_bytes(ENCODED[file_format](spec=tiny_spec()))
    return path


@pytest.mark.parametrize("file_format", ENCODED)
def test_a_file_of_either_format_gives_the_same_record(tmp_path, file_format):
    path = tiny(tmp_path, file_format)
    result = profile([read_artifact(path)], runs=3)
    assert from_json(Profile, to_json(result), name="profile") == result
    (model,) = result.models
    assert (model.format, model.runs, model.error) == (file_format, 3, "")
    kinds = [entry.op.upper() for entry in model.operations]
    assert (kinds[0], kinds[-1]) == ("CAST", "SOFTMAX")
    assert model.operations[0].shape == (1, 8, 8, 3)
    assert model.operations[0].precision == "uint8 to float32"
    assert model.whole_us > 0
    assert sum(entry.share for entry in model.operations) == pytest.approx(1)
    assert model.sum_us == pytest.approx(sum(entry.p50_us for entry in model.operations))


@pytest.mark.parametrize("file_format", ENCODED)
def test_more_threads_profile_the_same_operations(tmp_path, file_format):
    path = tiny(tmp_path, file_format)
    one, two = profiled(path), profiled(path, threads=2)
    assert [entry.op for entry in one.operations] == [entry.op for entry in two.operations]


def test_an_activation_that_xnnpack_lacks_is_marked_with_the_parts_it_cuts(hard_swish):
    model = profiled(hard_swish)
    assert reasons(model)["HARD_SWISH"] == NOT_DELEGATED
    assert "CONV_2D" not in reasons(model)
    assert model.partitions >= 3
    assert any("2 HARD_SWISH" in sentence for sentence in model.advice)


def test_operations_are_named_by_their_keras_layers(hard_swish):
    names = [entry.name for entry in profiled(hard_swish).operations]
    for name in ("block0_conv", "block1_act", "features", "logits"):
        assert name in names


def test_weights_stored_as_float16_are_no_operations_of_their_own(float16_weights):
    model = profiled(float16_weights)
    kinds = [entry.op for entry in model.operations]
    assert "DEQUANTIZE" not in kinds
    assert {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"} <= set(kinds)
    assert not set(reasons(model)) & {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}


def test_a_layer_left_in_float_is_marked_in_an_int8_tflite_model(mixed_tflite):
    model = profiled(mixed_tflite)
    assert reasons(model) == {"FULLY_CONNECTED": FLOAT_LAYER, "DEQUANTIZE": CONVERTS}


def test_a_layer_left_in_float_is_marked_in_an_int8_onnx_model(mixed_onnx):
    pytest.importorskip("onnxruntime")
    model = profiled(mixed_onnx)
    marked = reasons(model)
    assert [reason for op, reason in marked.items() if "Conv" in op] == [FLOAT_LAYER]
    assert marked["DequantizeLinear"] == marked["QuantizeLinear"] == CONVERTS


def test_an_int8_onnx_model_is_on_the_fast_path_from_pixels_to_softmax(plain_onnx):
    pytest.importorskip("onnxruntime")
    model = profiled(plain_onnx)
    assert "QLinearConv" in [entry.op for entry in model.operations]
    assert reasons(model) == {}
    assert model.advice == ()


def test_a_model_that_a_runtime_refuses_is_recorded_and_the_others_go_on(tmp_path):
    path = tiny(tmp_path, "onnx")
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(path.read_bytes().replace(b"Softmax", b"Softmix"))
    good, failed = profile([read_artifact(path), read_artifact(bad)], runs=3).models
    assert good.operations
    assert "Softmix" in failed.error
    assert failed.operations == ()
    with pytest.raises(BenchmarkError, match="Softmix"):
        profile([read_artifact(bad)], runs=3)


def test_options_that_cannot_be_honoured_are_refused(tmp_path):
    artifact = read_artifact(tiny(tmp_path, "onnx"))
    with pytest.raises(OptionError, match="threads"):
        profile([artifact], threads=0)
    with pytest.raises(OptionError, match="at least 1 run"):
        profile([artifact], runs=0)
    with pytest.raises(OptionError, match=r"\.onnx files"):
        profile([artifact], backend="litert")


def test_a_file_without_operators_is_refused():
    from edgecls_bench.profiling.tflite_pieces import Pieces

    from tests.device.tiny_models import flatbuffer

    with pytest.raises(ArtifactError, match="operators"):
        Pieces(flatbuffer({2: [{0: []}]}), None)
