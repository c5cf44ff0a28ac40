"""The steps between versions, cut off after each of their writes and finished at the next start."""

import threading

import pytest
from edgecls_device.bundles import settling
from edgecls_device.bundles.history import read_history
from edgecls_device.bundles.installation import Installation
from edgecls_device.bundles.locks import switching
from edgecls_device.bundles.settling import begin_attempt, confirm, fall_back, revert, settle
from edgecls_device.bundles.state import State, Trial, read_state, write_state
from edgecls_device.errors import SpecError, StorageError

from tests.device.bundles.kept import (
    NEW,
    NEWER,
    OLD,
    make_installation,
    make_version,
    put_on_trial,
    reason,
    told,
)


class PowerCut(BaseException):
    """No handler sees it."""


@pytest.fixture
def installation(tmp_path):
    return make_installation(tmp_path / "pets")


@pytest.fixture
def on_trial(installation):
    put_on_trial(installation, NEW, "work")
    begin_attempt(installation, NEW)
    return installation


@pytest.fixture
def confirmed(on_trial):
    assert confirm(on_trial, NEW)
    return on_trial


@pytest.fixture
def cut_after(monkeypatch):
    """Let the power be cut before the n-th write of what follows; return whether it came to that."""

    def after(writes, act):
        left = [writes]

        def counted(write):
            def may_write(*args, **options):
                if left[0] == 0:
                    raise PowerCut
                left[0] -= 1
                return write(*args, **options)

            return may_write

        with monkeypatch.context() as patch:
            patch.setattr(settling, "write_state", counted(settling.write_state))
            patch.setattr(settling, "remember", counted(settling.remember))
            patch.setattr(Installation, "point", counted(Installation.point))
            try:
                act()
            except PowerCut:
                return True
        return False

    return after


def links(installation):
    return installation.current_version(), installation.confirmed_version()


def test_what_is_as_it_should_be_is_left_as_it_is(installation):
    before = {path: path.read_bytes() for path in installation.root.glob("*.json*")}
    settle(installation)
    assert {path: path.read_bytes() for path in installation.root.glob("*.json*")} == before
    assert links(installation) == (OLD, OLD)


def test_a_trial_goes_on_and_its_attempts_are_counted_before_the_start(on_trial):
    settle(on_trial)
    assert links(on_trial) == (NEW, OLD)
    assert begin_attempt(on_trial, NEW) == 2
    assert read_state(on_trial).trial == Trial(version=NEW, attempts=2)


def test_a_trial_that_was_never_begun_is_left_to_the_update_that_may_be_about_to(installation):
    state = State(floor=1, trial=Trial(version=NEW))
    write_state(installation, state)
    settle(installation)
    assert read_state(installation) == state


def test_a_confirmed_version_raises_the_floor_and_remembers_the_one_before(confirmed):
    assert links(confirmed) == (NEW, NEW)
    assert read_state(confirmed) == State(floor=2, previous=OLD)
    assert told(confirmed, NEW) == ["trial", "confirmed"]


@pytest.mark.parametrize("writes", range(4))
def test_confirming_is_finished_after_a_power_cut(on_trial, cut_after, writes):
    was_cut = cut_after(writes, lambda: confirm(on_trial, NEW))
    assert was_cut == (writes < 3)
    settle(on_trial)
    if writes == 0:
        assert links(on_trial) == (NEW, OLD)
        assert confirm(on_trial, NEW)
    assert links(on_trial) == (NEW, NEW)
    assert read_state(on_trial) == State(floor=2, previous=OLD)
    assert told(on_trial, NEW) == ["trial", "confirmed"]


@pytest.mark.parametrize("writes", range(4))
def test_reverting_is_finished_after_a_power_cut(on_trial, cut_after, writes):
    was_cut = cut_after(writes, lambda: revert(on_trial, NEW, "It crashed."))
    assert was_cut == (writes < 3)
    settle(on_trial)
    if writes == 0:
        assert links(on_trial) == (NEW, OLD)
        assert revert(on_trial, NEW, "It crashed.")
    assert links(on_trial) == (OLD, OLD)
    assert read_state(on_trial) == State(floor=1, failed=(NEW,))
    assert told(on_trial, NEW) == ["trial", "reverted"]
    assert reason(on_trial, NEW) == (settling.CUT_SHORT if 0 < writes < 3 else "It crashed.")


@pytest.mark.parametrize("writes", range(6))
def test_falling_back_is_finished_after_a_power_cut_or_begun_again(confirmed, cut_after, writes):
    was_cut = cut_after(writes, lambda: fall_back(confirmed, NEW, "It crashed."))
    assert was_cut == (writes < 5)
    settle(confirmed)
    if writes == 0:
        assert links(confirmed) == (NEW, NEW)
        assert fall_back(confirmed, NEW, "It crashed.") == OLD
    assert links(confirmed) == (OLD, OLD)
    state = read_state(confirmed)
    assert (state.failed, state.floor, state.trial) == ((NEW,), 2, None)
    assert told(confirmed, NEW) == ["trial", "confirmed", "reverted"]
    assert fall_back(confirmed, OLD, "It crashed too.") is None


@pytest.mark.parametrize("cut", ["confirm", "revert"])
@pytest.mark.parametrize("first", range(1, 3))
@pytest.mark.parametrize("second", range(3))
def test_a_power_cut_while_that_is_finished_is_finished_too(
    on_trial, cut_after, cut, first, second
):
    if cut == "confirm":
        cut_after(first, lambda: confirm(on_trial, NEW))
    else:
        cut_after(first, lambda: revert(on_trial, NEW, "It crashed."))
    cut_after(second, lambda: settle(on_trial))
    settle(on_trial)
    version, what = (NEW, "confirmed") if cut == "confirm" else (OLD, "reverted")
    assert links(on_trial) == (version, version)
    assert read_state(on_trial).trial is None
    assert told(on_trial, NEW) == ["trial", what]


def test_a_switch_that_nobody_explained_is_a_trial(installation):
    make_version(installation, NEW, ["work"])
    installation.point(installation.current, NEW)
    settle(installation)
    assert read_state(installation).trial == Trial(version=NEW)


def test_a_version_that_failed_and_is_named_all_the_same_is_left(installation):
    make_version(installation, NEW, ["work"])
    write_state(installation, State(floor=1, failed=(NEW,)))
    installation.point(installation.current, NEW)
    settle(installation)
    assert links(installation) == (OLD, OLD)


def test_a_version_on_trial_that_is_not_whole_is_left(on_trial):
    (on_trial.version(NEW) / "tuning.json").unlink()
    settle(on_trial)
    assert links(on_trial) == (OLD, OLD)
    assert reason(on_trial, NEW) == "Its files are not whole."


def test_a_link_that_is_gone_or_names_nothing_is_mended_by_the_other(installation):
    installation.current.unlink()
    settle(installation)
    assert links(installation) == (OLD, OLD)
    installation.point(installation.confirmed, NEWER)
    settle(installation)
    assert links(installation) == (OLD, OLD)


@pytest.mark.parametrize("damage", ["no links", "no files"])
def test_without_any_whole_version_it_says_what_to_do(installation, damage):
    if damage == "no links":
        installation.current.unlink()
        installation.confirmed.unlink()
    else:
        (installation.version(OLD) / "tuning.json").unlink()
    with pytest.raises(StorageError, match="Expected an installed version in") as caught:
        settle(installation)
    assert f"sudo python3 BUNDLE --root {installation.root}" in caught.value.hint


def test_a_damaged_state_is_said_and_a_damaged_history_does_no_harm(installation):
    installation.history.write_text('{"kind": "something else"}\n')
    settle(installation)
    with pytest.raises(SpecError):
        read_history(installation)
    installation.state.write_text("{}")
    with pytest.raises(SpecError, match=r"state\.json"):
        settle(installation)


@pytest.mark.parametrize("step", [confirm, lambda *args: revert(*args, "It crashed.")])
def test_whoever_comes_too_late_changes_nothing(on_trial, step):
    put_on_trial(on_trial, NEWER, "work")
    before = read_state(on_trial)
    assert not step(on_trial, NEW)
    assert links(on_trial) == (NEWER, OLD)
    assert read_state(on_trial) == before
    assert fall_back(on_trial, OLD, "It crashed.") == NEWER


def test_a_step_waits_for_an_update_that_switches(on_trial):
    thread = threading.Thread(target=confirm, args=(on_trial, NEW))
    with switching(on_trial):
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
        assert links(on_trial) == (NEW, OLD)
    thread.join()
    assert links(on_trial) == (NEW, NEW)


def test_a_version_that_failed_and_has_none_before_it_is_kept(confirmed):
    write_state(confirmed, State(floor=2, failed=(NEW,)))
    settle(confirmed)
    assert links(confirmed) == (NEW, NEW)
    assert read_state(confirmed) == State(floor=2)


def test_there_is_no_falling_back_to_what_is_not_whole(confirmed):
    (confirmed.version(OLD) / "tuning.json").unlink()
    assert fall_back(confirmed, NEW, "It crashed.") is None
    assert links(confirmed) == (NEW, NEW)
