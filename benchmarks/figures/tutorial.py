"""The ordinary Keras tutorial for a folder of photos: the frozen backbone in the loop.

As in https://keras.io/guides/transfer_learning/, with the backbone that edgecls takes by default, so that the
two differ in how they train and not in what. It prints the accuracy on the 20 % it keeps for validation.

    python benchmarks/figures/tutorial.py PHOTOS model.keras 3
"""

import sys
from pathlib import Path

SIZE = 224


def main() -> None:
    photos, destination, epochs = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
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
    model.fit(train, validation_data=validation, epochs=epochs, verbose=0)
    accuracy = model.evaluate(validation, verbose=0)[1]
    model.save(destination)
    print(accuracy)


if __name__ == "__main__":
    main()
