"""edgecls: from a folder of photos to a classifier running on a Raspberry Pi.

The verbs of the command line as a typed API; names are imported when first used::

    import edgecls

    edgecls.train("photos", out="runs/pets")

Below stand ``edgecls_export`` (Keras model to files), ``edgecls_bench`` (accuracy and latency) and
``edgecls_device`` (files to labels), each usable on its own.
"""

from typing import TYPE_CHECKING

from edgecls_device.lazy import lazy_names

if TYPE_CHECKING:
    from edgecls.bundling.bundle_run import bundle_run
    from edgecls.data.load import load_photos
    from edgecls.exports.ladder import export_ladder
    from edgecls.exports.run import export_run
    from edgecls.reports.report import write_report
    from edgecls.training.pretrained import pretrained
    from edgecls.training.train import train

__version__ = "0.1.0"

__all__ = [
    "bundle_run",
    "export_ladder",
    "export_run",
    "load_photos",
    "pretrained",
    "train",
    "write_report",
]

__getattr__ = lazy_names(
    __name__,
    {
        "bundle_run": "bundling.bundle_run",
        "export_ladder": "exports.ladder",
        "export_run": "exports.run",
        "load_photos": "data.load",
        "pretrained": "training.pretrained",
        "train": "training.train",
        "write_report": "reports.report",
    },
)
