import json

import pytest
from edgecls_bench.comparison import Gate

from edgecls.cli import main
from tests.reports.synthetic_run import write_run


def run_command(*arguments):
    try:
        main(["report", *map(str, arguments)])
    except SystemExit as stop:
        return stop.code
    return 0


def test_the_command_writes_the_report_and_says_where(tmp_path, capsys):
    run = write_run(tmp_path / "pets")
    assert run_command(run.path) == 0
    out = capsys.readouterr().out
    assert "Use pets.int8." in out
    assert str(run.report) in out
    assert run.report.read_text("utf-8").startswith("<!doctype html>")


def test_out_and_json_are_honoured(tmp_path, capsys):
    run = write_run(tmp_path / "pets")
    out = tmp_path / "elsewhere" / "pets.html"
    assert run_command(run.path, "--out", out, "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["report"] == str(out)
    assert result["recommended"].startswith("pets.int8.")
    assert result["reasons"]
    assert out.is_file()
    assert not run.report.exists()


def test_the_gate_is_said_in_words_and_in_json(tmp_path, capsys):
    run = write_run(tmp_path / "pets", per_class=5000, gate=Gate(min_agreement=0.98))
    assert run_command(run.path) == 0
    assert capsys.readouterr().out.startswith("Gate: fails. Of 5 files 4 hold, 1 fails.\n")
    assert run_command(run.path, "--json") == 0
    assert json.loads(capsys.readouterr().out)["gate"] == "fails"


@pytest.mark.parametrize("name", ["nothing", "a-file"])
def test_no_run_is_an_error_with_a_next_action(tmp_path, capsys, name):
    (tmp_path / "a-file").write_text("x")
    assert run_command(tmp_path / name) == 3
    error = capsys.readouterr().err
    assert error.startswith("error: Expected a run to report on")
    assert "hint: edgecls train" in error
