"""Which layers a layer takes its values from, over the operations that only pass values on."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from edgecls_bench.diagnosis.matching import Pair
from edgecls_bench.diagnosis.network import Activation

__all__ = ["computed_from", "sources_of"]

Tensor = TypeVar("Tensor", bound=Hashable)


def computed_from(
    steps: Iterable[tuple[bool, Sequence[Tensor], Sequence[Tensor]]],
) -> dict[Tensor, tuple[Tensor, ...]]:
    """Return what each operation computes, with what it computes it from: first outputs of operations.

    Args:
        steps: In the order of computation: whether an operation only passes values on, its inputs, its outputs.
    """
    origins: dict[Tensor, tuple[Tensor, ...]] = {}
    found: dict[Tensor, tuple[Tensor, ...]] = {}
    for passes_on, inputs, outputs in steps:
        sources = tuple(
            dict.fromkeys(origin for tensor in inputs for origin in origins.get(tensor, ()))
        )
        if not passes_on and len(outputs):
            found[outputs[0]] = sources
            sources = (outputs[0],)
        origins.update((tensor, sources) for tensor in outputs)
    return found


def sources_of(
    pairs: Sequence[Pair], activations: Sequence[Activation]
) -> tuple[tuple[int, ...], ...]:
    """Return for each pair the places of the pairs that it takes values from, over layers that are in no pair.

    Args:
        pairs: Of an artifact and its reference.
        activations: All of the artifact.
    """
    places = {own.key: place for place, (own, _) in enumerate(pairs)}
    inputs = {entry.key: entry.inputs for entry in activations}
    return tuple(_nearest(own.inputs, places, inputs) for own, _ in pairs)


def _nearest(
    keys: Sequence[Hashable],
    places: Mapping[Hashable, int],
    inputs: Mapping[Hashable, Sequence[Hashable]],
) -> tuple[int, ...]:
    open_keys, seen, found = list(keys), set(keys), []
    while open_keys:
        key = open_keys.pop(0)
        if key in places:
            found.append(places[key])
            continue
        further = [entry for entry in inputs.get(key, ()) if entry not in seen]
        seen.update(further)
        open_keys += further
    return tuple(found)
