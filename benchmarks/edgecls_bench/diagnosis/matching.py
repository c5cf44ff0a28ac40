"""Which activation of one file is which of another: by name, else by place and shape."""

from collections.abc import Sequence
from difflib import SequenceMatcher

from edgecls_bench.diagnosis.network import Activation

__all__ = ["Pair", "match"]

Pair = tuple[Activation, Activation]


def match(own: Sequence[Activation], reference: Sequence[Activation]) -> list[Pair]:
    """Return pairs (of the artifact, of the reference) in the order of the artifact.

    ONNX quantizers keep names, so equal names are the same tensor. TFLite's converter renames, but keeps the
    order: there the longest common runs of operation and shape are the same layers, however many operations
    one of the files has more.
    """
    by_name = {entry.name: entry for entry in reference}
    named = [(entry, by_name[entry.name]) for entry in own if entry.name in by_name]
    if 2 * len(named) >= len(own):
        return named
    keys = [[(entry.operation, entry.shape) for entry in side] for side in (own, reference)]
    blocks = SequenceMatcher(None, keys[0], keys[1], autojunk=False).get_matching_blocks()
    found = [
        (own[block.a + i], reference[block.b + i]) for block in blocks for i in range(block.size)
    ]
    return named if len(named) > len(found) else found
