"""What an edgecls model means and how it runs: spec, pixels, backends, cameras.

The ground floor. It needs NumPy, OpenCV and one runtime, and never imports TensorFlow::

    from edgecls_device import Classifier, read_image

    with Classifier.open("pets.int8.tflite") as classifier:
        print(classifier.classify(read_image("cat.jpg")).label)

A camera, stream, video or folder goes through :func:`classify_source`, which ``edgecls run`` is made of.

Names are imported when first used, so that ``import edgecls_device`` costs nothing.
"""

from typing import TYPE_CHECKING

from edgecls_device.lazy import lazy_names

if TYPE_CHECKING:
    from edgecls_device.artifact import Artifact, read_artifact
    from edgecls_device.classifier import Classifier, Prediction
    from edgecls_device.errors import EdgeclsError
    from edgecls_device.foreign import ForeignOptions
    from edgecls_device.images import decode_image, read_image
    from edgecls_device.live import classify_source
    from edgecls_device.opening import open_model
    from edgecls_device.postprocessing import ScoredLabel, top_k
    from edgecls_device.preprocessing import Preprocessor
    from edgecls_device.results import FrameResult, RunSummary
    from edgecls_device.sources.table import open_source
    from edgecls_device.spec import Group, InputTensor, ModelSpec, Preprocessing
    from edgecls_device.stop import Stop

__all__ = [
    "Artifact",
    "Classifier",
    "EdgeclsError",
    "ForeignOptions",
    "FrameResult",
    "Group",
    "InputTensor",
    "ModelSpec",
    "Prediction",
    "Preprocessing",
    "Preprocessor",
    "RunSummary",
    "ScoredLabel",
    "Stop",
    "classify_source",
    "decode_image",
    "open_model",
    "open_source",
    "read_artifact",
    "read_image",
    "top_k",
]

__getattr__ = lazy_names(
    __name__,
    {
        "Artifact": "artifact",
        "Classifier": "classifier",
        "EdgeclsError": "errors",
        "ForeignOptions": "foreign",
        "FrameResult": "results",
        "Group": "spec",
        "InputTensor": "spec",
        "ModelSpec": "spec",
        "Prediction": "classifier",
        "Preprocessing": "spec",
        "Preprocessor": "preprocessing",
        "RunSummary": "results",
        "ScoredLabel": "postprocessing",
        "Stop": "stop",
        "classify_source": "live",
        "decode_image": "images",
        "open_model": "opening",
        "open_source": "sources.table",
        "read_artifact": "artifact",
        "read_image": "images",
        "top_k": "postprocessing",
    },
)
