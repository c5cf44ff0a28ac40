"""edgecls from Python. Its cold start is measured on the command ``edgecls run``."""

from pathlib import Path

from edgecls_device.foreign import ForeignOptions
from edgecls_device.opening import open_model as open_any


def open_model(model, labels, threads):
    foreign = None
    if ".peers." in Path(model).name:  # made for others, without our spec
        foreign = ForeignOptions(
            labels=Path(labels), input_range="0..1", color="rgb", resize="crop"
        )
    classifier = open_any(model, threads=threads, foreign=foreign).classifier
    return lambda frame: classifier.classify(frame).label
