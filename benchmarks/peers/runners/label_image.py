"""In the manner of the examples that come with TFLite: Pillow, a batch of one, all scores sorted and printed.

python label_image.py --model model.int8.tflite --image photo.jpg --labels labels.txt --threads 2
"""

import argparse
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

MEAN = STD = 127.5  # what such scripts assume of a float model


def open_model(model, labels, threads):
    rank = ranking(model, labels, threads)
    return lambda frame: rank(Image.fromarray(frame[:, :, ::-1]))[0][1]


def ranking(model, labels, threads):
    """Return a function: picture -> scores and labels, best first."""
    names = [line.strip() for line in Path(labels).read_text(encoding="utf-8").splitlines()]
    interpreter = Interpreter(model_path=model, num_threads=threads)
    interpreter.allocate_tensors()
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    height, width = inputs[0]["shape"][1:3]

    def rank(picture):
        batch = np.expand_dims(picture.resize((width, height)), axis=0)
        if inputs[0]["dtype"] == np.float32:
            batch = (np.float32(batch) - MEAN) / STD
        interpreter.set_tensor(inputs[0]["index"], batch)
        interpreter.invoke()
        scores = np.squeeze(interpreter.get_tensor(outputs[0]["index"]))
        return [(scores[i], names[i]) for i in scores.argsort()[-5:][::-1]]

    return rank


def main():
    parser = argparse.ArgumentParser()
    for name in ("model", "image", "labels", "threads"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    rank = ranking(options.model, options.labels, int(options.threads))
    for score, label in rank(Image.open(options.image).convert("RGB")):
        print(f"{score:08.6f}: {label}", flush=True)


if __name__ == "__main__":
    main()
