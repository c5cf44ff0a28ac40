"""Our ONNX files for programs that know nothing of our spec: NCHW, RGB, 0..1, with Ultralytics' metadata.

The same weights and the same operations, behind a prefix of three: times 255, rounded, and NCHW to NHWC. So the
very same file is read by Ultralytics, by OpenCV, and by edgecls as a model of others.
"""

from pathlib import Path
from typing import Any

import onnx
from edgecls_device.artifact import read_artifact
from edgecls_device.errors import BenchmarkError
from onnx import helper, numpy_helper

__all__ = ["write_foreign"]

INPUT, FACTOR, SCALED, ROUNDED = "images", "peers_factor", "peers_scaled", "peers_rounded"


def write_foreign(source: Path, folder: Path) -> Path:
    """Write the file, named after its recipe and size, such as ``pets.int8.peers.224x224.onnx``.

    Raises:
        BenchmarkError: If the model does not begin with a cast of its uint8 input.
    """
    artifact = read_artifact(source)
    spec = artifact.spec
    height, width = spec.preprocessing.height, spec.preprocessing.width
    model = onnx.load_model_from_string(artifact.data)
    _put_prefix(model.graph, height, width)
    del model.metadata_props[:]
    names = dict(enumerate(spec.labels))
    told = {"task": "classify", "stride": 1, "batch": 1, "imgsz": [height, width], "names": names}
    helper.set_model_props(model, {key: str(value) for key, value in told.items()})
    onnx.checker.check_model(model)
    path = folder / f"{source.stem}.peers.{height}x{width}.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def _put_prefix(graph: Any, height: int, width: int) -> None:
    image = graph.input[0].name
    readers = [node for node in graph.node if image in node.input]
    if [node.op_type for node in readers] != ["Cast"]:
        got = ", ".join(node.op_type for node in readers) or "nothing"
        message = f"Expected a model whose input is read by one Cast, got {got}."
        raise BenchmarkError(message, hint="give a run with float32 and int8 ONNX exports")
    cast = readers[0]
    # The cast's name lives on as the output of the prefix, and the cast goes.
    nodes = [
        helper.make_node("Mul", [INPUT, FACTOR], [SCALED]),
        helper.make_node("Round", [SCALED], [ROUNDED]),
        helper.make_node("Transpose", [ROUNDED], list(cast.output), perm=[0, 2, 3, 1]),
    ]
    nodes += [node for node in graph.node if node is not cast]
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.input[:]
    shape, kind = [1, 3, height, width], onnx.TensorProto.FLOAT
    graph.input.append(helper.make_tensor_value_info(INPUT, kind, shape))
    graph.initializer.append(numpy_helper.from_array(_factor(), FACTOR))


def _factor() -> Any:
    import numpy as np

    return np.array(255, np.float32)
