"""What tuning for int8 gains: score error and agreement of int8 files with Keras, before and after.

Three models are made here at 96x96: MobileNetV3 small with hard-swish and squeeze-and-excitation (drawn
weights, batch norms set on photos, head trained), and two small trained networks that rounding breaks (batch
norm behind the ReLU, where no layer can take it in; no batch norm, and channels of very different range). A
fourth is that of ``--run``, a run of ``edgecls train``. "rounded" is int8 without any remedy, "int8" the recipe
with its corrections, "int8-qat" the tuned weights, whether or not the recipe would keep them. Photos that are
measured on were not tuned on.

    python benchmarks/figures/tuning.py photos/ --run runs/pets --out benchmarks/results/tuning.json
"""

import os
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from edgecls_device.backends.protocol import BackendOptions
from edgecls_device.images import IMAGE_SUFFIXES, read_image
from edgecls_device.preprocessing import resize
from edgecls_device.spec import Preprocessing
from edgecls_export import EXPORTERS, FrozenModel, freeze, load_keras_model
from edgecls_export.bias_correction import corrected
from edgecls_export.fidelity import measure
from edgecls_export.native_log import output_to_log
from edgecls_export.operators import open_converted
from edgecls_export.tuning import Tuning, tune
from figure import Row, arguments, describe_machine, figure_of, show, working_directory

SIZE = 96
EPOCHS = 8
CHANNEL_FACTOR = 8.0
FORMATS = ("tflite", "onnx")
TRAIN, MEASURE = 1000, 400


def main() -> None:
    parser = arguments("Measure int8 before and after tuning.")
    parser.add_argument("photos", type=Path, help="folder of class folders, some 1400 photos")
    parser.add_argument("--run", type=Path, help="a run of edgecls train on these photos")
    parser.add_argument("--steps", type=int, default=150, help="of tuning")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    machine = describe_machine()
    rows: list[Row] = []
    with working_directory(options.work) as work:
        log = work / "tuning.log"
        images, class_ids = pictures(options.photos, Preprocessing(height=SIZE, width=SIZE))
        for name, model in small_models(images[:TRAIN], class_ids[:TRAIN], log):
            rows += compare(name, model, images, options.steps, log)
        if options.run is not None:
            model = load_keras_model(options.run / "model.keras", log=log)
            height, width = model.input_shape[1:3]
            larger, _ = pictures(options.photos, Preprocessing(height=height, width=width))
            rows += compare(options.run.name, model, larger, options.steps, log)
    show(figure_of("Tuning for int8", machine, rows), options.out)


def pictures(folder: Path, rule: Preprocessing) -> tuple[Any, Any]:
    """Return photos and their class ids, in an order that is always the same."""
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    files = [
        (path, class_id)
        for class_id, root in enumerate(classes)
        for path in sorted(root.rglob("*"))
        if path.suffix.lower() in IMAGE_SUFFIXES
    ]
    chosen = np.random.default_rng(0).permutation(len(files))[: TRAIN + MEASURE]
    images = np.stack([resize(read_image(files[i][0]), rule) for i in chosen])
    return images, np.array([files[i][1] for i in chosen])


def small_models(images: Any, class_ids: Any, log: Path) -> Iterator[tuple[str, Any]]:
    with output_to_log(log, "MobileNetV3"):
        model = mobilenet_v3(images, class_ids)
    yield "MobileNetV3 small", model
    with output_to_log(log, "batch norm behind ReLU"):
        model = fitted(plain(int(class_ids.max()) + 1, norm=True), images, class_ids)
    yield "batch norm behind ReLU", model
    with output_to_log(log, "unequal channels"):
        model = fitted(plain(int(class_ids.max()) + 1, norm=False), images, class_ids)
        make_unequal(model)
    yield "unequal channels", model


def mobilenet_v3(images: Any, class_ids: Any) -> Any:
    """Return the network with drawn weights: minutes of training would leave it at one answer for all."""
    import keras

    keras.utils.set_random_seed(0)
    image = keras.Input((SIZE, SIZE, 3), name="image")
    backbone = keras.applications.MobileNetV3Small(
        input_tensor=image, weights=None, include_top=False, pooling="avg"
    )
    for layer in backbone.layers:
        if type(layer).__name__ == "BatchNormalization":
            layer.momentum = 0.8
    for start in range(0, len(images), 50):
        backbone(images[start : start + 50].astype(np.float32), training=True)
    features = backbone.predict(images.astype(np.float32), batch_size=50, verbose=0)
    head = keras.layers.Dense(int(class_ids.max()) + 1, name="logits")
    model = keras.Model(image, keras.layers.Softmax(name="scores")(head(backbone.output)))
    only_head = keras.Sequential([keras.Input(features.shape[1:]), head, keras.layers.Softmax()])
    only_head.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy")
    mean, spread = features.mean(axis=0), features.std() + 1e-6
    only_head.fit((features - mean) / spread, class_ids, batch_size=64, epochs=30, verbose=0)
    kernel, bias = head.get_weights()
    head.set_weights([kernel / spread, bias - mean @ kernel / spread])
    return model


def plain(classes: int, *, norm: bool) -> Any:
    """Return a small network: batch norms where no converter can fold them, or none."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    image = keras.Input((SIZE, SIZE, 3), name="image")
    x = layers.Rescaling(1 / 128, -127 / 128)(image)
    for channels in (16, 32, 64, 96):
        x = layers.Conv2D(
            channels,
            3,
            strides=2,
            padding="same",
            activation="relu",
            kernel_initializer="he_normal",
        )(x)
        if norm:
            x = layers.BatchNormalization(momentum=0.9)(x)
    return with_head(image, layers.GlobalAveragePooling2D()(x), classes)


def with_head(image: Any, features: Any, classes: int) -> Any:
    import keras

    logits = keras.layers.Dense(classes, name="logits")(features)
    return keras.Model(image, keras.layers.Softmax(name="scores")(logits))


def fitted(model: Any, images: Any, class_ids: Any) -> Any:
    import keras

    both = np.concatenate([images, images[:, :, ::-1]]).astype(np.float32)
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
    model.fit(both, np.tile(class_ids, 2), batch_size=64, epochs=EPOCHS, verbose=0)
    return model


def make_unequal(model: Any) -> None:
    """Multiply each channel by a factor that the next layer divides out: the same model, harder to round."""
    random = np.random.default_rng(0)
    layers = [layer for layer in model.layers if type(layer).__name__ == "Conv2D"]
    for layer, reader in pairwise(layers):
        kernel, bias = layer.get_weights()
        factors = CHANNEL_FACTOR ** random.uniform(-1, 1, kernel.shape[-1])
        layer.set_weights([kernel * factors, bias * factors])
        kernel, bias = reader.get_weights()
        reader.set_weights([kernel / factors[:, np.newaxis], bias])


def compare(name: str, model: Any, images: Any, steps: int, log: Path) -> list[Row]:
    ours, theirs = images[:TRAIN], images[TRAIN:]
    rounded, frozen = freeze(model), FrozenModel(model)
    rounded.is_fitted_to_int8 = True
    rows = []
    for file_format in FORMATS:
        is_onnx = file_format == "onnx"
        with output_to_log(log, f"{name}: {file_format} tuning"):
            start = corrected(frozen, ours[:100], pairwise=is_onnx)
            begin = time.perf_counter()
            tuning = Tuning(steps=steps, pairwise=is_onnx)
            tuned = FrozenModel(tune(start.model, ours, tuning, teacher=model))
            seconds = time.perf_counter() - begin
        tuned.is_fitted_to_int8 = True
        what = f"{name}: {file_format}, time for {steps} steps"
        rows.append(Row(what=what, value=seconds, unit="s"))
        for recipe, made in (("rounded", rounded), ("int8", frozen), ("int8-qat", tuned)):
            with output_to_log(log, f"{name}: {file_format} {recipe}"):
                found = fidelity(made, file_format, ours[:100], theirs, frozen.keras_scores(theirs))
            what = f"{name}: {file_format} {recipe}"
            rows.append(Row(what=f"{what}, mean score error", value=found.mean_error, unit=""))
            rows.append(Row(what=f"{what}, agreement", value=100 * found.agreement, unit="%"))
    return rows


def fidelity(frozen: FrozenModel, file_format: str, ranges: Any, images: Any, wanted: Any) -> Any:
    body = EXPORTERS[file_format, "int8"].load()(frozen, ranges)
    backend = open_converted(file_format, body.data, BackendOptions(threads=1))
    scores = np.concatenate([backend.run(image[np.newaxis]) for image in images])
    backend.close()
    return measure(scores, wanted)


if __name__ == "__main__":
    main()
