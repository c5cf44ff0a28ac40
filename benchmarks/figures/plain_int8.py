"""int8 as the converters make it when nobody helps them: what `int8` of edgecls is held against.

TensorFlow's converter and ONNX Runtime's quantizer, each as its documentation shows it, on the same Keras model
and the same calibration photos; the softmax is left in float, as in our files. The files stand beside the
others in the run's exports, as recipe ``int8-plain``, so that ``edgecls compare`` takes them.

    python benchmarks/figures/plain_int8.py runs/imagenet --data calibration/
"""

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from edgecls_device.files import write_atomically
from edgecls_export import FrozenModel, freeze, load_keras_model
from edgecls_export.native_log import output_to_log
from edgecls_export.onnx_exporters import CalibrationReader, clean_model, softmax_nodes

from edgecls.exports.photo_files import prepare
from edgecls.exports.photos import choose_photos
from edgecls.run_directory import RunDirectory

RECIPE = "int8-plain"
CALIBRATION = 100


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Quantize a run as the converters do by themselves."
    )
    parser.add_argument("run", type=Path, help="an exported run; its exports get two files more")
    parser.add_argument("--data", type=Path, help="photos to calibrate on  [the run's own]")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    source = RunDirectory(options.run)
    spec = source.read_spec()
    spec = replace(spec, provenance=replace(spec.provenance, recipe=RECIPE))
    files = choose_photos(source, data=options.data, calibration=CALIBRATION).calibration
    images = prepare(files, spec.preprocessing).images
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "plain.log"
        frozen = freeze(load_keras_model(source.model, log=log))
        for file_format, (convert, embedding) in FORMATS.items():
            with output_to_log(log, f"plain {file_format}"):
                data = convert(frozen, images)
            path = source.exports / f"{source.name}.{RECIPE}.{file_format}"
            write_atomically(path, import_module(embedding).embed_spec(data, spec))
            print(path)


def plain_tflite(frozen: FrozenModel, images: Any) -> bytes:
    """Return what the converter makes of the Keras model: uint8 in, float out."""
    import keras
    import tensorflow as tf

    def representative_images() -> Iterator[list[Any]]:
        return ([image[np.newaxis].astype(np.float32)] for image in images)

    scores = frozen.model.get_layer("scores")
    converter = tf.lite.TFLiteConverter.from_keras_model(
        keras.Model(frozen.model.inputs, scores.input)
    )
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative_images
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.float32
    from edgecls_export.tflite_graph import TfliteGraph

    graph = TfliteGraph(converter.convert())
    graph.append_softmax()
    graph.name_ends()
    return graph.pack()


def plain_onnx(frozen: FrozenModel, images: Any) -> bytes:
    """Return what the quantizer makes of the float ONNX model: QDQ, per channel, least to greatest value."""
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    data = clean_model(frozen)
    with tempfile.TemporaryDirectory() as folder:
        cleaned, done = Path(folder) / "clean.onnx", Path(folder) / "done.onnx"
        cleaned.write_bytes(data)
        quantize_static(
            str(cleaned),
            str(done),
            CalibrationReader(images),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            nodes_to_exclude=softmax_nodes(onnx.load_from_string(data)),
        )
        return done.read_bytes()


FORMATS: Mapping[str, tuple[Callable[[FrozenModel, Any], bytes], str]] = MappingProxyType(
    {
        "tflite": (plain_tflite, "edgecls_export.tflite_metadata"),
        "onnx": (plain_onnx, "edgecls_export.onnx_graph"),
    }
)
"""Format -> how it is made, and the module that writes the spec into it."""


if __name__ == "__main__":
    main()
