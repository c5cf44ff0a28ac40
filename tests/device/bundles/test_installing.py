import json
import os
import signal
import subprocess

import pytest
from edgecls_device.bundles.finding import find_installation
from edgecls_device.bundles.history import read_history
from edgecls_device.bundles.installation import Installation
from edgecls_device.bundles.outcome import Outcome
from edgecls_device.bundles.preparing import read_tuning
from edgecls_device.bundles.signing import fingerprint, public_key
from edgecls_device.bundles.state import State, read_state
from edgecls_device.bundles.trusting import trusted_keys
from edgecls_device.records import from_json

from tests.device.bundles.installable import installable, run_bundle, users_variables

HINT = "hint: "


@pytest.fixture(scope="module")
def installed(tmp_path_factory, keys):
    """A signed bundle, installed as a user would, and what was printed."""
    folder = tmp_path_factory.mktemp("installed")
    bundle = installable(folder / "tiny.edgecls", folder, release=3, key=keys[0])
    done = run_bundle(bundle, "--root", folder / "root", "--no-service", "--json")
    assert done.returncode == 0, done.stderr
    return bundle, Installation(folder / "root"), done


def refused(done, *, code=17):
    """Return what was printed if a bundle was refused in two lines, as it should be."""
    assert done.returncode == code, done.stderr
    assert not done.stdout
    *_, error, hint = done.stderr.splitlines()
    assert error.startswith("error: Expected ")
    assert hint.startswith(HINT)
    return f"{error}\n{hint}"


def test_it_prints_what_was_installed_as_json_and_progress_elsewhere(installed):
    _, installation, done = installed
    outcome = from_json(Outcome, done.stdout, name="the answer")
    assert (outcome.name, outcome.release, outcome.result) == ("tiny", 3, "installed")
    assert outcome.current_version == outcome.installed_version == installation.current_version()
    assert outcome.p50_ms > 0
    assert "Running it for a moment" in done.stderr
    assert "edgecls keep --root" in outcome.notes[-1]


def test_the_installation_is_whole_and_found_by_every_command(installed):
    _, installation, _ = installed
    assert find_installation(installation.root) == installation
    assert installation.current_version() == installation.confirmed_version()
    assert read_state(installation) == State(floor=3)
    assert [entry.what for entry in read_history(installation)] == ["installed"]
    tuning = read_tuning(installation.current)
    assert (installation.current / tuning.artifact).is_file()
    assert '\nsource = "0"\n' in installation.config.read_text()
    assert "edgecls-tiny" in installation.config.read_text()
    assert not list(installation.root.glob(".*"))


def test_others_can_read_what_they_need_and_nobody_else_the_data(installed):
    _, installation, _ = installed
    for path in (installation.root, installation.config, installation.current / "tuning.json"):
        assert path.stat().st_mode & 0o444 == 0o444
        assert not path.stat().st_mode & 0o022
    assert installation.data.stat().st_mode & 0o777 == 0o750


def test_the_environments_own_edgecls_works_without_the_checkout(installed):
    _, installation, _ = installed
    program = installation.confirmed / "environment/bin/edgecls"
    command = [program, "history", "--root", installation.root]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    assert "installed" in done.stdout


def test_what_the_service_imports_was_compiled_since_its_user_may_not_write_it(installed):
    _, installation, _ = installed
    site = next((installation.confirmed / "environment/lib").glob("python*/site-packages"))
    for name in (
        "edgecls/cli/run.py",
        "edgecls_device/web/server.py",
        "edgecls_device/sinks/mqtt.py",
    ):
        path = site / name
        assert list((path.parent / "__pycache__").glob(f"{path.stem}.*.pyc")), name


def test_its_signer_is_trusted_from_then_on(installed, keys):
    _, installation, done = installed
    assert trusted_keys(installation) == (public_key(keys[0]),)
    assert fingerprint(public_key(keys[0])) in done.stderr


def test_the_same_bundle_again_changes_nothing(installed):
    bundle, installation, _ = installed
    installation.config.write_text("# mine\n")
    done = run_bundle(bundle, "--root", installation.root, "--no-service", "--json")
    assert json.loads(done.stdout)["result"] == "same"
    assert installation.config.read_text() == "# mine\n"
    assert len(read_history(installation)) == 1


def test_a_bundle_of_another_key_is_refused(installed, tmp_path, keys):
    _, installation, _ = installed
    other = installable(tmp_path / "other.edgecls", tmp_path, release=4, key=keys[1])
    told = refused(run_bundle(other, "--root", installation.root, "--no-service"))
    assert "signed by a trusted key" in told
    unsigned = installable(tmp_path / "unsigned.edgecls", tmp_path, release=4)
    assert "unsigned" in refused(run_bundle(unsigned, "--root", installation.root, "--no-service"))


def test_a_key_that_must_have_signed_it_is_demanded_before_anything_is_written(tmp_path, keys):
    bundle = installable(tmp_path / "tiny.edgecls", tmp_path, key=keys[0])
    other = tmp_path / "other.pub"
    other.write_bytes(public_key(keys[1]))
    refused(run_bundle(bundle, "--root", tmp_path / "root", "--no-service", "--key", other))
    assert not (tmp_path / "root").exists()


def test_a_kill_while_it_is_tried_leaves_nothing_that_hinders_the_next_try(tmp_path):
    bundle = installable(tmp_path / "tiny.edgecls", tmp_path)
    options = ["--root", tmp_path / "root", "--no-service"]
    process = subprocess.Popen(
        ["python3", bundle, *options],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=users_variables(bundle),
    )
    for line in process.stderr:
        if line.startswith("Trying"):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stderr.close()
    installation = Installation(tmp_path / "root")
    assert installation.current_version() is None
    (installation.root / ".wheels-left").mkdir()
    done = run_bundle(bundle, *options)
    assert done.returncode == 0, done.stderr
    assert "is there already" in done.stderr  # the environment was whole
    assert installation.confirmed_version() is not None
    assert len(list(installation.versions.iterdir())) == 1
    assert not list(installation.root.glob(".*"))


def test_wrong_scores_leave_no_installation_and_no_trusted_key(tmp_path, keys):
    bundle = installable(tmp_path / "tiny.edgecls", tmp_path, off=0.3, key=keys[0])
    told = refused(run_bundle(bundle, "--root", tmp_path / "root", "--no-service"), code=18)
    assert "scores 0.3 off" in told
    installation = Installation(tmp_path / "root")
    assert not list(installation.versions.iterdir())
    assert trusted_keys(installation) == ()


def test_a_member_that_is_damaged_is_refused_wherever_it_is(tmp_path):
    bundle = installable(tmp_path / "tiny.edgecls", tmp_path)
    whole = bundle.read_bytes()
    for words in (b"set -eu", b"# How @NAME@ runs", b"golden-photos"):
        place = whole.index(words)
        bundle.write_bytes(whole[:place] + b"X" + whole[place + 1 :])
        refused(run_bundle(bundle, "--root", tmp_path / "root", "--no-service"))
    bundle.write_bytes(whole[: len(whole) // 2])
    done = run_bundle(bundle, "--root", tmp_path / "root", "--no-service")
    assert done.returncode != 0
    assert not Installation(tmp_path / "root").current.exists()


def test_a_root_that_cannot_be_written_is_refused(tmp_path):
    bundle = installable(tmp_path / "tiny.edgecls", tmp_path)
    (tmp_path / "file").touch()
    told = refused(run_bundle(bundle, "--root", tmp_path / "file/root", "--no-service"), code=8)
    assert "--root" in told
