"""Exporters: a Keras model and its spec become one self-describing .tflite or .onnx file.

The middle floor. Every file takes uint8 NHWC RGB, batch 1, gives float32 probabilities, carries its own
spec, and is reloaded and compared with Keras before it is called done::

    from edgecls_export import export, freeze

    frozen = freeze(model)  # shared by several exports
    done = export(frozen, spec, format="tflite", recipe="int8", destination=Path("pets.int8.tflite"),
                  calibration=images, photos=photos, log=Path("export.log"))

Names are imported when first used: importing this package imports no TensorFlow.
"""

from typing import TYPE_CHECKING

from edgecls_device.lazy import lazy_names

if TYPE_CHECKING:
    from edgecls_export.exported import ExportedArtifact
    from edgecls_export.exporting import export
    from edgecls_export.frozen import FrozenModel, freeze
    from edgecls_export.keras_model import load_keras_model
    from edgecls_export.table import EXPORTERS, choose_exporters

__all__ = [
    "EXPORTERS",
    "ExportedArtifact",
    "FrozenModel",
    "choose_exporters",
    "export",
    "freeze",
    "load_keras_model",
]

__getattr__ = lazy_names(
    __name__,
    {
        "EXPORTERS": "table",
        "ExportedArtifact": "exported",
        "FrozenModel": "frozen",
        "choose_exporters": "table",
        "export": "exporting",
        "freeze": "frozen",
        "load_keras_model": "keras_model",
    },
)
