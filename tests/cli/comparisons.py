"""Comparisons from counts, without models."""

from edgecls_bench.comparison import Comparison, ComparisonCase, Gate
from edgecls_bench.gate import judge
from edgecls_bench.machine import describe_machine
from edgecls_bench.paired import paired_counts

HALF_A_POINT = Gate(max_drop=0.005)


def comparison_of(*, losses, photos, has_gate=True, unseen=0):
    """Return float32 and one artifact for each number of lost photos, held against half a point.

    Of ``unseen`` of the two labels there is no photo.
    """
    gate = HALF_A_POINT if has_gate else None
    return Comparison(
        created="",
        data="photos",
        split="test",
        labels=("a", "b"),
        reference="m.float32.tflite",
        photos=("x",) * photos,
        class_ids=(0,) * photos,
        gate=gate,
        machine=describe_machine(),
        cases=(
            _case("m.float32.tflite", unseen=unseen),
            *(
                _case(f"m{i}.tflite", paired_counts(lost, 0, photos), photos, gate, unseen)
                for i, lost in enumerate(losses)
            ),
        ),
    )


def _case(name, paired=None, photos=1, gate=None, unseen=0):
    judgement = None
    if gate is not None and paired is not None:
        judgement = judge(gate, paired, photos, photos, labels_without_photos=unseen)
    return ComparisonCase(
        artifact=name,
        sha256="",
        format="tflite",
        recipe="int8",
        backend="litert",
        size_bytes=1,
        temperature=1.0,
        unknown_threshold=0.0,
        top1=1.0,
        top5=None,
        per_class=(1.0,) * (2 - unseen) + (None,) * unseen,
        confusion=(),
        calibration_error=0.0,
        paired=paired,
        agreement=1.0,
        agreement_interval=None,
        mean_score_error=0.0,
        worst_score_error=0.0,
        predicted=(),
        confidence=(),
        true_score=(),
        keras_confidence=(),
        judgement=judgement,
    )
