"""Find the layers of a Keras model again in a converted graph, and what must stay in float with them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from edgecls_device.errors import ExportError

from edgecls_export.layer_graph import Floats

__all__ = ["MIXED_TOLERANCE", "GraphNode", "nodes_in_float", "note_of"]

MIXED_TOLERANCE = 0.02
"""How far golden scores may be off on another machine where logits are float behind rounded activations: an
activation that a last bit moves by a whole step."""

CLOSE = 1e-3


@dataclass(frozen=True, kw_only=True, slots=True)
class GraphNode:
    """An operator of a converted graph.

    Attributes:
        name: What the quantizer knows it by.
        inputs: Names of the tensors it takes, constants left out.
        outputs: Names of the tensors it gives.
        kernel: Its weights, in any layout; None for an operator without.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    kernel: Floats | None


def nodes_in_float(nodes: Sequence[GraphNode], kernels: Iterable[Floats]) -> list[str]:
    """Return the names of the nodes that have one of the kernels, and of those fed by such nodes alone.

    Names do not survive conversion and layouts differ, so kernels are known by their sorted values.

    Args:
        nodes: In the order of computation.
        kernels: Of the Keras model, batch norm folded in.

    Raises:
        ExportError: If no node has any of the kernels: the model would be int8 throughout, under another name.
    """
    wanted = [np.sort(kernel, axis=None) for kernel in kernels]
    floats: set[str] = set()
    names = []
    for node in nodes:
        if node.kernel is None:
            stays = bool(node.inputs) and floats.issuperset(node.inputs)
        else:
            stays = any(_is_same(np.sort(node.kernel, axis=None), one) for one in wanted)
        if stays:
            names.append(node.name)
            floats.update(node.outputs)
    if wanted and not names:
        message = (
            f"Expected the {len(wanted)} layers that should stay in float in the converted graph, "
            "got none with their weights."
        )
        raise ExportError(message, hint="use --recipe int8, int8-qat or float16")
    return names


def note_of(layers: Collection[str]) -> str:
    """Return what is to be said of the layers that stay in float: only that there are none."""
    if layers:
        return ""
    return "No layer is in float: none loses enough by rounding, or it is too large or too slow in float."


def _is_same(first: Floats, second: Floats) -> bool:
    if first.size != second.size:
        return False
    return bool(np.abs(first - second).max() <= CLOSE * max(float(np.abs(second).max()), 1e-12))
