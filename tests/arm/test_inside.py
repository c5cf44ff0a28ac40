"""What the other tests trust: the emulation shuts off what it should, and root file systems are checked."""

import shutil
from pathlib import Path

import pytest

from tests.arm import root_file_systems
from tests.arm.root_file_systems import (
    RootFileSystemError,
    default_cache,
    fetch,
    root_file_system,
)

pytestmark = [
    pytest.mark.arm,
    pytest.mark.timeout(1200),
    pytest.mark.parametrize("bare", ["bookworm64"], indirect=True),
]


def test_a_command_runs_on_the_other_architecture_and_its_exit_code_comes_back(bare, tmp_path):
    done = bare.above(tmp_path).run("sh", "-c", "dpkg --print-architecture; uname -m; exit 7")
    assert (done.code, done.output) == (7, "arm64\naarch64\n")


def test_a_signal_that_ends_a_command_comes_back_as_in_a_shell(bare, tmp_path):
    done = bare.above(tmp_path).run("sh", "-c", "kill -9 $$")
    assert done.code == 128 + 9


def test_there_is_no_network_but_loopback(bare, tmp_path):
    program = "import socket; print([name for _, name in socket.if_nameindex()])"
    done = bare.above(tmp_path).run("python3", "-c", program)
    assert done.output == "['lo']\n"


def test_what_is_written_is_in_one_layer_only_and_a_later_command_finds_it(bare, tmp_path):
    one, other = bare.above(tmp_path / "one"), bare.above(tmp_path / "other")
    assert one.run("sh", "-c", "echo here > /opt/note; rm /etc/passwd").code == 0
    seen = one.above(tmp_path / "third").run("sh", "-c", "cat /opt/note; test -e /etc/passwd")
    assert (seen.code, seen.output) == (1, "here\n")
    assert other.run("sh", "-c", "test ! -e /opt/note && test -e /etc/passwd").code == 0


def test_what_is_brought_cannot_be_changed(bare, tmp_path):
    file = tmp_path / "bundle"
    file.write_text("whole")
    pi = bare.above(tmp_path / "layer").with_files(file)
    assert pi.run("sh", "-c", f"echo more >> {file.name}").code != 0
    assert file.read_text() == "whole"


def test_nothing_that_a_command_started_outlives_it(bare, tmp_path):
    pi = bare.above(tmp_path)
    done = pi.run("sh", "-c", "sleep 100000 & echo started")
    assert done.output == "started\n"
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [command for command in commands if b"sleep\x00100000" in command]


def test_a_root_file_system_is_kept_and_used_only_if_it_is_whole(bare, tmp_path, monkeypatch):
    def say(text):
        pytest.fail(f"made again: {text}")

    kept = root_file_system(bare.system, cache=default_cache(), say=say)
    for file in kept, kept.with_name(f"{kept.name}.sha256"):
        shutil.copy2(file, tmp_path)
    copy = tmp_path / kept.name
    assert root_file_system(bare.system, cache=tmp_path, say=say) == copy

    monkeypatch.setattr(root_file_systems, "KEYRING", tmp_path / "none")  # so that none is made
    with copy.open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"\0damaged\0")
    with pytest.raises(RootFileSystemError, match="Expected apt and"):
        root_file_system(bare.system, cache=tmp_path, say=say)


def test_packages_are_not_taken_from_an_archive_whose_key_is_unknown(bare, tmp_path, monkeypatch):
    other = Path("/usr/share/keyrings/debian-archive-removed-keys.gpg")
    monkeypatch.setattr(root_file_systems, "KEYRING", other)
    with pytest.raises(RootFileSystemError, match=r"not signed|NO_PUBKEY"):
        fetch(bare.system, tmp_path / "apt", lambda text: None)
