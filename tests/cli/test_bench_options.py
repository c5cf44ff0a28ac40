"""What the options of ``edgecls bench`` mean."""

import pytest
from edgecls_bench.settings import QUICK, THOROUGH

from edgecls.cli.bench_options import Care

NOTHING = {
    "quick": False,
    "rounds": None,
    "seconds": None,
    "runs": None,
    "seed": 0,
    "throughput": False,
    "sustained": None,
}


def care(**changes):
    return Care(**(NOTHING | changes))


def test_without_options_it_is_thorough_and_with_quick_it_is_quick():
    assert care().settings == THOROUGH
    assert care(quick=True).settings == QUICK


def test_each_benchmark_has_an_order_of_its_own():
    assert care(seed=None).settings.seed != care(seed=None).settings.seed
    assert care(seed=5).settings.seed == 5


def test_fewer_runs_than_rounds_are_as_many_rounds():
    assert care(runs=2).settings.rounds == 2
    assert care(runs=1).settings.runs == 1


@pytest.mark.parametrize("quick", [True, False])
def test_a_longer_measurement_never_ends_before_it_began(quick):
    settings = care(quick=quick, seconds=100.0).settings
    assert settings.least_seconds == settings.most_seconds == 100.0


def test_options_travel_as_words():
    assert care(seed=None).words == ()
    words = care(quick=True, rounds=2, seconds=1.5, seed=0, throughput=True, sustained=60.0).words
    assert words == (
        *("--quick", "--throughput", "--rounds", "2", "--seconds", "1.5"),
        *("--seed", "0", "--sustained", "60.0"),
    )
