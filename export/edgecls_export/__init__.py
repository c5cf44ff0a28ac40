"""Exporters: a Keras model and its spec become one self-describing .tflite or .onnx file."""
