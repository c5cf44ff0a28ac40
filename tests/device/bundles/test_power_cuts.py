"""Row 25: the power is cut before file system calls of an update, of going back, of the keeper's verdicts.

The calls of an update before it switches are a sample; ``benchmarks/figures/update_power_cuts.py`` cuts before
every one, with the real acceptance.
"""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from edgecls_device.bundles import preparing
from edgecls_device.bundles.installation import Installation
from edgecls_device.bundles.reading import open_bundle
from edgecls_device.bundles.rolling_back import roll_back
from edgecls_device.bundles.settling import confirm, revert
from edgecls_device.bundles.state import Trial, read_state, write_state
from edgecls_device.bundles.updating import update
from edgecls_device.errors import UpdateError

from tests.device.bundles.accepting import accepted
from tests.device.bundles.installed import install, put_version, tiny_bundle
from tests.device.bundles.power_cuts import (
    calls_of,
    check_old_or_new,
    check_settled,
    copy,
    cut,
    unsynced,
)

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="needs the program strace")

QUICK = Path(__file__).parents[2] / "_apps" / "quick_acceptance.py"
SETTLING = "edgecls_device.bundles.settling"
FIND = "from edgecls_device.bundles.installation import Installation; from pathlib import Path; import sys"


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(preparing, "accept", accepted)


@pytest.fixture
def bundle(tmp_path):
    return tiny_bundle(tmp_path / "2.edgecls", release=2)


@pytest.fixture
def before(tmp_path):
    """Release 1, as it is before an update."""
    return install(tmp_path / "before", tiny_bundle(tmp_path / "1.edgecls", release=1))


@pytest.fixture
def on_trial(before, bundle):
    """Release 2 on trial beside release 1."""
    with open_bundle(bundle) as opened:
        version = put_version(before, opened)
    write_state(before, replace(read_state(before), trial=Trial(version=version, attempts=1)))
    before.point(before.current, version)
    return before


def names(installation):
    return {path.name for path in installation.versions.iterdir()}


def command(installation, what):
    """Call a function of the keeper for the version that runs."""
    code = f"{FIND}; from {SETTLING} import confirm, revert; i = Installation(Path(sys.argv[1])); {what}"
    return [sys.executable, "-c", code, installation.root]


def calls_within(installation, program, tmp_path):
    for _ in range(2):  # the first time modules may be compiled
        root = copy(installation.root, tmp_path / "tried")
        calls = calls_of(program(Installation(root)), tmp_path / "trace")
    assert len(calls) > 5
    return calls


def sweep(installation, program, calls, tmp_path, versions, *, again):
    """Cut before each of these calls, in a copy of its own, and see that all is well."""
    root, trace, cuts = tmp_path / "tried", tmp_path / "trace", 0
    for call in calls:
        tried = Installation(copy(installation.root, root))
        cuts += cut(program(tried), call, trace)
        check_old_or_new(tried, versions)
        check_settled(tried, versions)
        again(tried)
        check_settled(tried, versions)
    assert cuts > 0.8 * len(calls)


@pytest.mark.parametrize("part", range(3))
def test_a_power_cut_in_an_update_leaves_the_old_or_the_new_version(before, bundle, tmp_path, part):
    def program(tried):
        return [sys.executable, QUICK, "update", bundle, "--root", tried.root]

    def again(tried):
        outcome = update(bundle, tried, say=lambda line: None)
        assert outcome.result == "pending"
        assert tried.current_version() == new

    calls = calls_within(before, program, tmp_path)
    with open_bundle(bundle) as opened:
        new = opened.version_name
    where = next(i for i, call in enumerate(calls) if "history.jsonl" in call.text)
    spaced = calls[:where:3]
    versions = {before.current_version(), new}
    chosen = (spaced + calls[where:])[part::3]
    sweep(before, program, chosen, tmp_path, versions, again=again)


def test_all_of_a_new_version_is_synced_before_anything_names_it(before, bundle, tmp_path):
    root = copy(before.root, tmp_path / "tried")
    trace = tmp_path / "trace"
    calls_of([sys.executable, QUICK, "update", bundle, "--root", root], trace)
    found, dirty = unsynced(trace, root)
    shown = [name for name, _ in found]
    assert "current" not in shown
    assert "state.json" not in shown
    assert dirty <= {root / "update.lock", root / "switch.lock"}


def test_a_missing_sync_would_be_noticed(before, bundle, tmp_path):
    """Without one call of fsync in the trace, the test above would not hold."""
    root = copy(before.root, tmp_path / "tried")
    trace = tmp_path / "trace"
    calls_of([sys.executable, QUICK, "update", bundle, "--root", root], trace)
    lines = trace.read_text().splitlines()
    model = next(i for i, line in enumerate(lines) if "fsync" in line and ".int8." in line)
    trace.write_text("\n".join(lines[:model] + lines[model + 1 :]))
    found, _ = unsynced(trace, root)
    assert "current" in [name for name, _ in found]


@pytest.mark.parametrize("part", range(2))
def test_a_power_cut_while_going_back_leaves_one_of_both(on_trial, tmp_path, part):
    new = on_trial.current_version()
    confirm(on_trial, new)

    def program(tried):
        return [sys.executable, "-m", "edgecls", "rollback", "--root", tried.root]

    def again(tried):
        if tried.current_version() == new:
            roll_back(tried)
        else:
            with pytest.raises(UpdateError, match="got none"):
                roll_back(tried)
        assert tried.current_version() == tried.confirmed_version() != new

    calls = calls_within(on_trial, program, tmp_path)
    sweep(on_trial, program, calls[part::2], tmp_path, names(on_trial), again=again)


@pytest.mark.parametrize("what", ["confirm", "revert"])
def test_a_power_cut_in_a_verdict_leaves_one_of_both(on_trial, tmp_path, what):
    arguments = "i, i.current_version()" + (", 'It saw nothing.'" if what == "revert" else "")
    version = on_trial.current_version()

    def program(tried):
        return command(tried, f"{what}({arguments})")

    def again(tried):
        if tried.is_on_trial():
            if what == "confirm":
                confirm(tried, version)
            else:
                revert(tried, version, "It saw nothing.")
        is_new = tried.current_version() == version
        assert tried.current_version() == tried.confirmed_version()
        assert is_new == (what == "confirm")

    calls = calls_within(on_trial, program, tmp_path)
    sweep(on_trial, program, calls, tmp_path, names(on_trial), again=again)
