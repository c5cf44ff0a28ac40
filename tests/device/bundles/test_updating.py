import fcntl
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from edgecls_device.bundles import preparing, verdict
from edgecls_device.bundles.history import read_history, remember
from edgecls_device.bundles.locks import changing
from edgecls_device.bundles.manifest import TargetFacts, release_of
from edgecls_device.bundles.reading import open_bundle
from edgecls_device.bundles.signing import new_key, public_key
from edgecls_device.bundles.state import read_state, write_state
from edgecls_device.bundles.trusting import trust_key
from edgecls_device.bundles.updating import update
from edgecls_device.errors import (
    BundleError,
    InterruptedRunError,
    StorageError,
    UpdateError,
)

from tests.device.bundles.accepting import accepted
from tests.device.bundles.installed import contents_of, install, tiny_bundle
from tests.device.bundles.made import TARGET
from tests.device.sinks.disks import small_disk  # noqa: F401  # a fixture


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(preparing, "accept", accepted)
    monkeypatch.setattr(verdict, "LOOKS_EVERY_S", 0.01)


@pytest.fixture
def _no_spare(monkeypatch):
    monkeypatch.setattr(preparing, "SPARE_BYTES", -(10**9))


@pytest.fixture
def bundle(tmp_path):
    """Write a bundle of a release."""

    def make(release, **changes):
        return tiny_bundle(tmp_path / f"{release}.edgecls", release=release, **changes)

    return make


@pytest.fixture
def installation(tmp_path, bundle):
    """Release 5, installed unsigned."""
    return install(tmp_path / "tiny", bundle(5))


@pytest.fixture
def says(tmp_path, monkeypatch):
    """Let systemd say something of the service."""

    def say(text):
        program = tmp_path / "bin" / "systemctl"
        program.parent.mkdir(exist_ok=True)
        program.write_text(
            f'#!/bin/sh\ncase "$*" in *StatusText*edgecls-tiny) echo "{text}" ;; esac\n'
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")

    return say


def confirm(installation):
    """Do what the keeper does with a version that is good."""
    version, before = installation.current_version(), installation.confirmed_version()
    state = read_state(installation)
    floor = max(state.floor, release_of(version))
    write_state(installation, replaced(state, floor=floor, previous=before, trial=None))
    installation.point(installation.confirmed, version)
    remember(installation, "confirmed", name=version, release=release_of(version))


def revert(installation):
    """Do what the keeper does with a version that is bad."""
    version = installation.current_version()
    state = read_state(installation)
    write_state(installation, replaced(state, failed=(*state.failed, version), trial=None))
    installation.point(installation.current, installation.confirmed_version())
    release = release_of(version)
    remember(installation, "reverted", name=version, release=release, reason="It saw nothing.")


def replaced(state, **changes):
    return type(state)(**{name: getattr(state, name) for name in state.__slots__} | changes)


@contextmanager
def keeper(installation, decide):
    """Hold the keeper's lock, and decide as soon as a version is on trial."""
    is_over = threading.Event()

    def watch():
        while not is_over.wait(0.01):
            if installation.is_on_trial():
                decide(installation)

    with installation.keeper_lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()


def updated(installation, path, *, decide=confirm, **options):
    said = []
    with keeper(installation, decide):
        return update(path, installation, say=said.append, **options), said


def refused(installation, path, kind, match, **options):
    """Expect a refusal that changes nothing; return its hint."""
    before = contents_of(installation.root)
    with pytest.raises(kind, match=match) as error:
        update(path, installation, say=lambda line: None, **options)
    after = contents_of(installation.root)
    for lock in ("update.lock", "switch.lock"):
        after.pop(lock, None)
        before.pop(lock, None)
    assert after == before
    return error.value.hint


def name_of(path):
    with open_bundle(path) as opened:
        return opened.version_name


def test_a_version_that_passes_its_trial_runs_and_the_one_before_stays(installation, bundle):
    before = installation.current_version()
    outcome, said = updated(installation, bundle(6))
    assert outcome.result == "confirmed"
    assert outcome.release == 6
    assert outcome.current_version == outcome.installed_version == name_of(bundle(6))
    assert (outcome.threads, outcome.p50_ms) == (1, 1.5)
    assert read_state(installation).previous == before
    assert installation.version(before).is_dir()
    assert [entry.what for entry in read_history(installation)] == [
        "installed",
        "trial",
        "confirmed",
    ]
    assert "Release 6 is on trial ..." in said


def test_a_version_that_fails_leaves_the_one_before_and_says_why(installation, bundle):
    before = installation.current_version()
    outcome, _ = updated(installation, bundle(6), decide=revert)
    assert (outcome.result, outcome.reason) == ("reverted", "It saw nothing.")
    assert outcome.current_version == installation.confirmed_version() == before
    assert read_state(installation).floor == 5


def test_what_failed_before_is_tried_only_again(installation, bundle):
    updated(installation, bundle(6), decide=revert)
    hint = refused(installation, bundle(6), UpdateError, "did not fail here before")
    assert "--again" in hint
    outcome, _ = updated(installation, bundle(6), decide=revert, again=True)
    assert outcome.result == "reverted"
    assert read_state(installation).failed == (name_of(bundle(6)),)
    outcome, _ = updated(installation, bundle(6), again=True)
    assert outcome.result == "confirmed"
    assert read_state(installation).failed == ()


def test_without_a_service_the_trial_waits_for_it(installation, bundle):
    outcome = update(bundle(6), installation, say=lambda line: None)
    assert outcome.result == "pending"
    assert installation.is_on_trial()
    assert read_state(installation).trial.version == name_of(bundle(6))
    assert read_state(installation).floor == 5


def test_the_same_bundle_again_while_it_is_on_trial_waits_with_the_first(installation, bundle):
    update(bundle(6), installation, say=lambda line: None)
    outcome, _ = updated(installation, bundle(6))
    assert outcome.result == "confirmed"
    assert [entry.what for entry in read_history(installation)].count("trial") == 1


def test_another_bundle_must_wait_while_a_version_is_on_trial(installation, bundle):
    update(bundle(6), installation, say=lambda line: None)
    with keeper(installation, lambda installation: None):
        refused(installation, bundle(7), UpdateError, "Expected no trial that goes on")


def test_a_version_whose_trial_never_began_makes_way_for_another(installation, bundle):
    update(bundle(6), installation, say=lambda line: None)
    outcome = update(bundle(7), installation, say=lambda line: None)
    assert (outcome.result, outcome.release) == ("pending", 7)
    assert read_state(installation).trial.version == installation.current_version()
    assert release_of(installation.confirmed_version()) == 5


def test_the_confirmed_bundle_is_not_unpacked_over_itself_during_a_trial(installation, bundle):
    update(bundle(6), installation, say=lambda line: None)
    hint = refused(installation, bundle(5), UpdateError, "Expected another version")
    assert "rollback" in hint


def test_the_bundle_that_runs_already_changes_nothing(installation, bundle):
    before = contents_of(installation.root)
    outcome = update(bundle(5), installation, say=lambda line: None)
    assert outcome.result == "same"
    after = contents_of(installation.root)
    assert set(after) - set(before) == {"update.lock"}
    assert {name: after[name] for name in before} == before


def test_a_downgrade_is_refused(installation, bundle):
    hint = refused(installation, bundle(4), UpdateError, "Expected release 5 or a later one, got")
    assert "edgecls rollback" in hint


def test_a_release_that_was_confirmed_once_stays_the_lowest_even_after_going_back(
    installation, bundle
):
    write_state(installation, replaced(read_state(installation), floor=9))
    refused(installation, bundle(8), UpdateError, "Expected release 9 or a later one")


def test_other_content_of_the_same_release_is_refused(installation, tmp_path):
    other = tiny_bundle(tmp_path / "other.edgecls", release=5, more={"NOTES.txt": b"new"})
    hint = refused(installation, other, UpdateError, "got other content")
    assert hint.endswith("--release 6")


def test_other_content_of_a_release_that_failed_is_refused_too(installation, bundle, tmp_path):
    updated(installation, bundle(6), decide=revert)
    other = tiny_bundle(tmp_path / "other.edgecls", release=6, more={"NOTES.txt": b"new"})
    refused(installation, other, UpdateError, "got other content", again=True)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"name": "birds"}, "Expected a bundle of 'tiny'.*got one of 'birds'"),
        ({"target": "trixie64"}, "Expected a bundle for 'bookworm64'.*got one for 'trixie64'"),
    ],
)
def test_a_bundle_for_something_else_is_refused(installation, bundle, changes, match):
    if "target" in changes:
        facts = {name: getattr(TARGET, name) for name in TARGET.__slots__}
        changes = {"target": TargetFacts(**facts | {"name": changes["target"]})}
    refused(installation, bundle(6, **changes), BundleError, match)


def test_a_bundle_for_another_architecture_is_refused(installation, bundle):
    facts = {name: getattr(TARGET, name) for name in TARGET.__slots__}
    other = TargetFacts(**facts | {"architecture": "armhf"})
    refused(installation, bundle(6, target=other), BundleError, "for the architecture 'arm64'")


def test_a_cut_off_bundle_is_refused_at_every_length(installation, bundle, tmp_path):
    data = bundle(6).read_bytes()
    for cut in range(0, len(data), max(1, len(data) // 64)):
        path = tmp_path / "cut.edgecls"
        path.write_bytes(data[:cut])
        refused(installation, path, BundleError, "Expected")


def test_a_flipped_bit_anywhere_in_a_bundle_is_refused(installation, bundle, tmp_path):
    data = bytearray(bundle(6).read_bytes())
    for place in range(0, len(data), max(1, len(data) // 64)):
        flipped = bytearray(data)
        flipped[place] ^= 1 << place % 8
        path = tmp_path / "flipped.edgecls"
        path.write_bytes(flipped)
        refused(installation, path, BundleError, "Expected")


def test_a_bundle_that_is_not_there_is_said_to_be_missing(installation, tmp_path):
    refused(installation, tmp_path / "missing.edgecls", StorageError, "No such file")


def test_where_a_key_is_trusted_others_and_none_are_refused(tmp_path, bundle):
    ours, other = tmp_path / "ours", tmp_path / "other"
    new_key(ours), new_key(other)
    installation = install(tmp_path / "tiny", bundle(5, key=ours))
    trust_key(installation, public_key(ours))
    refused(installation, bundle(6), BundleError, "which is unsigned")
    refused(
        installation, bundle(6, key=other), BundleError, "Expected a bundle signed by a trusted"
    )
    outcome, _ = updated(installation, bundle(6, key=ours))
    assert outcome.result == "confirmed"
    assert outcome.notes == ()


def test_an_unsigned_bundle_is_taken_where_no_key_is_trusted_and_warned_of(installation, bundle):
    outcome, said = updated(installation, bundle(6))
    assert "not signed" in outcome.notes[0]
    assert any(line.startswith("Warning: ") for line in said)


def test_the_first_signed_bundle_is_the_last_that_may_have_any_key(installation, bundle, tmp_path):
    new_key(tmp_path / "key")
    updated(installation, bundle(6, key=tmp_path / "key"))
    assert len(list(installation.trusted.glob("*.pem"))) == 1
    refused(installation, bundle(7), BundleError, "which is unsigned")


def test_a_key_is_not_trusted_for_a_bundle_that_is_refused(installation, bundle, tmp_path):
    new_key(tmp_path / "key")
    refused(installation, bundle(4, key=tmp_path / "key"), UpdateError, "or a later one")


def test_a_model_that_fails_here_is_refused_and_remembered(installation, bundle, monkeypatch):
    def none(version, manifest, say):
        message = "Expected a model file that gives the right\n  scores here, got none."
        raise UpdateError(message)

    monkeypatch.setattr(preparing, "accept", none)
    before = installation.current_version()
    with pytest.raises(UpdateError, match="Expected a model file"):
        update(bundle(6), installation, say=lambda line: None)
    assert installation.current_version() == installation.confirmed_version() == before
    assert not installation.version(name_of(bundle(6))).exists()
    last = read_history(installation)[-1]
    assert (last.what, last.release) == ("refused", 6)
    assert last.reason == "Expected a model file that gives the right scores here, got none."


def test_two_updates_do_not_go_on_at_once(installation, bundle):
    with changing(installation):
        refused(installation, bundle(6), UpdateError, "another update is going on")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_who_may_not_write_is_told_of_sudo(installation, bundle):
    installation.root.chmod(0o500)
    hint = refused(installation, bundle(6), StorageError, "Cannot change the installation")
    assert "sudo" in hint
    installation.root.chmod(0o700)


def test_a_disk_without_room_refuses_an_update_and_the_old_version_stays(small_disk, tmp_path):  # noqa: F811
    installation = install(small_disk / "tiny", tiny_bundle(tmp_path / "1.edgecls", release=1))
    big = tiny_bundle(tmp_path / "2.edgecls", release=2, more={"NOTES.txt": bytes(900_000)})
    hint = refused(installation, big, StorageError, r"Expected \d+ MB")
    assert "free" in hint


@pytest.mark.usefixtures("_no_spare")
def test_a_disk_that_fills_while_unpacking_leaves_the_old_version(small_disk, tmp_path):  # noqa: F811
    installation = install(small_disk / "tiny", tiny_bundle(tmp_path / "1.edgecls", release=1))
    before = installation.current_version()
    big = tiny_bundle(tmp_path / "2.edgecls", release=2, more={"NOTES.txt": bytes(2_000_000)})
    with pytest.raises(StorageError, match="No space left"):
        update(big, installation, say=lambda line: None)
    assert installation.current_version() == installation.confirmed_version() == before
    assert [path.name for path in installation.versions.iterdir()] == [before]


def test_what_changed_meanwhile_is_not_switched(installation, bundle, monkeypatch):
    other = "000005-ffffffffffff"

    def meanwhile(version, manifest, say):
        installation.point(installation.current, other)
        installation.point(installation.confirmed, other)
        return accepted(version, manifest, say)

    monkeypatch.setattr(preparing, "accept", meanwhile)
    with pytest.raises(UpdateError, match=f"got {other} since the update began"):
        update(bundle(6), installation, say=lambda line: None)
    assert installation.current_version() == other


def test_ctrl_c_while_waiting_leaves_the_trial_to_the_keeper(installation, bundle):
    signals = iter([signal.SIGINT])

    def interrupt(installation):
        for number in signals:
            os.kill(os.getpid(), number)

    with pytest.raises(InterruptedRunError, match="the trial goes on"):
        updated(installation, bundle(6), decide=interrupt)
    assert installation.current_version() == name_of(bundle(6))
    assert installation.is_on_trial()


def test_how_a_trial_goes_is_told_while_it_goes(installation, bundle, monkeypatch, says):
    monkeypatch.setattr(verdict, "LONGEST_S", 0.5)
    monkeypatch.setattr(verdict, "SAYS_EVERY_S", 0.1)
    says("000006-52b1d136af27 on trial: ready: red, 30.0 frames a second, 7 results")
    _, said = updated(installation, bundle(6), decide=lambda installation: None)
    assert "  on trial for 0 s: ready: red, 30.0 frames a second, 7 results" in said


def test_a_keeper_that_never_decides_is_not_waited_for_for_ever(installation, bundle, monkeypatch):
    monkeypatch.setattr(verdict, "LONGEST_S", 0.3)
    monkeypatch.setattr(verdict, "SAYS_EVERY_S", 0.1)
    outcome, said = updated(installation, bundle(6), decide=lambda installation: None)
    assert outcome.result == "pending"
    assert "  on trial for 0 s" in said


def test_an_update_waits_until_there_are_frames_for_its_trial(installation, bundle, says):
    lost = "000005-52b1d136af27: source_lost: The camera was unplugged."
    says(lost)
    with keeper(installation, confirm):
        hint = refused(installation, bundle(6), UpdateError, f"as a trial needs them, got {lost}")
    assert "--again" in hint
    assert updated(installation, bundle(6), again=True)[0].result == "confirmed"
    says("000006-52b1d136af27: ready: red, 30.0 frames a second, 900 results")
    assert updated(installation, bundle(7))[0].result == "confirmed"


def test_an_installation_without_a_version_is_installed_and_not_updated(tmp_path, bundle):
    installation = install(tmp_path / "tiny", bundle(5))
    installation.current.unlink()
    with pytest.raises(UpdateError, match="Expected an installed version"):
        update(bundle(6), installation, say=lambda line: None)


def test_updating_needs_the_standard_library_only():
    code = "import edgecls_device.bundles.updating, edgecls_device.bundles.rolling_back"
    device = Path(__file__).parents[3] / "device"
    variables = {**os.environ, "PYTHONPATH": str(device)}
    subprocess.run([sys.executable, "-S", "-c", code], check=True, env=variables)
