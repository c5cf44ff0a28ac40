"""Which Python of a device has the edgecls that is used."""

import subprocess
import sys

import pytest
from edgecls_bench.measurement import BenchRun
from edgecls_device.errors import DeploymentError

pytest.importorskip("asyncssh")

from edgecls.benching.finding import (
    Introduction,
    candidates,
    chosen,
    look,
    question,
    said,
)
from edgecls.ssh.hosts import Host

HOST = Host(address="shed.local", user="pi")
FRAME = (24, 32)


def program(path, text="#!/bin/sh\n"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def shell(command, **variables):
    """Ask a shell that has these variables and no others."""
    done = subprocess.run(
        ["sh", "-c", command], env=variables, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_an_installed_bundle_comes_before_a_command_and_that_before_the_system(tmp_path):
    home, opt = tmp_path / "home", tmp_path / "opt's"
    bundle = program(opt / "pets" / "confirmed" / "environment" / "bin" / "python")
    program(tmp_path / "bin" / "python3")
    user = program(tmp_path / "usr" / "bin" / "python3.11")
    program(home / ".local" / "bin" / "edgecls", f"#!{user} -sE\nimport edgecls\n")
    python = program(home / "venv" / "bin" / "python")
    program(home / "venv" / "bin" / "edgecls", "#!/bin/sh\n'''exec' '/a long/python' \"$0\"\n")
    (tmp_path / "bin" / "edgecls").symlink_to(home / "venv" / "bin" / "edgecls")
    path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    found = candidates(shell(look(opt), HOME=str(home), PATH=path))
    assert found == tuple(map(str, (bundle, python, user, tmp_path / "bin" / "python3")))


def test_a_device_with_nothing_has_at_most_its_own_python(tmp_path):
    answer = shell(look(tmp_path), HOME=str(tmp_path), PATH="/usr/bin:/bin")
    assert len(candidates(answer)) <= 1


def test_an_edgecls_introduces_itself_whatever_else_a_login_says():
    answer = subprocess.run(
        question(sys.executable, FRAME), shell=True, capture_output=True, text=True, check=True
    ).stdout
    one = said("python", f"Welcome to {{shed}}!\n{answer}")
    assert (one.python, one.record_version) == (sys.executable, BenchRun.version)
    assert chosen([one], HOST, FRAME) == one


@pytest.mark.parametrize("answer", ["", "Welcome!", "{not json}", '{"record_version": "two"}'])
def test_what_is_no_answer_is_no_edgecls(answer):
    one = said("/usr/bin/python3", answer)
    assert (one.python, one.edgecls, one.record_version) == ("/usr/bin/python3", "", 0)


def test_the_first_that_fits_is_taken_and_else_the_first_that_does_not_is_named():
    none, old = Introduction(python="/a"), Introduction(python="/b", edgecls="0", record_version=1)
    with pytest.raises(DeploymentError, match="Expected an edgecls on pi@shed"):
        chosen([none], HOST, FRAME)
    with pytest.raises(DeploymentError, match=r"got version 1 of edgecls 0 \(/b\)"):
        chosen([none, old], HOST, FRAME)
    good = said(
        "/c",
        subprocess.run(
            question(sys.executable, FRAME), shell=True, capture_output=True, text=True, check=True
        ).stdout,
    )
    assert chosen([none, old, good], HOST, FRAME) == good
