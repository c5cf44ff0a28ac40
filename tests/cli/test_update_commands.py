"""``edgecls update``, ``rollback`` and ``history`` as they are typed on a device, without a service."""

import json

import pytest
from edgecls_device.bundles import preparing, updating
from edgecls_device.bundles.settling import confirm
from edgecls_device.bundles.verdict import Verdict

from tests.command_line import edgecls
from tests.device.bundles.accepting import accepted
from tests.device.bundles.installed import install, tiny_bundle


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(preparing, "accept", accepted)


@pytest.fixture
def root(tmp_path):
    return install(tmp_path / "tiny", tiny_bundle(tmp_path / "1.edgecls", release=1)).root


@pytest.fixture
def bundle(tmp_path):
    return tiny_bundle(tmp_path / "2.edgecls", release=2)


@pytest.fixture
def judged(monkeypatch):
    """Let the keeper say something, at once."""

    def say(result, reason=""):
        def verdict(installation, version, *, name, say):
            if result == "confirmed":
                confirm(installation, version)
            return Verdict(result=result, reason=reason)

        monkeypatch.setattr(updating, "wait_for_verdict", verdict)

    return say


def test_an_update_says_what_runs_now(root, bundle, judged, capsys):
    judged("confirmed")
    assert edgecls("update", bundle, "--root", root) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Updated: release 2 passed its trial and runs now: tiny.int8.")
    assert "Release 2 is on trial ..." in err
    assert edgecls("update", bundle, "--root", root) == 0
    assert capsys.readouterr().out == "Nothing to do: release 2 runs already.\n"


def test_a_version_that_does_not_hold_is_exit_code_18_with_the_reason_and_a_record(
    root, bundle, judged, capsys
):
    judged("reverted", "It crashed (segmentation fault).")
    assert edgecls("update", bundle, "--root", root, "--json") == 18
    out, err = capsys.readouterr()
    record = json.loads(out)
    assert (record["result"], record["reason"]) == ("reverted", "It crashed (segmentation fault).")
    assert "error: Expected release 2 to pass its trial, got: It crashed" in err
    assert "--again" in err.splitlines()[-1]


def test_a_refusal_has_its_exit_code_and_a_hint(root, tmp_path, capsys):
    broken = tmp_path / "broken.edgecls"
    broken.write_bytes(b"PK")
    assert edgecls("update", broken, "--root", root) == 17
    old = tiny_bundle(tmp_path / "1b.edgecls", release=1, more={"NOTES.txt": b"x"})
    assert edgecls("update", old, "--root", root) == 18
    assert capsys.readouterr().err.count("hint: ") == 2


def test_rollback_says_where_it_went_to(root, bundle, judged, capsys):
    judged("confirmed")
    edgecls("update", bundle, "--root", root)
    capsys.readouterr()
    assert edgecls("rollback", "--root", root) == 0
    assert capsys.readouterr().out.startswith("Back to release 1 of tiny: 000001-")
    assert edgecls("rollback", "--root", root) == 18


def test_rollback_as_a_record(root, bundle, judged, capsys):
    judged("confirmed")
    edgecls("update", bundle, "--root", root)
    capsys.readouterr()
    assert edgecls("rollback", "--root", root, "--json") == 0
    assert json.loads(capsys.readouterr().out)["result"] == "rolled-back"


def test_history_shows_what_happened_and_marks_what_there_is(
    root, bundle, judged, capsys, monkeypatch
):
    judged("confirmed")
    edgecls("update", bundle, "--root", root)
    capsys.readouterr()
    monkeypatch.setenv("EDGECLS_ROOT", str(root))
    assert edgecls("history") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["installed", "trial", "confirmed"]
    assert lines[0].endswith("(previous)")
    assert lines[2].endswith("(current, confirmed)")
    assert edgecls("history", "--json") == 0
    record = json.loads(capsys.readouterr().out)
    assert record["floor"] == 2
    assert [entry["what"] for entry in record["entries"]] == ["installed", "trial", "confirmed"]


def test_history_survives_a_line_that_a_power_cut_tore(root, capsys):
    with (root / "history.jsonl").open("a") as file:
        file.write('{"kind": "edgecls.his')
    assert edgecls("history", "--root", root) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
