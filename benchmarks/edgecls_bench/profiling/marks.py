"""What a profile says about an operation beside its time, and what to do about those that are slow."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edgecls_bench.profiling.record import Operation

__all__ = [
    "CONVERTS",
    "DYNAMIC",
    "FLOAT",
    "FLOAT_LAYER",
    "LAYOUT",
    "NEGLIGIBLE",
    "NOT_DELEGATED",
    "Facts",
    "advise",
    "float_islands",
]

NOT_DELEGATED = "not in XNNPACK"
FLOAT_LAYER = "computed in float, in an int8 model"
FLOAT = "float, between int8 operations"
CONVERTS = "converts between float and int8"
DYNAMIC = "quantizes its input in every run"
LAYOUT = "moves values to another layout"

_ENDS = frozenset({"CAST", "QUANTIZE", "DEQUANTIZE"})
MOST_NAMED = 3
NEGLIGIBLE = 0.03  # of the time: below it there is nothing to win

_REMEDIES = {
    NOT_DELEGATED: (
        "XNNPACK left it to slower kernels: compare with the float32 file, "
        "or take a backbone without it."
    ),
    FLOAT_LAYER: "Quantize them too (recipe int8), unless accuracy needs them in float.",
    FLOAT: (
        "This activation has no int8 kernel here: take a backbone without it, "
        "or compare with the float32 file."
    ),
    CONVERTS: "They surround what stayed in float: quantize that, and they go.",
    DYNAMIC: "Calibrate instead: the recipe int8 knows the ranges beforehand.",
    LAYOUT: "Left over from the conversion: export again, with a newer converter.",
}

_NOTHING_DELEGATED = (
    "nothing of this model is in XNNPACK: this runtime does not hand it over, for its types or for shapes "
    "that it computes, and has slower kernels. The backend litert may do better: pip install 'edgecls[device]'."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What decides about the fast path of one operation.

    Attributes:
        takes: Type of the values it takes, such as ``float32``; of its first input that is no constant.
        gives: Type of the values it gives.
        is_weighted: Whether it has a kernel or a matrix, as convolutions and dense layers have.
        is_layout: Whether it only moves values.
    """

    takes: str
    gives: str
    is_weighted: bool
    is_layout: bool = False

    @property
    def is_integer(self) -> bool:
        """Whether it works on integers."""
        return _is_integer(self.takes) and (self.is_weighted or _is_integer(self.gives))

    @property
    def is_conversion(self) -> bool:
        """Whether it turns floats into integers or back."""
        return _is_integer(self.takes) != _is_integer(self.gives)


def float_islands(facts: Sequence[Facts]) -> list[str]:
    """Return for each operation of a model why it is slow in an int8 model; empty if it is not.

    A model counts as int8 if one of its convolutions or dense layers is. What is float before the first
    operation on integers or behind the last, as the scaling of pixels and the softmax, is meant to be so.
    """
    integer = [i for i, entry in enumerate(facts) if entry.is_weighted and entry.is_integer]
    if not integer:
        return [""] * len(facts)
    weighted = [i for i, entry in enumerate(facts) if entry.is_weighted]
    computing = [i for i, entry in enumerate(facts) if entry.is_integer and not entry.is_layout]
    first, last = min(computing[0], weighted[0]), max(computing[-1], weighted[-1])
    return [_island(entry, is_inside=first < i < last) for i, entry in enumerate(facts)]


def _island(entry: Facts, *, is_inside: bool) -> str:
    if entry.is_integer:
        return ""
    if entry.is_weighted:
        return FLOAT_LAYER
    if not is_inside:
        return ""
    return CONVERTS if entry.is_conversion else FLOAT


def advise(operations: Iterable[Operation]) -> tuple[str, ...]:
    """Return a sentence for each reason why operations left the fast path, the costliest first."""
    operations = tuple(operations)
    if operations and all(entry.reason == NOT_DELEGATED for entry in operations):
        return (_NOTHING_DELEGATED,)
    by_reason: dict[str, list[Operation]] = {}
    for operation in operations:
        if not operation.is_fast_path:
            by_reason.setdefault(operation.reason, []).append(operation)
    shares = {reason: sum(entry.share for entry in found) for reason, found in by_reason.items()}
    return tuple(
        _sentence(reason, by_reason[reason], shares[reason])
        for reason in sorted(shares, key=shares.__getitem__, reverse=True)
    )


def _sentence(reason: str, found: Sequence[Operation], share: float) -> str:
    counts = Counter(entry.op for entry in found)
    shares = dict.fromkeys(counts, 0.0)
    for entry in found:
        shares[entry.op] += entry.share
    order = sorted(counts, key=shares.__getitem__, reverse=True)
    ops = [f"{counts[op]} {op}" if counts[op] > 1 else op for op in order]
    left = len(ops) - MOST_NAMED
    ops = ops if left <= 0 else [*ops[:MOST_NAMED], f"{left} other kinds"]
    told = f"{reason}: {', '.join(ops)}, {100 * share:.1f} % of the time."
    if share < NEGLIGIBLE:
        return f"{told} Too little to be worth a change."
    if reason == NOT_DELEGATED and set(counts) <= _ENDS:
        return f"{told} The price of a model that takes pixels as they are; no export avoids it."
    return f"{told} {_REMEDIES[reason]}"


def _is_integer(dtype: str) -> bool:
    return dtype in {"int8", "uint8", "int16", "uint16"}
