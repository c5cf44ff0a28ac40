import pytest
from edgecls_bench.comparison import Gate
from edgecls_device.errors import GateError, OptionError, TooFewPhotosError

from edgecls.cli.comparison_table import columns_left_out
from edgecls.cli.verdicts import error_of, gate_of, photos_needed, reasons_of, words_of
from tests.cli.comparisons import comparison_of

HINTS = {"why_hint": "why", "more_photos_hint": "more"}


def test_points_and_per_cent_become_shares():
    assert gate_of(0.5, 99) == Gate(max_drop=0.005, min_agreement=0.99)
    assert gate_of(None, 98.5) == Gate(min_agreement=0.985)
    assert gate_of(0.0, None) == Gate(max_drop=0.0)
    assert gate_of(None, None) is None


@pytest.mark.parametrize(
    ("drop", "agreement"), [(-1, None), (101, None), (None, 100.5), (float("nan"), None)]
)
def test_limits_outside_of_per_cent_are_refused(drop, agreement):
    with pytest.raises(OptionError, match=r"in 0\.\.100, got"):
        gate_of(drop, agreement)


def test_a_gate_that_holds_is_no_error():
    comparison = comparison_of(losses=[0, 1], photos=3000)
    assert error_of(comparison, **HINTS) is None
    assert words_of(comparison) == "The gate holds: all 2 artifacts lose at most 0.5 points."


def test_one_that_fails_is_an_error_that_names_it():
    comparison = comparison_of(losses=[0, 90, 12], photos=3000)
    error = error_of(comparison, **HINTS)
    assert isinstance(error, GateError)
    assert (error.exit_code, error.hint) == (13, "why")
    assert error.message.endswith("got failures: m1.tflite on litert.")
    assert words_of(comparison) == (
        "The gate fails: 1 of 3 artifacts is proven to lose more than 0.5 points. "
        "1 more cannot be told from so few photos."
    )


def test_too_few_photos_are_an_error_that_says_how_many_would_do():
    comparison = comparison_of(losses=[0, 0, 7], photos=800)
    error = error_of(comparison, **HINTS)
    assert isinstance(error, TooFewPhotosError)
    assert (error.exit_code, error.hint) == (14, "more")
    needed = photos_needed(comparison)
    assert needed == comparison.cases[3].judgement.photos_needed > 800
    assert f"1 of 3 artifacts may or may not lose at most 0.5 points; {needed} photos" in words_of(
        comparison
    )


def test_a_gate_does_not_hold_of_labels_that_no_photo_is_of():
    comparison = comparison_of(losses=[0], photos=3000, unseen=1)
    error = error_of(comparison, **HINTS)
    assert isinstance(error, TooFewPhotosError)
    assert error.exit_code == 14
    assert words_of(comparison) == (
        "Too few photos to tell: 1 of 1 artifacts may or may not lose at most 0.5 points; "
        "there is no photo of 1 of 2 labels."
    )
    assert reasons_of(comparison)[0].endswith("(limit 0.50), but there is no photo of 1 label.")
    assert "there is no photo" not in words_of(comparison_of(losses=[90], photos=3000, unseen=1))


def test_no_number_is_named_where_one_artifact_lies_at_the_limit():
    at_the_limit = comparison_of(losses=[4], photos=800)
    assert photos_needed(at_the_limit) is None
    assert "photos would decide" not in words_of(at_the_limit)


def test_artifacts_with_the_same_figures_share_a_line():
    reasons = reasons_of(comparison_of(losses=[0, 0, 90], photos=3000))
    assert len(reasons) == 2
    assert reasons[0].startswith(
        "m0.tflite on litert, m1.tflite on litert: loses at most 0.13 points"
    )


def test_a_comparison_without_a_gate_has_no_words():
    comparison = comparison_of(losses=[0], photos=10, has_gate=False)
    assert (words_of(comparison), reasons_of(comparison)) == ("", [])
    assert error_of(comparison, **HINTS) is None


def test_as_few_columns_as_possible_are_left_out_and_the_first_never():
    columns = [(20, 0), (10, 2), (10, 3), (5, 1)]  # 52 wide with what follows each
    assert columns_left_out(columns, 52) == set()
    assert columns_left_out(columns, 51) == {2}
    assert columns_left_out(columns, 39) == {1, 2}
    assert columns_left_out(columns, 1) == {1, 2, 3}
