from dataclasses import replace

import pytest
from edgecls_device.bundles.history import read_history
from edgecls_device.bundles.locks import changing
from edgecls_device.bundles.manifest import release_of
from edgecls_device.bundles.reading import open_bundle
from edgecls_device.bundles.rolling_back import roll_back
from edgecls_device.bundles.settling import confirm, settle
from edgecls_device.bundles.state import Trial, read_state, write_state
from edgecls_device.bundles.tuning import TUNING
from edgecls_device.errors import UpdateError

from tests.device.bundles.installed import install, put_version, tiny_bundle


@pytest.fixture
def installation(tmp_path):
    """Release 1, with release 2 on trial."""
    installation = install(tmp_path / "tiny", tiny_bundle(tmp_path / "1.edgecls", release=1))
    put_on_trial(installation, tiny_bundle(tmp_path / "2.edgecls", release=2))
    return installation


def put_on_trial(installation, path):
    with open_bundle(path) as bundle:
        version = put_version(installation, bundle)
    write_state(installation, replace(read_state(installation), trial=Trial(version=version)))
    installation.point(installation.current, version)


def releases(installation):
    links = (installation.current_version(), installation.confirmed_version())
    return tuple(map(release_of, links))


def test_the_version_that_was_confirmed_before_runs_again(installation):
    left = installation.current_version()
    confirm(installation, left)
    outcome = roll_back(installation)
    assert (outcome.result, outcome.release) == ("rolled-back", 1)
    assert outcome.notes == ("No service runs; it will start with this version.",)
    assert releases(installation) == (1, 1)
    state = read_state(installation)
    assert (state.failed, state.previous, state.trial) == ((left,), "", None)
    assert state.floor == 2
    last = read_history(installation)[-1]
    assert (last.what, last.name, last.reason) == ("rolled-back", left, "By hand, to release 1.")


def test_a_version_on_trial_is_given_up_for_the_confirmed_one(installation):
    outcome = roll_back(installation)
    assert (outcome.result, outcome.release) == ("rolled-back", 1)
    assert releases(installation) == (1, 1)
    assert read_state(installation).trial is None


def test_giving_up_a_trial_keeps_the_way_further_back(installation, tmp_path):
    confirm(installation, installation.current_version())
    put_on_trial(installation, tiny_bundle(tmp_path / "3.edgecls", release=3))
    roll_back(installation)
    assert releases(installation) == (2, 2)
    roll_back(installation)
    assert releases(installation) == (1, 1)


def test_what_there_is_not_cannot_be_gone_back_to(installation):
    roll_back(installation)
    with pytest.raises(UpdateError, match="Expected a version to go back to, got none"):
        roll_back(installation)
    assert releases(installation) == (1, 1)


def test_a_version_that_is_not_whole_is_not_gone_back_to(installation):
    confirm(installation, installation.current_version())
    (installation.version(read_state(installation).previous) / TUNING).unlink()
    with pytest.raises(UpdateError, match="it is not whole"):
        roll_back(installation)
    assert releases(installation) == (2, 2)


def test_nobody_goes_back_in_the_middle_of_an_update(installation):
    with changing(installation), pytest.raises(UpdateError, match="another update is going on"):
        roll_back(installation)


def test_the_keeper_finds_nothing_to_mend_after_it(installation):
    confirm(installation, installation.current_version())
    roll_back(installation)
    before = read_state(installation), read_history(installation)
    settle(installation)
    assert (read_state(installation), read_history(installation)) == before
    assert releases(installation) == (1, 1)
