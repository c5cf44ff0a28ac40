"""``edgecls compare`` over worker processes: photos in shards, on Ray, or with results that are kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from edgecls_bench.comparison import Comparison
from edgecls_device.errors import InterruptedRunError

from edgecls.cli.compare_question import Question
from edgecls.comparison_photos import trained_on
from edgecls.progress import progress, say
from edgecls.scale.comparing import LargeComparison, limited_pieces, plan_large
from edgecls.scale.piece import Piece
from edgecls.scale.sources import file_pieces, find_pieces
from edgecls.scale.urls import is_url

__all__ = ["compare_large"]


def compare_large(question: Question) -> Comparison:
    """Look at all photos with worker processes, say how many were trained on, and return the record."""
    planned = _planned(question)
    outside = question.outside()
    cases, pieces = len(planned.task.cases), len(planned.pieces)
    with (
        _kept(question, planned) as results,
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
    is_kept = question.results is not None or question.target.run is not None
    return compared.comparison if is_kept else replace(compared.comparison, results="")


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
        place = shards.rstrip("/") if is_url(shards) else str(Path(shards).expanduser().resolve())
        return limited_pieces(find_pieces(shards), question.limit), place, "shards"
    found, labels = question.photos(), question.labels
    files = [
        (photo.path, "" if photo.class_id is None else labels[photo.class_id])
        for photo in found.photos
    ]
    return file_pieces(found.data, files), str(found.data), found.split


@contextmanager
def _kept(question: Question, planned: LargeComparison) -> Iterator[Path]:
    """Give the folder of the results: the one that was named, one in the run, else one for a while."""
    run = question.target.run
    if question.results is not None:
        yield question.results
    elif run is not None:
        yield run.comparisons / planned.name
    else:
        with TemporaryDirectory(prefix="edgecls-compare-") as folder:
            try:
                yield Path(folder)
            except InterruptedRunError as error:
                hint = "nothing was kept; with --results DIR the same command would go on"
                raise InterruptedRunError(error.message, hint=hint) from error
