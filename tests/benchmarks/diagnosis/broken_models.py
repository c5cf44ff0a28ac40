"""A small network on drawn photos, exported well and in each of the usual wrong ways."""

import importlib.util
import sys
import warnings
from pathlib import Path

import cv2
import numpy as np
from edgecls_device.preprocessing import resize
from edgecls_device.spec import ModelSpec, Preprocessing

SIZE = 48
RULE = Preprocessing(height=SIZE, width=SIZE)
HUES = (12, 100, 40, 150, 70)  # OpenCV's, 0..180


def draw(class_id, rng):
    """Return a BGR picture of 96x64 or 64x96: a warm ground, and blobs in the colour of a class."""
    height, width = (64, 96) if rng.random() < 0.7 else (96, 64)
    light = np.linspace(*rng.uniform(0.2, 1.0, 2), width)[np.newaxis, :, np.newaxis]
    ground = np.array(rng.uniform([20, 60, 110], [70, 120, 200]))
    picture = np.broadcast_to(ground * light, (height, width, 3)).copy()
    picture += rng.normal(0, rng.uniform(3, 25), picture.shape)
    for _ in range(int(rng.integers(2, 6))):
        hue = (HUES[class_id % 5] + rng.normal(0, 6)) % 180
        color = np.uint8([[[hue, rng.integers(120, 256), rng.integers(90, 256)]]])
        bgr = cv2.cvtColor(color, cv2.COLOR_HSV2BGR)[0, 0].tolist()
        center = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        axes = (int(rng.integers(6, 22)), int(rng.integers(4, 14)))
        cv2.ellipse(picture, center, axes, float(rng.uniform(0, 180)), 0, 360, bgr, -1)
    return np.clip(picture, 0, 255).astype(np.uint8)


def write_photos(folder, *, classes, count, seed):
    """Write ``count`` photos and return (paths, class ids)."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    paths, class_ids = [], []
    for i in range(count):
        paths.append(folder / f"{i:04}.png")
        class_ids.append(i % classes)
        cv2.imwrite(str(paths[-1]), draw(i % classes, rng))
    return paths, class_ids


def prepared(paths, rule=RULE):
    return np.array([resize(cv2.imread(str(path)), rule) for path in paths])


def spec_for(classes):
    return ModelSpec(
        name="small", labels=tuple(f"label{i}" for i in range(classes)), preprocessing=RULE
    )


def build_model(images, class_ids, *, classes, seed):
    """Return random convolutions, with batch norms fitted to images and a head by least squares."""
    import keras

    from edgecls.training.small_cnn import small_cnn

    body = small_cnn(size=SIZE, seed=seed)
    _fit_batch_norms(body, images)
    features = np.asarray(body.predict_on_batch(images.astype(np.float32)))
    centred = np.hstack([features, np.ones((len(features), 1))])
    wanted = 8.0 * (np.eye(classes)[class_ids] - 1 / classes)
    ridge = 0.3 * len(features) * 1e-2 * np.eye(centred.shape[1])
    head = np.linalg.solve(centred.T @ centred + ridge, centred.T @ wanted)
    x = keras.layers.Dense(classes, name="logits")
    model = keras.Model(body.inputs, keras.layers.Softmax(name="scores")(x(body.output)))
    x.set_weights([head[:-1].astype(np.float32), head[-1].astype(np.float32)])
    return model


def _fit_batch_norms(body, images):
    import keras

    rng = np.random.default_rng(5)
    for layer in body.layers:
        if type(layer).__name__ != "BatchNormalization":
            continue
        before = keras.Model(body.inputs, layer.input)
        values = np.asarray(before.predict_on_batch(images[:64].astype(np.float32)))
        count = values.shape[-1]
        layer.set_weights(
            [
                rng.uniform(0.4, 1.6, count),
                rng.normal(0.3, 0.4, count),
                values.mean(axis=(0, 1, 2)),
                values.var(axis=(0, 1, 2)),
            ]
        )


class Shop:
    """Makes files of one model; each is converted once."""

    def __init__(self, folder, *, classes=5, seed=1, calibration=40, train=240):
        self.folder = folder
        train_photos = {"classes": classes, "count": train, "seed": seed}
        self.training, ids = write_photos(folder / "train", **train_photos)
        self.photos, self.class_ids = write_photos(
            folder / "test", classes=classes, count=60, seed=seed + 99
        )
        self.calibration = self.training[:calibration]
        self.breaker = breaking().Breaker(
            model=build_model(prepared(self.training), ids, classes=classes, seed=seed),
            spec=spec_for(classes),
            images=prepared(self.calibration),
        )

    def make(self, name, file_format):
        """Return the path of a file: of a recipe, or broken in the way of the name."""
        path = self.folder / f"{name}.{file_format}"
        if not path.is_file():
            path.write_bytes(self.breaker.make(name, file_format))
        return path

    def plain(self, change):
        """Return the path of a TFLite file as guides show it: nothing corrected, an integer softmax."""
        import tensorflow as tf
        from edgecls_export.tflite_metadata import embed_spec

        images = np.float32(change(self.breaker.images))
        converter = tf.lite.TFLiteConverter.from_keras_model(self.breaker.model)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([image[np.newaxis]] for image in images)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.uint8
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what the caller cannot change
            data = converter.convert()
        path = self.folder / "plain.tflite"
        path.write_bytes(embed_spec(data, self.breaker.spec))
        return path


def breaking():
    """Return the script that breaks models; it is no package."""
    path = Path(__file__).resolve().parents[3] / "benchmarks" / "figures" / "breaking.py"
    if "breaking" not in sys.modules:
        spec = importlib.util.spec_from_file_location("breaking", path)
        sys.modules["breaking"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["breaking"])
    return sys.modules["breaking"]
