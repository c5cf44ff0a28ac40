"""``edgecls compare`` over worker processes: photos in shards, on Ray, or with results that are kept."""

from dataclasses import replace
from pathlib import Path

from edgecls_bench.comparison import Comparison

from edgecls.cli.compare_question import Question
from edgecls.cli.kept_results import kept_results
from edgecls.comparison_photos import trained_on
from edgecls.progress import progress, say
from edgecls.scale.comparing import LargeComparison, limited_pieces, plan_large
from edgecls.scale.piece import Piece
from edgecls.scale.sources import file_pieces, find_pieces
from edgecls.scale.urls import place_of

__all__ = ["compare_large"]


def compare_large(question: Question) -> Comparison:
    """Look at all photos with worker processes, say how many were trained on, and return the record."""
    planned = _planned(question)
    outside = question.outside()
    cases, pieces = len(planned.task.cases), len(planned.pieces)
    folder = _folder(question, planned)
    with (
        kept_results(folder) as results,
        question.spread.open() as executor,
        progress(f"Comparing {cases} cases, pieces of the photos", pieces) as advance,
    ):
        compared = planned.run(
            executor,
            results=results,
            out_of_set=outside,
            out_of_set_folder=question.out_of_set or "",
            advance=advance,
        )
    if compared.trained_on:
        say(
            f"{compared.trained_on} of these photos were trained on; their accuracy promises nothing"
        )
    return compared.comparison if folder else replace(compared.comparison, results="")


def _planned(question: Question) -> LargeComparison:
    pieces, data, split = _pieces(question)
    return plan_large(
        question.target.artifacts,
        pieces,
        labels=question.labels,
        data=data,
        split=split,
        has_classes=question.has_classes,
        backends=question.backends,
        gate=question.gate,
        trained_on=trained_on(question.target.run) if question.shards else frozenset(),
    )


def _pieces(question: Question) -> tuple[tuple[Piece, ...], str, str]:
    """Return the pieces, where they are, and which photos they are."""
    shards = question.shards
    if shards:
        return limited_pieces(find_pieces(shards), question.limit), place_of(shards), "shards"
    found, labels = question.photos(), question.labels
    files = [
        (photo.path, "" if photo.class_id is None else labels[photo.class_id])
        for photo in found.photos
    ]
    return file_pieces(found.data, files), str(found.data), found.split


def _folder(question: Question, planned: LargeComparison) -> Path | None:
    """Return the folder of the results: the one that was named, else one in the run."""
    if question.results is not None:
        return question.results.absolute()
    run = question.target.run
    return None if run is None else run.comparisons / planned.name
