"""Which network turns photos into features, and how a photo becomes its input: options of several commands."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from edgecls.training.backbones import DEFAULT_BACKBONE

__all__ = ["backbone_option", "resize_option", "size_option"]

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


def backbone_option(names: Iterable[str]) -> Callable[[CommandT], CommandT]:
    """Return the option ``--backbone``, whose help lists the names."""
    return click.option(
        "--backbone",
        default=DEFAULT_BACKBONE,
        show_default=True,
        metavar="NAME",
        help=f"One of: {', '.join(names)}.",
    )


resize_option = click.option(
    "--resize",
    type=click.Choice(["crop", "stretch", "letterbox"]),
    default="crop",
    show_default=True,
    help="How a photo becomes the input size.",
)
size_option = click.option(
    "--size", type=int, help="Input height and width in pixels.  [default: the backbone's]"
)
