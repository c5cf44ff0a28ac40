"""What a user would write without edgecls: OpenCV, the runtime, one photo, one label.

python bare.py model.int8.tflite photo.jpg labels.txt THREADS
"""

import sys
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

    def classify(frame):
        pixels = cv2.resize(frame, (width, height))
        interpreter.set_tensor(tensor["index"], cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)[None])
        interpreter.invoke()
        return names[interpreter.get_tensor(output)[0].argmax()]

    return classify


if __name__ == "__main__":
    classify_photo = open_model(sys.argv[1], sys.argv[3], int(sys.argv[4]))
    print(classify_photo(cv2.imread(sys.argv[2])), flush=True)
