"""The ordinary Keras tutorial for a folder of photos: the frozen backbone in the loop.

As in https://keras.io/guides/transfer_learning/, with the backbone that edgecls takes by default, so that the
two differ in how they train and not in what. It stops after the first epoch whose accuracy on the 20 % it keeps
for validation reaches a wanted one, saves the model, and prints JSON: ``epochs`` and ``accuracies``.

    python benchmarks/figures/tutorial.py PHOTOS model.keras 0.99 12

Keras stretches photos to a square by default; with ``cropped`` behind these it cuts them as edgecls does.
"""

import json
import sys
from pathlib import Path

SIZE = 224


def main() -> None:
    photos, destination = sys.argv[1], Path(sys.argv[2])
    wanted, most_epochs, is_cropped = (
        float(sys.argv[3]),
        int(sys.argv[4]),
        "cropped" in sys.argv[5:],
    )
    import keras
    import tensorflow as tf

    from edgecls.training.efficientnet_lite0 import efficientnet_lite0

    keras.utils.set_random_seed(0)
    train, validation = keras.utils.image_dataset_from_directory(
        photos,
        validation_split=0.2,
        subset="both",
        seed=0,
        image_size=(SIZE, SIZE),
        batch_size=32,
        crop_to_aspect_ratio=is_cropped,
        verbose=False,
    )
    classes = len(train.class_names)
    train, validation = train.prefetch(tf.data.AUTOTUNE), validation.prefetch(tf.data.AUTOTUNE)
    backbone = efficientnet_lite0(size=SIZE)
    backbone.trainable = False
    image = keras.Input((SIZE, SIZE, 3))
    scores = keras.layers.Dense(classes, activation="softmax")(
        keras.layers.Dropout(0.2)(backbone(image, training=False))
    )
    model = keras.Model(image, scores)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])

    def stop_when_reached(epoch, logs):
        sys.stderr.write(f"epoch {epoch + 1}: {logs['val_accuracy']:.4f}\n")
        model.stop_training = logs["val_accuracy"] >= wanted

    history = model.fit(
        train,
        validation_data=validation,
        epochs=most_epochs,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=stop_when_reached)],
    )
    model.save(destination)
    accuracies = history.history["val_accuracy"]
    print(json.dumps({"epochs": len(accuracies), "accuracies": accuracies}))


if __name__ == "__main__":
    main()
