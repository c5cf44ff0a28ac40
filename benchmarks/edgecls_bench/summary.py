"""From what was counted to the figures of one case."""

from edgecls_bench.cases import spec_of
from edgecls_bench.comparison import ComparisonCase, Gate, Judgement, PairedDifference
from edgecls_bench.evaluation import keras_spec
from edgecls_bench.gate import judge
from edgecls_bench.metrics import TOP_K, wilson_interval
from edgecls_bench.paired import paired_counts
from edgecls_bench.tally import CaseTally, Tally

__all__ = ["summaries"]


def summaries(tally: Tally, gate: Gate | None) -> tuple[ComparisonCase, ...]:
    """Return the figures of every case.

    Args:
        tally: What was counted, on at least one photo.
        gate: What is asked of every case but the reference.

    Raises:
        ValueError: If no photo was counted.
    """
    if not tally.photos:
        message = "Expected at least one photo to sum up, got none."
        raise ValueError(message)
    return tuple(_Summary(tally, index).case(gate) for index in range(len(tally.cases)))


class _Summary:
    """One case of a tally."""

    def __init__(self, tally: Tally, index: int) -> None:
        self._tally = tally
        self._own = tally.cases[index]
        self._has_reference = tally.reference is not None
        self._is_judged = tally.reference not in {None, index}

    def case(self, gate: Gate | None) -> ComparisonCase:
        tally, own = self._tally, self._own
        artifact = own.case.artifact
        spec = spec_of(artifact)
        photos, has_classes = tally.photos, tally.has_classes
        paired = self._paired()
        return ComparisonCase(
            artifact=artifact.path.name,
            sha256=artifact.sha256,
            format=artifact.format,
            recipe=spec.provenance.recipe,
            backend=own.case.backend,
            size_bytes=len(artifact.data),
            temperature=spec.temperature,
            unknown_threshold=spec.unknown_threshold,
            top1=own.right / photos if has_classes else None,
            top5=own.in_top5 / photos if has_classes and tally.classes > TOP_K else None,
            per_class=_per_class(tally, own) if has_classes else (),
            confusion=_confusion(own) if has_classes else (),
            calibration_error=float(abs(own.gaps).sum() / photos) if has_classes else None,
            paired=paired,
            agreement=own.agreeing / photos if self._has_reference else None,
            agreement_interval=wilson_interval(own.agreeing, photos) if self._is_judged else None,
            mean_score_error=own.error_sum / photos if self._has_reference else None,
            worst_score_error=own.worst_error if self._has_reference else None,
            predicted=own.lists.integers("predicted"),
            confidence=own.lists.scores("confidence"),
            true_score=own.lists.scores("true_score") if has_classes else (),
            keras_confidence=own.lists.scores("keras_confidence") if keras_spec(spec) else (),
            out_of_set_unknown=own.hidden_outside / tally.outside if tally.outside else None,
            judgement=self._judgement(gate, paired),
        )

    def _paired(self) -> PairedDifference | None:
        if not self._is_judged or not self._tally.has_classes:
            return None
        return paired_counts(self._own.losses, self._own.gains, self._tally.photos)

    def _judgement(self, gate: Gate | None, paired: PairedDifference | None) -> Judgement | None:
        if gate is None or not self._is_judged:
            return None
        tally = self._tally
        return judge(
            gate,
            paired,
            self._own.agreeing,
            tally.photos,
            labels_without_photos=int((tally.class_photos == 0).sum()) if tally.has_classes else 0,
        )


def _per_class(tally: Tally, own: CaseTally) -> tuple[float | None, ...]:
    counts = zip(own.class_right.tolist(), tally.class_photos.tolist(), strict=True)
    return tuple(right / photos if photos else None for right, photos in counts)


def _confusion(own: CaseTally) -> tuple[tuple[int, ...], ...]:
    return () if own.confusion is None else tuple(map(tuple, own.confusion.tolist()))
