import os
import shutil
import subprocess

import pytest
from edgecls_device.bundles import service_unit
from edgecls_device.bundles.installation import Installation
from edgecls_device.bundles.service_unit import (
    check_unit,
    ensure_user,
    service_state,
    start_service,
    write_unit,
)
from edgecls_device.errors import OptionError, StorageError

from tests.device.bundles.installable import TEMPLATES

TEMPLATE = (TEMPLATES / "edgecls.service").read_text()


@pytest.fixture
def installation(tmp_path):
    return Installation(tmp_path / "pets")


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A function that puts a program before that of the system; it returns where its calls are written."""

    def write(name, *lines):
        folder = tmp_path / "first"
        folder.mkdir(exist_ok=True)
        calls = tmp_path / "calls"
        calls.touch()
        (folder / name).write_text("\n".join(["#!/bin/sh", f'echo "$@" >> {calls}', *lines, ""]))
        (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        return calls

    return write


def test_a_unit_names_the_installation_and_is_written_only_if_it_changed(installation, tmp_path):
    assert write_unit(TEMPLATE, installation, "pets", units=tmp_path)
    text = (tmp_path / "edgecls-pets.service").read_text()
    assert "@" not in text
    assert (
        f"ExecStart={installation.root}/confirmed/environment/bin/python -I -m edgecls keep" in text
    )
    assert not write_unit(TEMPLATE, installation, "pets", units=tmp_path)
    assert write_unit(TEMPLATE + "# more\n", installation, "pets", units=tmp_path)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd")
def test_systemd_understands_the_unit(installation, tmp_path):
    python = installation.root / "confirmed/environment/bin/python"
    python.parent.mkdir(parents=True)
    python.symlink_to("/bin/true")
    write_unit(TEMPLATE, installation, "pets", units=tmp_path)
    command = ["systemd-analyze", "verify", "--man=no", tmp_path / "edgecls-pets.service"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "edgecls-pets" not in done.stderr
    assert done.returncode == 0


def test_the_watchdog_the_restarts_and_what_ends_for_good_are_in_the_unit():
    lines = TEMPLATE.splitlines()
    for line in (
        "Type=notify",
        "WatchdogSec=30",
        "Restart=always",
        "StartLimitIntervalSec=0",
        "RestartPreventExitStatus=0 2 3 4 7",
    ):
        assert line in lines
    keys = {line.partition("=")[0] for line in lines}
    assert not keys & {"PrivateDevices", "ProtectClock", "DeviceAllow"}  # cameras would be gone


@pytest.mark.parametrize("root", ["/opt/my pets", "/opt/pets%n", '/opt/"pets"'])
def test_a_directory_that_a_unit_cannot_hold_is_refused(root, tmp_path):
    from pathlib import Path

    with pytest.raises(OptionError, match="--root"):
        check_unit(Installation(Path(root)), "pets", "edgecls", units=tmp_path)


@pytest.mark.parametrize("user", ["root", "-x", "a b", "", "x" * 40])
def test_a_user_that_must_not_run_it_is_refused(user, installation, tmp_path):
    with pytest.raises(OptionError, match="--user"):
        check_unit(Installation(installation.root), "pets", user, units=tmp_path)


def test_the_service_of_another_directory_is_not_taken_away(installation, tmp_path):
    write_unit(TEMPLATE, installation, "pets", units=tmp_path)
    other = Installation(installation.root.with_name("others"))
    with pytest.raises(OptionError, match="another directory"):
        check_unit(other, "pets", "edgecls", units=tmp_path)


def test_the_service_is_enabled_and_started(program, installation):
    calls = program("systemctl", '[ "$1" = is-active ] && echo active', "exit 0")
    assert start_service("pets") == ""
    assert calls.read_text().splitlines()[:3] == [
        "daemon-reload",
        "enable --quiet edgecls-pets",
        "restart edgecls-pets",
    ]


def test_a_service_that_does_not_start_is_told_in_systemds_words(program):
    program(
        "systemctl",
        "case $1 in is-enabled) echo enabled ;; is-active) echo failed ;;",
        "restart) echo 'Job failed. See journalctl' >&2; exit 1 ;; esac",
    )
    assert start_service("pets") == "enabled, failed: Job failed. See journalctl"
    state = service_state("pets")
    assert (state.is_enabled, state.is_active, state.name) == (True, False, "edgecls-pets")


def test_a_systemd_that_refuses_is_an_error_with_its_words(program):
    program("systemctl", "echo 'Unit is masked.' >&2; exit 1")
    with pytest.raises(StorageError, match="Unit is masked"):
        start_service("pets")


def test_a_user_that_exists_is_left_as_it_is(program, tmp_path):
    calls = program("useradd")
    ensure_user("root", tmp_path)
    assert calls.read_text() == ""


def test_a_new_user_may_open_cameras_and_log_in_nowhere(program, tmp_path, monkeypatch):
    calls = program("useradd")
    groups = [type("Group", (), {"gr_name": name}) for name in ("video", "sudo")]
    monkeypatch.setattr(service_unit.grp, "getgrall", lambda: groups)
    ensure_user("edgecls-test-user", tmp_path)
    words = calls.read_text()
    assert "--system" in words
    assert "--groups video edgecls-test-user" in words
    assert "nologin" in words


def test_a_user_that_cannot_be_made_is_an_error(program, tmp_path):
    program("useradd", "echo 'cannot lock /etc/passwd' >&2; exit 1")
    with pytest.raises(StorageError, match="cannot lock"):
        ensure_user("edgecls-test-user", tmp_path)
