"""The runtime alone: ``invoke`` with its input already set, and nothing else."""

from pathlib import Path

import cv2
from ai_edge_litert.interpreter import Interpreter


def open_model(model, labels, threads):
    names = Path(labels).read_text(encoding="utf-8").splitlines()
    interpreter = Interpreter(model_path=model, num_threads=threads)
    interpreter.allocate_tensors()
    tensor = interpreter.get_input_details()[0]
    output = interpreter.get_output_details()[0]["index"]
    _, height, width, _ = tensor["shape"]
    is_set = False

    def classify(frame):
        nonlocal is_set
        if is_set:
            interpreter.invoke()
            return ""
        is_set = True
        pixels = cv2.cvtColor(cv2.resize(frame, (width, height)), cv2.COLOR_BGR2RGB)
        interpreter.set_tensor(tensor["index"], pixels[None])
        interpreter.invoke()
        return names[interpreter.get_tensor(output)[0].argmax()]

    return classify
