"""OpenCV's DNN module on a float32 ONNX file that takes NCHW RGB 0..1.

python opencv_dnn.py model.onnx photo.jpg labels.txt THREADS
"""

import sys
from pathlib import Path

import cv2


def open_model(model, labels, threads):
    names = Path(labels).read_text(encoding="utf-8").splitlines()
    cv2.setNumThreads(threads)
    net = cv2.dnn.readNetFromONNX(model)
    height, width = input_size(model)

    def classify(frame):
        blob = cv2.dnn.blobFromImage(frame, 1 / 255, (width, height), swapRB=True, crop=True)
        net.setInput(blob)
        return names[net.forward()[0].argmax()]

    return classify


def input_size(model):
    """Return ``(height, width)``, which the name tells, as OpenCV does not: pets.opencv.224x224.onnx."""
    return map(int, model.rsplit(".", 2)[1].split("x"))


if __name__ == "__main__":
    classify_photo = open_model(sys.argv[1], sys.argv[3], int(sys.argv[4]))
    print(classify_photo(cv2.imread(sys.argv[2])), flush=True)
