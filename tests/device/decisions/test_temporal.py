import itertools

import numpy as np
import pytest
from edgecls_device.decisions.settings import DecisionSettings
from edgecls_device.decisions.temporal import TemporalDecider
from edgecls_device.errors import OptionError
from edgecls_device.spec import Group

from tests.device.decisions.scripted import (
    BEGIN,
    LABELS,
    clock,
    events_of,
    frame,
    play,
    prediction,
    spec,
    sure,
    told,
)

KINDS = ("none", "exponential", "majority")


def decider(*, model=None, **settings):
    return TemporalDecider(DecisionSettings(**settings), model or spec(), "cam")


@pytest.mark.parametrize("smoothing", KINDS)
@pytest.mark.parametrize("fps", [3, 10, 30, 100])
def test_a_label_comes_and_goes_once_at_any_frame_rate(smoothing, fps):
    script = [(3, sure(None)), (5, sure("red")), (4, sure(None))]
    steps = play(decider(smoothing=smoothing), script, fps=fps)
    assert told(steps) == [("entered", "red"), ("left", "red")]
    entered, left = events_of(steps)
    late = 1 / fps + 0.01
    assert entered.id == left.id
    assert entered.start == left.start == clock(3.5, within=0.5 + late)
    assert (entered.end, entered.ended_by, left.ended_by) == (None, "", "gone")
    assert left.end == clock(8.2, within=0.4 + late)
    assert left.duration_s == pytest.approx(left.end - left.start)
    assert 0.5 <= entered.duration_s < 0.5 + late
    assert 0.9 < left.peak_score <= 1
    assert entered.frames == 1
    assert left.frames == sum(d is not None and d.label == "red" for _, d, _ in steps)


def test_an_event_starts_when_the_label_first_won_and_ends_when_it_was_last_seen():
    script = [(1, sure("red")), (2, sure("green")), (1, sure(None))]
    steps = play(decider(smoothing="none", min_duration_s=0.4), script)
    _, red, entered, green = events_of(steps)
    assert red.end == clock(0.95)
    assert entered.start == green.start == clock(1)
    assert green.end == clock(2.95)
    believed = next(time for time, decision, _ in steps if decision.label == "green")
    assert believed == pytest.approx(1.4)


@pytest.mark.parametrize("smoothing", KINDS)
def test_what_wins_for_less_than_the_minimum_is_no_event(smoothing):
    script = [
        (2, sure("red")),
        (0.3, sure("green")),
        (2, sure("red")),
        (0.3, sure(None)),
        (1, sure("red")),
    ]
    steps = play(decider(smoothing=smoothing, window_s=0.1), script)
    assert told(steps) == [("entered", "red"), ("left", "red")]


def test_a_score_that_trembles_around_the_threshold_gives_one_event():
    rng = np.random.default_rng(0)
    scores = [(0.05, sure("red", 0.7 + rng.normal(0, 0.08))) for _ in range(2000)]
    raw = sum(a[1][0] >= 0.7 > b[1][0] for a, b in itertools.pairwise(scores))
    assert raw > 300
    assert len(events_of(play(decider(), scores))) <= 2


def test_two_labels_that_are_equally_likely_do_not_take_turns():
    rng = np.random.default_rng(0)
    draws = rng.uniform(0.38, 0.5, 2000)
    scores = [(0.05, [x, 0.88 - x, 0.12]) for x in draws]
    steps = play(decider(enter_score=0.4, min_duration_s=0, smoothing="none"), scores)
    assert sum((a < 0.44) != (b < 0.44) for a, b in itertools.pairwise(draws)) > 900
    raw_changes = len(events_of(steps))
    smooth = play(decider(enter_score=0.4), scores)
    assert len(events_of(smooth)) <= 2 < raw_changes


def test_another_label_takes_over_when_it_is_clearly_ahead():
    model = spec(0.4)
    close = [0.42, 0.5, 0.08]
    ahead = [0.40, 0.52, 0.08]
    believe_red = [(2, [0.6, 0.3, 0.1])]
    assert told(play(decider(model=model), [*believe_red, (3, close)], end=False)) == [
        ("entered", "red")
    ]
    assert told(play(decider(model=model), [*believe_red, (3, ahead)], end=False)) == [
        ("entered", "red"),
        ("left", "red"),
        ("entered", "green"),
    ]


def test_a_label_that_lost_to_several_in_turn_is_left_too():
    flicker = [(0.2, sure("green")), (0.2, sure("blue"))] * 5
    steps = play(decider(smoothing="none"), [(1, sure("red")), *flicker], end=False)
    assert told(steps) == [("entered", "red"), ("left", "red")]
    assert events_of(steps)[1].end == clock(0.95)
    assert steps[-1][1].is_unknown


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.7])
def test_without_a_threshold_of_the_model_a_label_is_entered_at_a_half(threshold):
    entered = {
        score: bool(told(play(decider(model=spec(threshold)), [(2, sure("red", score))])))
        for score in (0.45, 0.55, 0.75)
    }
    limit = threshold or 0.5
    assert entered == {score: score >= limit for score in entered}


def test_it_is_left_a_little_below_where_it_was_entered():
    def seen(score):
        return told(play(decider(), [(2, sure("red")), (3, sure("red", score))], end=False))

    assert seen(0.62) == [("entered", "red")]
    assert seen(0.58) == [("entered", "red"), ("left", "red")]


def test_a_low_threshold_leaves_room_below():
    script = [(2, [0.16, 0.01, 0.01]), (2, [0.08, 0.01, 0.01]), (2, [0.07, 0.01, 0.01])]
    steps = play(decider(model=spec(0.15), smoothing="none"), script, end=False)
    assert told(steps) == [("entered", "red"), ("left", "red")]
    assert events_of(steps)[1].end == clock(3.95)


def test_a_leave_score_above_the_models_own_threshold_is_refused():
    with pytest.raises(OptionError, match=r"--leave-score to be at most 0\.7"):
        decider(leave_score=0.8)


def test_unknown_is_a_state_without_events_even_if_a_class_is_called_so():
    model = spec(labels=("red", "unknown", "blue"))
    steps = play(decider(model=model), [(3, sure("green"))])  # the second class
    assert told(steps) == []
    assert steps[-2][1].is_unknown
    assert steps[-2][1].label == "unknown"


def test_groups_are_decided_by_their_own_labels():
    model = spec(groups=(Group(label="warm", members=(0,)), Group(label="cold", members=(1, 2))))
    one = prediction([0.05, 0.95], labels=("warm", "cold"))
    decide = decider(model=model)
    steps = [(t, *decide.decide(frame(t), one)) for t in (0.0, 0.3, 0.6)]
    assert told(steps) == [("entered", "cold")]


def test_held_is_the_time_since_the_decision_changed():
    steps = play(decider(smoothing="none"), [(1, sure(None)), (2, sure("red"))], end=False)
    for time_s, decision, _ in steps:
        since = 0.0 if decision.is_unknown else 1.5
        assert decision.held_s == pytest.approx(time_s - since)
    assert decision.label == "red"


def test_still_frames_do_not_outvote_what_was_seen():
    """A noisy frame before a still scene counts once, and not once for each still frame."""
    for smoothing in ("exponential", "majority"):
        decide = decider(smoothing=smoothing, window_s=1.0)
        steps = play(decide, [(3, sure("red"))], end=False)
        outlier = prediction(sure("green"))
        for i in range(200):
            steps.append((3 + i / 20, *decide.decide(frame(3 + i / 20), outlier)))
        assert told(steps) == [("entered", "red")]
        assert steps[-1][1].held_s > 12


def test_what_won_before_the_scene_went_still_is_entered_while_it_is():
    decide, one = decider(), prediction(sure("red"))
    steps = [(i / 20, *decide.decide(frame(i / 20), one)) for i in range(40)]
    assert told(steps) == [("entered", "red")]


def test_stale_frames_end_what_was_going_on_and_say_unknown():
    decide = decider()
    steps = play(decide, [(2, sure("red"))], end=False)
    for i in range(100):
        time_s = 2 + i / 20
        steps.append(
            (time_s, *decide.decide(frame(time_s, is_stale=True), prediction(sure("red"))))
        )
    assert told(steps) == [("entered", "red"), ("left", "red")]
    left = events_of(steps)[1]
    assert (left.ended_by, left.end) == ("source_lost", clock(1.95))
    assert steps[-1][1].is_unknown
    assert steps[-1][1].held_s == pytest.approx(4.95)
    steps += play(decide, [(1, sure("red"))], begin_s=7)
    assert told(steps)[2:] == [("entered", "red"), ("left", "red")]


@pytest.mark.parametrize("reason", ["source_lost", "stopped"])
def test_an_interruption_ends_what_goes_on_and_forgets_the_past(reason):
    decide = decider()
    play(decide, [(2, sure("red"))], end=False)
    (left,) = decide.interrupt(reason)
    assert (left.change, left.ended_by, left.end) == ("left", reason, clock(1.95))
    assert decide.interrupt(reason) == ()
    decision, events = decide.decide(frame(2.0), prediction(sure("green")))
    assert events == ()
    assert decision.is_unknown
    assert decision.score == pytest.approx(0.96)


def test_after_a_gap_the_scores_of_before_are_forgotten():
    decide = decider(window_s=0.5, min_duration_s=0)
    play(decide, [(2, sure("red"))], end=False)
    decision, events = decide.decide(frame(4.2), prediction(sure("green")))
    assert [event.label for event in events] == ["red", "green"]
    assert decision.score == pytest.approx(0.96)


def test_a_source_slower_than_every_window_is_still_decided():
    steps = play(decider(), [(60, sure("red")), (60, sure(None))], fps=0.1, end=False)
    assert told(steps) == [("entered", "red"), ("left", "red")]


def test_a_video_is_timed_by_its_own_clock_and_not_by_how_fast_it_is_read():
    decide, steps = decider(), []
    for i in range(100):
        read_at = frame(i / 1000, position_s=i / 10)
        steps.append(
            (i / 10, *decide.decide(read_at, prediction(sure("red" if i >= 50 else None))))
        )
    (entered,) = events_of(steps)
    assert entered.start == clock(5.2, within=0.4)
    assert steps[-1][1].held_s == pytest.approx(9.9 - 5.7, abs=0.4)


def test_a_clip_that_starts_over_does_not_turn_time_back():
    decide = decider()
    steps = [
        (i, *decide.decide(frame(i / 30, position_s=(i % 60) / 30), prediction(sure("red"))))
        for i in range(300)
    ]
    assert told(steps) == [("entered", "red")]
    assert steps[-1][1].held_s == pytest.approx(9, abs=0.5)


def test_a_wall_clock_that_jumps_changes_no_duration():
    decide, steps = decider(), []
    for i in range(100):
        jump = 365 * 86_400 if i >= 60 else 0
        at = frame(i / 20, captured_at=BEGIN + i / 20 - jump)
        steps.append((i, *decide.decide(at, prediction(sure("red" if i < 80 else None)))))
    entered, left = events_of(steps)
    assert left.start == entered.start == clock(0)
    assert 0 < left.end - left.start == pytest.approx(4.35, abs=0.1)


def test_ids_differ_from_stay_to_stay_and_from_run_to_run():
    script = [(2, sure("red")), (2, sure("green"))] * 3
    ids = [
        event.id
        for _ in range(3)
        for event in events_of(play(decider(), script))
        if event.change == "entered"
    ]
    assert len(ids) == len(set(ids)) == 18
    assert all(name.replace("-", "").isalnum() for name in ids)


def random_script(rng):
    for _ in range(rng.integers(5, 40)):
        label = rng.choice([*LABELS, ""]) or None
        yield rng.uniform(0.05, 3), sure(label, rng.uniform(0.3, 1.0))


@pytest.mark.parametrize("seed", range(60))
def test_whatever_comes_the_events_tell_one_story(seed):
    rng = np.random.default_rng(seed)
    minimum = float(rng.choice([0.0, 0.2, 0.5, 2.0]))
    settings = {
        "smoothing": str(rng.choice(KINDS)),
        "window_s": float(rng.uniform(0.05, 2)),
        "min_duration_s": minimum,
    }
    script, fps = list(random_script(rng)), float(rng.choice([2, 7, 30]))
    steps = play(decider(**settings), script, fps=fps)
    again = play(decider(**settings), script, fps=fps)
    assert told(steps) == told(again)
    assert [d for _, d, _ in steps] == [d for _, d, _ in again]
    check_story(steps, minimum)


def check_story(steps, minimum):
    present, last_end, entered_at = None, 0.0, -minimum
    for time_s, decision, events in steps:
        for event in events:
            if event.change == "entered":
                assert present is None
                assert event.start > last_end
                assert event.duration_s >= minimum - 1e-5
                assert time_s - entered_at >= minimum - 1e-5
                present, entered_at = event, time_s
            else:
                assert event.id == present.id
                assert event.start == present.start
                assert event.end >= event.start
                assert event.peak_score >= present.peak_score
                assert event.frames >= present.frames
                present, last_end = None, event.end
        if decision is not None:
            assert decision.label == ("unknown" if present is None else present.label)
            assert decision.is_unknown == (present is None)
            assert 0 <= decision.score <= 1
            assert decision.held_s >= 0
    assert present is None
