"""Ultralytics' ``YOLO(file).predict`` on an ONNX file that carries the metadata it looks for.

It has no option for ONNX Runtime's threads, which takes all physical cores then.

    python ultralytics_predict.py model.onnx photo.jpg
"""

import sys

from ultralytics import YOLO


def label_of(model, picture):
    result = model.predict(picture, verbose=False)[0]
    return result.names[result.probs.top1]


def open_model(model, labels, threads):
    del labels, threads  # the file has the labels; threads are ONNX Runtime's own affair
    yolo = YOLO(model, task="classify")
    return lambda frame: label_of(yolo, frame)


if __name__ == "__main__":
    print(label_of(YOLO(sys.argv[1], task="classify"), sys.argv[2]), flush=True)
