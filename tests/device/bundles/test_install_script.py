"""What a system must be for a bundle, told before anything is written: the real script on systems that lie."""

import ast
import shutil
import subprocess

import pytest

from tests.device.bundles.installable import TEMPLATES, installable, run_bundle, this_machine

SCRIPT = TEMPLATES / "install.sh"


@pytest.fixture
def program(tmp_path):
    """A function that writes a program which comes before that of the system; it returns its folder."""

    def write(name, *lines):
        folder = tmp_path / "first"
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
        path.chmod(0o755)
        return folder

    return write


@pytest.fixture
def refused(tmp_path):
    """A function that runs a bundle which must be refused, and returns what it says."""

    def run(*, first_in_path=None, options=(), code=17, **target):
        from dataclasses import replace

        facts = replace(this_machine(), **target)
        bundle = installable(tmp_path / "tiny.edgecls", tmp_path, target=facts)
        root = tmp_path / "root"
        done = run_bundle(
            bundle, "--root", root, "--no-service", *options, first_in_path=first_in_path
        )
        assert done.returncode == code, done.stderr
        *_, error, hint = done.stderr.splitlines()
        assert error.startswith("error: Expected ")
        assert hint.startswith("hint: ")
        assert not root.exists()
        return error, hint

    return run


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
def test_the_script_is_plain_posix_shell(shell):
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"there is no {shell}")
    words = [found, "sh"] if shell == "busybox" else [found]
    assert subprocess.run([*words, "-n", SCRIPT], check=False).returncode == 0


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="there is no shellcheck")
def test_shellcheck_has_nothing_to_say():
    assert subprocess.run(["shellcheck", "-s", "sh", SCRIPT], check=False).returncode == 0


def test_the_bundles_program_can_be_read_by_a_python_that_it_refuses():
    ast.parse((TEMPLATES / "main.py").read_text(), feature_version=(3, 9))


def test_the_script_alone_says_how_it_is_used():
    done = subprocess.run(["sh", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "hint: sudo python3 BUNDLE" in done.stderr


@pytest.mark.parametrize(
    ("name", "lines", "words"),
    [
        (
            "python3",
            ['[ "$1" = -V ] && echo "Python 3.9.2"; exit 1'],
            "Python 3.10 or later, got Python 3.9.2",
        ),
        ("uname", ["echo Darwin"], "Linux, got Darwin"),
    ],
)
def test_the_script_refuses_what_its_wheel_cannot_run_on(program, name, lines, words):
    folder = program(name, *lines)
    done = subprocess.run(
        ["sh", SCRIPT, "bundle", "wheel"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": f"{folder}:/usr/bin:/bin"},
    )
    assert done.returncode == 17
    assert words in done.stderr
    assert "hint: " in done.stderr


def test_a_32_bit_system_on_a_64_bit_kernel_is_known_by_dpkg(program, refused):
    folder = program("dpkg", "echo armhf")
    error, hint = refused(first_in_path=folder, architecture="arm64")
    assert "Expected the architecture arm64" in error
    assert "got armhf" in error
    assert "kernel" in hint


def test_another_release_of_the_system_is_refused(refused):
    error, hint = refused(codename="sid-of-2099")
    assert "Expected the system sid-of-2099" in error
    assert "--list-targets" in hint


def test_another_python_is_refused(refused):
    error, _ = refused(python="3.99")
    assert "Expected Python 3.99" in error


def test_an_older_c_library_is_refused(refused):
    error, _ = refused(glibc="99.1")
    assert "glibc from version 99.1" in error


def test_missing_packages_are_named_in_one_command(program, refused):
    folder = program(
        "dpkg-query",
        'echo "python3-numpy installed"',
        'echo "python3-opencv not-installed"',
        "exit 1",
    )
    packages = ("python3-numpy", "python3-opencv")
    _, hint = refused(first_in_path=folder, apt_packages=packages)
    assert hint == "hint: sudo apt install python3-opencv"
    folder = program("dpkg-query", "exit 1")
    _, hint = refused(first_in_path=folder, apt_packages=packages)
    assert hint == "hint: sudo apt install python3-numpy python3-opencv"


def test_a_service_without_root_rights_is_refused(tmp_path, monkeypatch):
    from edgecls_device.bundles import installing
    from edgecls_device.bundles.installing import main

    monkeypatch.setattr(installing, "has_systemd", lambda: True)
    monkeypatch.setattr(installing.os, "geteuid", lambda: 1000)
    bundle = installable(tmp_path / "tiny.edgecls", tmp_path)
    assert main([str(bundle), "--root", str(tmp_path / "root")]) == 2
    assert not (tmp_path / "root").exists()


def test_an_option_that_does_not_exist_is_refused(refused, tmp_path):
    bundle = installable(tmp_path / "tiny.edgecls", tmp_path)
    done = run_bundle(bundle, "--rot", tmp_path / "root")
    assert done.returncode == 2
    assert "--rot" in done.stderr
