"""edgecls from Python.

python ours.py model.int8.tflite photo.jpg labels.txt THREADS
"""

import sys
from pathlib import Path

from edgecls_device.images import read_image
from edgecls_device.opening import open_model as open_any


def open_model(model, labels, threads):
    foreign = None
    if ".peers." in Path(model).name:  # made for others, without our spec
        from edgecls_device.foreign import ForeignOptions

        foreign = ForeignOptions(
            labels=Path(labels), input_range="0..1", color="rgb", resize="crop"
        )
    classifier = open_any(model, threads=threads, foreign=foreign).classifier
    return lambda frame: classifier.classify(frame).label


if __name__ == "__main__":
    classify_photo = open_model(sys.argv[1], sys.argv[3], int(sys.argv[4]))
    print(classify_photo(read_image(sys.argv[2])), flush=True)
