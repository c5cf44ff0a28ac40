import json
import os
from dataclasses import replace

import pytest
from edgecls_device.bundles import service_unit
from edgecls_device.bundles.preparing import read_tuning
from edgecls_device.bundles.reading import open_bundle
from edgecls_device.bundles.state import State, Trial, write_state
from edgecls_device.doctor import installed as installed_checks
from edgecls_device.doctor.installed import check_installation
from edgecls_device.doctor.table import examine
from edgecls_device.records import to_json

from tests.command_line import edgecls
from tests.device.bundles.installed import install, model, put_version, tiny_bundle


@pytest.fixture
def installation(tmp_path):
    return install(tmp_path / "root", tiny_bundle(tmp_path / "tiny.edgecls", release=2))


def checks(installation):
    return {check.name: check for check in check_installation(installation)}


def test_a_good_installation_says_what_runs_and_that_it_gives_its_scores(installation):
    found = checks(installation)
    assert list(found) == ["bundle", "previous", "service", "update", "model"]
    assert "tiny, release 2 (000002-" in found["bundle"].found
    assert found["bundle"].state == found["update"].state == "ok"
    assert found["model"].state in {"ok", "note"}  # slower than 1.5 ms is worth a note
    assert found["model"].facts["samples"] == 4
    assert found["model"].facts["p50_ms"] > 0
    assert "none yet" in found["previous"].found


def test_a_version_on_trial_is_a_note_that_names_what_comes_back(installation, tmp_path):
    confirmed = installation.confirmed_version()
    with open_bundle(tiny_bundle(tmp_path / "new.edgecls", release=3)) as bundle:
        version = put_version(installation, bundle)
    installation.point(installation.current, version)
    write_state(installation, State(floor=2, trial=Trial(version=version)))
    found = checks(installation)
    assert found["bundle"].state == "note"
    assert confirmed in found["bundle"].found
    assert found["bundle"].facts["is_on_trial"]


def test_a_version_that_failed_and_one_to_go_back_to_are_named(installation):
    write_state(installation, State(floor=2, previous="000001-a", failed=("000003-b",)))
    found = checks(installation)["previous"]
    assert found.state == "note"
    assert "000001-a" in found.found
    assert "000003-b" in found.found


def test_a_model_that_gives_other_scores_now_is_a_problem(installation):
    path = installation.current / read_tuning(installation.current).artifact
    path.write_bytes(model(off=0.3))
    found = checks(installation)["model"]
    assert found.state == "problem"
    assert "0.3 off" in found.found
    assert not examine(installation=installation, checks={}).can_classify


def test_a_model_that_got_slow_is_a_note(installation):
    tuning = read_tuning(installation.current)
    quick = tuple(replace(one, p50_ms=1e-6) for one in tuning.candidates)
    (installation.current / "tuning.json").write_text(to_json(replace(tuning, candidates=quick)))
    found = checks(installation)["model"]
    assert found.state == "note"
    assert "when it was installed" in found.found


def test_an_installation_without_a_version_is_a_problem(installation):
    installation.current.unlink()
    (found,) = check_installation(installation)
    assert (found.name, found.state) == ("bundle", "problem")


@pytest.mark.parametrize(
    ("enabled", "active", "state"),
    [("enabled", "active", "ok"), ("disabled", "active", "note"), ("enabled", "failed", "problem")],
)
def test_systemd_is_asked_for_the_service(
    installation, tmp_path, monkeypatch, enabled, active, state
):
    program = tmp_path / "first" / "systemctl"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n[ $1 = is-enabled ] && echo {enabled} || echo {active}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(installed_checks, "has_systemd", lambda: True)
    found = checks(installation)["service"]
    assert found.state == state
    assert found.found == f"edgecls-tiny: {enabled}, {active}"
    assert service_unit.service_name("tiny") in found.hint or state == "ok"


def test_records_that_are_damaged_are_a_problem_of_their_own(installation):
    (installation.current / "manifest.json").write_text("{}")
    found = examine(installation=installation, checks={})
    assert [check.state for check in found.checks] == ["problem"]


def test_the_command_looks_at_the_installation_it_is_given(installation, capsys):
    assert edgecls("doctor", "--root", installation.root, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert {"bundle", "previous", "service", "update", "model"} <= {
        check["name"] for check in found["checks"]
    }


def test_the_command_finds_it_by_itself_where_the_variable_names_it(
    installation, capsys, monkeypatch
):
    monkeypatch.setenv("EDGECLS_ROOT", str(installation.root))
    assert edgecls("doctor") == 0
    assert "tiny, release 2" in capsys.readouterr().out


def test_a_directory_without_an_installation_is_refused(tmp_path, capsys):
    assert edgecls("doctor", "--root", tmp_path) == 2
    assert "Expected the directory of an installed bundle" in capsys.readouterr().err


def test_one_thing_at_a_time_is_looked_at(tmp_path, capsys):
    assert edgecls("doctor", "x.tflite", "--root", tmp_path) == 2
    assert "got both" in capsys.readouterr().err
