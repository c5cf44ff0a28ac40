"""MediaPipe Tasks' ImageClassifier on a file with TFLite Metadata, one picture at a time.

It has no option for threads. Its silence (no category above the file's own threshold) is an unknown.

    python mediapipe_tasks.py model.int8.tflite photo.jpg
"""

import sys

import cv2
import mediapipe as mp
from mediapipe.tasks.python import BaseOptions, vision


def open_task(model):
    options = vision.ImageClassifierOptions(
        base_options=BaseOptions(model_asset_path=model), max_results=5
    )
    return vision.ImageClassifier.create_from_options(options)


def label_of(task, image):
    categories = task.classify(image).classifications[0].categories
    return categories[0].category_name if categories else "unknown"


def open_model(model, labels, threads):
    del labels, threads  # the file has the labels; threads are MediaPipe's own affair
    task = open_task(model)

    def classify(frame):
        rgb = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        return label_of(task, mp.Image(image_format=mp.ImageFormat.SRGB, data=rgb))

    return classify


if __name__ == "__main__":
    with open_task(sys.argv[1]) as opened:
        print(label_of(opened, mp.Image.create_from_file(sys.argv[2])), flush=True)
