"""The runtimes without us: raw pixels in, our scores out, as the README promises for every file."""

import numpy as np
import pytest


def test_litert_gives_our_scores(tflite_file):
    interpreter = pytest.importorskip("ai_edge_litert.interpreter").Interpreter(
        str(tflite_file.path)
    )
    interpreter.allocate_tensors()
    (image,), (scores,) = interpreter.get_input_details(), interpreter.get_output_details()
    for picture, expected in zip(tflite_file.pixels, tflite_file.scores, strict=True):
        interpreter.set_tensor(image["index"], picture[np.newaxis])
        interpreter.invoke()
        got = interpreter.get_tensor(scores["index"])[0].astype(np.float32)
        scale, zero_point = scores["quantization"]
        if scale:
            got = scale * (got - zero_point)
        assert got == pytest.approx(expected, abs=tflite_file.tolerance)


def test_onnxruntime_gives_our_scores(onnx_file):
    session = pytest.importorskip("onnxruntime").InferenceSession(
        str(onnx_file.path), providers=["CPUExecutionProvider"]
    )
    for picture, expected in zip(onnx_file.pixels, onnx_file.scores, strict=True):
        (got,) = session.run(["scores"], {"image": picture[np.newaxis]})
        assert got[0] == pytest.approx(expected, abs=onnx_file.tolerance)


def test_onnx_finds_nothing_wrong(onnx_file):
    """With its full check: shapes and types of every tensor follow from the operators."""
    onnx = pytest.importorskip("onnx")
    onnx.checker.check_model(str(onnx_file.path), full_check=True)


def test_opencv_gives_our_scores(onnx_file):
    """Of float32 ONNX. OpenCV 4.8 to 5.0 take the uint8 picture as it is, ``(1, H, W, 3)`` in RGB."""
    if onnx_file.spec.provenance.recipe != "float32":
        pytest.skip("is promised for float32")
    cv2 = pytest.importorskip("cv2")
    network = cv2.dnn.readNetFromONNX(str(onnx_file.path))
    for picture, expected in zip(onnx_file.pixels, onnx_file.scores, strict=True):
        network.setInput(picture[np.newaxis])
        assert network.forward()[0] == pytest.approx(expected, abs=onnx_file.tolerance)


def test_the_scores_are_those_of_different_pictures(exported):
    """Else a runtime that ignores its input would pass."""
    for file_format in ("tflite", "onnx"):
        scores = exported((file_format, "float32")).scores
        assert len(set(scores.argmax(axis=1))) >= 2
