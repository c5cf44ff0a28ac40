"""In which order processes run."""

from collections import Counter

import pytest
from edgecls_bench.schedule import plan_steps


def steps(**changes):
    return plan_steps(**({"subjects": 6, "rounds": 3, "cold_starts": 2, "seed": 1} | changes))


def test_every_process_runs_once():
    counted = Counter(steps())
    assert set(counted.values()) == {1}
    assert len(counted) == 6 * (3 + 2)


def test_each_turn_has_every_case_once():
    planned = steps(cold_starts=3)
    assert len(planned) == 36
    for number in (1, 2, 3):
        turn = planned[12 * (number - 1) : 12 * number]
        assert {step.number for step in turn} == {number}
        assert {(step.subject, step.kind) for step in turn} == {
            (subject, kind) for subject in range(6) for kind in ("latency", "cold")
        }


def test_the_order_comes_from_the_seed():
    assert steps() == steps()
    assert steps() != steps(seed=2)


def test_turns_have_orders_of_their_own():
    planned = steps(cold_starts=3)
    first, second = ([(s.subject, s.kind) for s in planned[n : n + 12]] for n in (0, 12))
    assert first != second


@pytest.mark.parametrize(("rounds", "cold_starts"), [(1, 3), (3, 1)])
def test_one_kind_may_have_more_turns(rounds, cold_starts):
    kinds = Counter(step.kind for step in steps(rounds=rounds, cold_starts=cold_starts))
    assert kinds == {"latency": 6 * rounds, "cold": 6 * cold_starts}
