"""The copy of a classifier that learns: compiled by Keras, its batches divided among the devices of a group.

The classifier itself stays where it is, so that predictions, fingerprints and files need no other process.
"""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls.distributed.group import Group
from edgecls.training.quiet_keras import import_keras

__all__ = ["Learner"]

_WARMUP = 0.1  # share of all steps in which the learning rate rises

JIT_COMPILE = MappingProxyType({"tensorflow": False, "jax": True})
"""Whether XLA compiles a step: JAX is useless without, TensorFlow on a CPU eight times slower with it."""


class Learner:
    """A copy of a classifier, and its optimizer.

    Every method is called by all processes of the group, in the same order.
    """

    def __init__(self, model: Any, group: Group, *, learning_rate: float, steps: int) -> None:
        """Copy a model; what may learn in it may learn in the copy.

        Args:
            model: The classifier: pixels in, probabilities out of ``scores``.
            group: Whose devices it learns on.
            learning_rate: The highest one. In the first tenth of all steps it rises there from a tenth; then it
                falls to 0 as a cosine.
            steps: How many there will be, those before a restored state among them.
        """
        keras = import_keras()
        from edgecls.training.epoch_metrics import EpochMetrics

        warmup = steps * _WARMUP
        rate = keras.optimizers.schedules.CosineDecay(
            0.1 * learning_rate,
            steps - warmup,
            warmup_target=learning_rate,
            warmup_steps=warmup,
        )
        self._group = group
        start = model.get_weights()
        with group.distribution():
            self._copy = keras.models.clone_model(model)
            self._copy.set_weights(start)
            self._body = EpochMetrics(self._copy.input, self._copy.get_layer("scores").input)
            self._body.compile(
                optimizer=keras.optimizers.Adam(rate, clipnorm=1.0),
                loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
                metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
                jit_compile=JIT_COMPILE[keras.backend.backend()],
            )
            self._body.optimizer.build(self._body.trainable_variables)

    def begin(self, seed: Sequence[int]) -> None:
        """Begin an epoch: what is drawn inside the network is drawn from ``seed``."""
        random = np.random.default_rng(seed)
        with self._group.distribution():
            self._body.begin_epoch()
            for variable in self._copy.variables:
                if variable.path.endswith("seed_generator_state"):  # of dropout
                    variable.assign(random.integers(0, 2**31, variable.shape).astype(np.uint32))

    def step(
        self,
        pixels: NDArray[np.uint8],
        class_ids: NDArray[np.int64],
        weights: NDArray[np.float32],
    ) -> tuple[float, float]:
        """Learn from this process's part of a batch.

        Args:
            pixels: Shape ``(part, height, width, 3)``, uint8, RGB.
            class_ids: Shape ``(part,)``.
            weights: Shape ``(part,)``; each photo's loss is multiplied by its own.

        Returns:
            Mean loss and accuracy on all processes' parts of the epoch's batches so far.
        """
        with self._group.distribution():
            logs = self._body.train_on_batch(
                pixels.astype(np.float32), class_ids, weights, return_dict=True
            )
        return float(logs["loss"]), float(logs["accuracy"])

    def weights(self) -> list[NDArray[Any]]:
        """Return the weights, in the order of the classifier's own."""
        return [np.array(array) for array in self._copy.get_weights()]

    def optimizer_state(self) -> list[NDArray[Any]]:
        """Return the variables of the optimizer."""
        return [np.array(variable.numpy()) for variable in self._body.optimizer.variables]

    def restore(self, weights: Sequence[NDArray[Any]], optimizer: Sequence[NDArray[Any]]) -> None:
        """Go back to weights and optimizer variables as they were returned.

        Raises:
            ValueError: If they are of another model.
        """
        with self._group.distribution():
            self._copy.set_weights(list(weights))
            for variable, value in zip(self._body.optimizer.variables, optimizer, strict=True):
                variable.assign(value)
