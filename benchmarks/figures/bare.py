"""What a user would write without edgecls: OpenCV, the runtime, one photo, one class number.

python benchmarks/figures/bare.py model.int8.tflite photo.jpg
"""

import sys

import cv2
from ai_edge_litert.interpreter import Interpreter  # noqa: TID253 - this is the whole script

interpreter = Interpreter(model_path=sys.argv[1], num_threads=2)
interpreter.allocate_tensors()
tensor = interpreter.get_input_details()[0]
_, height, width, _ = tensor["shape"]
pixels = cv2.resize(cv2.imread(sys.argv[2]), (width, height))
interpreter.set_tensor(tensor["index"], cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)[None])
interpreter.invoke()
scores = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]
print(scores.argmax(), scores.max(), flush=True)
