"""Benchmarks on devices that are real SSH servers, with Pythons of their own."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from edgecls_device.artifact import read_artifact
from edgecls_device.errors import BenchmarkError, DeploymentError, OptionError

pytest.importorskip("asyncssh")

from edgecls.benching.hosts import bench_on_hosts
from edgecls.ssh.hosts import parse_host
from tests.benching import devices
from tests.device.sinks.disks import small_disk
from tests.device.tiny_models import tflite_model, tiny_spec

__all__ = ["small_disk"]


def measured(wish):
    """Measure; return what came of each device, and all that was said."""
    lines = []
    return list(bench_on_hosts(wish, say=lines.append)), "\n".join(lines)


def refused(wish, kind):
    """Return why a device was not measured."""
    [done], told = measured(wish)
    assert (done.record, type(done.error)) == (None, kind), done.error
    assert f"failed: {done.error.message}" in told
    assert done.error.hint
    return done.error.message


def copies(server):
    return server.home / ".cache" / "edgecls"


def is_left_alone(server):
    """Whether nothing of ours runs or lies there."""
    return not devices.processes_in(server.home) and not list(copies(server).iterdir())


def test_a_device_measures_the_very_files_and_its_record_says_where(
    device, server, artifacts, tmp_path
):
    namesake = tmp_path / "other" / artifacts[0].path.name
    namesake.parent.mkdir()
    namesake.write_bytes(tflite_model(spec=tiny_spec(name="other")))
    sent = (*artifacts, read_artifact(namesake))
    [done], told = measured(device(artifacts=sent))
    assert done.error is None, done.error
    files = {(case.artifact, case.sha256) for case in done.record.cases}
    assert files == {(artifact.path.name, artifact.sha256) for artifact in sent}
    assert len(files) == 3
    assert (done.record.host, done.record.frame) == (server.host, (24, 32))
    assert "Benchmarking" in told  # what the device says while it works
    assert all(line.startswith(server.host) for line in told.splitlines())
    assert is_left_alone(server)


def test_a_python_is_named_from_the_home_directory_and_modules_there_disturb_nothing(
    device, server
):
    wish = device()
    (server.home / "venv").symlink_to(Path(wish.python).parents[1])
    for name in ("json.py", "select.py", "random.py", "edgecls.py"):
        (server.home / name).write_text("raise SystemExit('the wrong one')\n")
    [done], told = measured(replace(wish, python="~/venv/bin/python"))
    assert done.error is None, done.error
    assert f"{server.home}/venv/bin/python" in told


def test_a_device_without_edgecls_is_told_by_name(device, server):
    assert f"Expected an edgecls on {server.host}" in refused(
        device(has_edgecls=False), DeploymentError
    )
    assert "(nowhere/python), got none" in refused(device(python="nowhere/python"), DeploymentError)
    assert not copies(server).exists()


@pytest.mark.parametrize(
    ("patch", "told"),
    [
        (devices.OLDER, "got version 1 of edgecls"),
        (devices.TOO_OLD, "got none ("),
        (devices.OTHER_PIXELS, "Expected the same frame"),
    ],
)
def test_an_edgecls_that_measures_otherwise_is_refused_before_anything_is_copied(
    device, server, patch, told
):
    assert told in refused(device(patch), DeploymentError)
    assert not copies(server).exists()


def test_a_file_that_no_runtime_there_runs_is_recorded_and_the_others_go_on(device, artifacts):
    [done], _ = measured(device(devices.WITHOUT_ONNX, artifacts=artifacts))
    told = {case.artifact: case.error for case in done.record.cases}
    assert told["tiny.tflite"] == ""
    assert "not installed" in told["tiny.onnx"]


def test_what_the_device_refuses_is_told_in_its_own_words(device, server, artifacts):
    wish = device(devices.WITHOUT_ONNX, artifacts=artifacts[1:])
    assert "onnxruntime" in refused(wish, BenchmarkError)
    assert "No such option" in refused(replace(wish, options=("--quickly",)), BenchmarkError)
    assert is_left_alone(server)


def test_a_device_that_cannot_be_reached_leaves_the_others_their_turn(device, server):
    wish = device()
    nobody = parse_host("127.0.0.1:1")
    done, _ = measured(replace(wish, hosts=(nobody, *wish.hosts)))
    assert [type(one.error) for one in done] == [DeploymentError, type(None)]
    assert done[1].record.host == server.host


def test_a_device_whose_key_is_unknown_is_refused(device, server):
    server.known_hosts.write_text("")
    assert "Expected the known host key" in refused(device(), DeploymentError)


def test_a_device_that_is_named_twice_is_refused(device):
    wish = device()
    with pytest.raises(OptionError, match="twice"):
        measured(replace(wish, hosts=wish.hosts * 2))


def test_a_disk_that_is_full_is_told_before_anything_is_copied(device, server, small_disk):
    (server.home / ".cache").symlink_to(small_disk)
    assert "MB free" in refused(device(), DeploymentError)
    assert list((small_disk / "edgecls").iterdir()) == []


def test_a_service_that_disturbs_there_is_named(device, server):
    systemctl = server.home.parent / "bin" / "systemctl"
    systemctl.write_text(
        "#!/bin/sh\necho 'edgecls-pets.service loaded active running Classifies'\n"
    )
    systemctl.chmod(0o755)
    _, told = measured(device(options=("--quickly",)))
    assert "sudo systemctl stop edgecls-pets" in told


def test_a_lost_connection_is_told_and_the_device_ends_what_it_does(device, server):
    wish, lines = device(devices.SLOW), []

    def say(line):
        lines.append(line)
        if "a case takes long" in line:
            assert devices.processes_in(copies(server))
            subprocess.run(["pkill", "-KILL", "-P", str(server.process.pid)], check=True)

    [done] = bench_on_hosts(wish, say=say)
    assert isinstance(done.error, DeploymentError)
    assert "connection" in done.error.message
    assert devices.eventually(lambda: is_left_alone(server))


def test_ctrl_c_ends_what_runs_on_the_device(device, server):
    wish = device(devices.SLOW)
    words = ["bench", wish.artifacts[0].path, "--host", server.host, *server.login]
    command = [sys.executable, "-m", "edgecls", *map(str, words), "--python", wish.python]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        for line in running.stderr:
            if "a case takes long" in line:
                break
        assert devices.processes_in(copies(server))
        running.send_signal(signal.SIGINT)
        assert "stopped by Ctrl-C" in running.stderr.read()
        assert running.wait(30) == 130
    assert devices.eventually(lambda: is_left_alone(server))


def test_after_a_power_cut_what_was_left_goes_and_a_wrong_clock_dates_no_record(device, server):
    left = copies(server) / "bench-left"
    (left / "0").mkdir(parents=True)
    (left / "lock").write_text("")
    (copies(server) / "pets-000001-bookworm64.edgecls").write_text("a bundle's copy")
    [done], told = measured(device(devices.WRONG_CLOCK))
    assert done.error is None, done.error
    assert [path.name for path in copies(server).iterdir()] == ["pets-000001-bookworm64.edgecls"]
    assert "its clock is" in told
    assert not done.record.created.startswith("1970")
