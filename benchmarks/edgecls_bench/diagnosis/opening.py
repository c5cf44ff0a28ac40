"""Opening a model file from inside, whatever its format."""

from edgecls_device.artifact import Artifact

from edgecls_bench.diagnosis.network import Network

__all__ = ["open_network"]


def open_network(artifact: Artifact, *, threads: int, takes_floats: bool = False) -> Network:
    """Open a model file.

    Args:
        artifact: The file.
        threads: For one inference.
        takes_floats: Let a float model take float pixels instead of uint8.

    Raises:
        ArtifactError: If the file is damaged or a runtime refuses it.
        MissingDependencyError: If no runtime is installed.
    """
    if artifact.format == "tflite":
        from edgecls_bench.diagnosis import tflite_network

        data = tflite_network.with_float_input(artifact.data) if takes_floats else artifact.data
        return tflite_network.TfliteNetwork(data, threads=threads)
    from edgecls_bench.diagnosis import onnx_graph, onnx_network

    data = onnx_graph.with_float_input(artifact.data) if takes_floats else artifact.data
    return onnx_network.OnnxNetwork(data, threads=threads)
