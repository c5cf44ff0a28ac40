"""A Keras model that is trained batch by batch, whose metrics are those of the epoch so far."""

from keras import Model

__all__ = ["EpochMetrics"]


class EpochMetrics(Model):  # type: ignore[misc]  # Keras has no types
    """Keras begins its metrics anew with each ``train_on_batch``; here they last until ``begin_epoch``.

    That is not only what one wants to know: with several processes each metric that is set to 0 costs an
    exchange between all of them.
    """

    def reset_metrics(self) -> None:
        """Keep them."""

    def begin_epoch(self) -> None:
        """Begin them anew."""
        super().reset_metrics()
