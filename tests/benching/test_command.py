"""``edgecls bench RUN --host``: what was measured on other machines stands beside what was measured here."""

import json

import pytest
from edgecls_bench.measurement import BenchRun
from edgecls_device.records import from_json

pytest.importorskip("asyncssh")

from edgecls.bench_records import read_benches
from edgecls.run_directory import RunDirectory
from tests.benching.devices import OLDER
from tests.command_line import edgecls

QUICK = ("--quick", "--threads", "1", "--frame", "24x32")


@pytest.fixture
def run(tmp_path, artifacts):
    """A run with one exported file."""
    exports = tmp_path / "runs" / "tiny" / "exports"
    exports.mkdir(parents=True)
    artifacts[0].path.rename(exports / artifacts[0].path.name)
    return RunDirectory(exports.parent)


def words(server, python):
    return ("--host", server.host, *server.login, "--python", python)


def test_a_device_and_this_machine_stand_in_one_run_and_in_one_report(
    run, server, device_python, capsys
):
    assert edgecls("bench", run.path, *QUICK, *words(server, device_python())) == 0
    told = capsys.readouterr()
    assert f"next: edgecls report {run.path}" in told.out
    assert f"{server.host}  measures" in told.err
    assert not run.bench.exists()  # that is this machine's
    assert edgecls("bench", run.path, *QUICK) == 0
    found = read_benches(run)
    assert found.problems == ()
    assert sorted(one.record.host for one in found.stored) == ["", server.host]
    assert from_json(BenchRun, run.bench.read_bytes(), name="bench.json").host == ""
    assert edgecls("report", run.path) == 0
    assert server.host in run.report.read_text()


def test_the_record_of_a_device_is_printed_as_json(run, server, device_python, capsys):
    command = ("bench", run.exports / "tiny.tflite", *QUICK, *words(server, device_python()))
    assert edgecls(*command, "--json") == 0
    assert json.loads(capsys.readouterr().out)["host"] == server.host
    assert not run.benches.exists()


def test_a_device_that_fails_leaves_no_record_and_a_code(run, server, device_python, capsys):
    assert edgecls("bench", run.path, *QUICK, *words(server, device_python(OLDER))) == 19
    told = capsys.readouterr().err
    assert "error: Expected benchmarks of version" in told
    assert "hint: bring the edgecls of this machine there" in told
    assert not run.benches.exists()
