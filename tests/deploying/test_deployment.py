"""Bundles brought to devices that are real SSH servers; only the installer inside is a short script."""

import hashlib
import json
import os
import stat
import subprocess
import sys
import textwrap

import pytest
from edgecls_device.bundles.container import write_container
from edgecls_device.bundles.manifest import (
    MANIFEST,
    BundledArtifact,
    Environment,
    Manifest,
    Member,
    TargetFacts,
)
from edgecls_device.records import to_json

pytest.importorskip("asyncssh")

PYTHON = ".".join(map(str, sys.version_info[:2]))

INSTALLER = """
import json, os, pathlib, sys, time
words = sys.argv[1:]
root = pathlib.Path(words[words.index("--root") + 1])
home = pathlib.Path(os.environ["HOME"])
with (home / "calls").open("a") as file:
    file.write(json.dumps([str(sys.argv[0]), *words]) + chr(10))
plan = (home / "plan").read_text() if (home / "plan").exists() else "good"
print("unpacking", file=sys.stderr, flush=True)
if plan == "refuse":
    print("error: Expected arm64, got a toaster.", file=sys.stderr)
    print("hint: bake a card", file=sys.stderr)
    sys.exit(17)
if plan == "crash":
    os.abort()
if plan == "slow":
    time.sleep(1)
python = root / "confirmed" / "environment" / "bin" / "python"
is_update = python.exists()
if not is_update:
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh" + chr(10) + "shift 3" + chr(10) + 'exec python3 "$@"' + chr(10))
    python.chmod(0o755)
result = "reverted" if plan == "revert" else "confirmed" if is_update else "installed"
print(json.dumps({
    "kind": "edgecls.outcome", "version": 1, "name": "pets", "release": 1, "installed_version": "a",
    "current_version": "a", "result": result, "artifact": "artifacts/pets.int8.tflite", "backend": "litert",
    "threads": 2, "p50_ms": 12.5, "reason": "no frames came." if plan == "revert" else "", "notes": [],
}))
"""


@pytest.fixture
def bundle(tmp_path):
    """A whole bundle for a made-up device, whose installer writes down how it was called."""

    def make(*, architecture="arm64", name="bundle.edgecls"):
        contents = {
            "__main__.py": textwrap.dedent(INSTALLER).encode(),
            "artifacts/pets.int8.tflite": b"model" * 200_000,
            "golden/photos.json": b"{}",
            "wheels/pip-1-py3-none-any.whl": b"pip",
            "wheels/requirements.txt": b"",
        }
        manifest = Manifest(
            name="pets",
            release=1,
            target=TargetFacts(
                name="test",
                title="a test",
                architecture=architecture,
                python=PYTHON,
                glibc="2.28",
                codename="",
                backends=("litert",),
                apt_packages=(),
            ),
            artifacts=(
                BundledArtifact(
                    member="artifacts/pets.int8.tflite",
                    format="tflite",
                    recipe="int8",
                    backends=("litert",),
                ),
            ),
            environment=Environment(
                digest="0" * 64,
                requirements="wheels/requirements.txt",
                wheels="wheels",
                installer="wheels/pip-1-py3-none-any.whl",
                sees_system_packages=False,
            ),
            golden_photos="golden/photos.json",
            signed_by="",
            made_by="0",
            members=tuple(
                Member(name=member, size_bytes=len(data), sha256=sha256(data))
                for member, data in sorted(contents.items())
            ),
        )
        path = tmp_path / name
        write_container(path, [(MANIFEST, to_json(manifest).encode()), *sorted(contents.items())])
        return path

    return make


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def device(sshd):
    """Start a device: an SSH server whose shell finds an arm64 dpkg and this Python."""

    def start(name="device", architecture="arm64"):
        server = sshd(name)
        for program, line in (
            ("dpkg", f"echo {architecture}"),
            ("python3", f'exec {sys.executable} "$@"'),
            ("sudo", 'while [ "${1#-}" != "$1" ]; do shift; done; exec "$@"'),
        ):
            file = server.home.parent / "bin" / program
            file.write_text(f"#!/bin/sh\n{line}\n")
            file.chmod(0o755)
        return server

    return start


def deploy(bundle, *words):
    """Type the command; return exit code, JSON result (None if there is none) and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "edgecls", "deploy", str(bundle), *words, "--json"],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def calls(server):
    file = server.home / "calls"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_a_bundle_is_copied_and_installed_then_updated(bundle, device, tmp_path):
    server, root = device(), tmp_path / "opt"
    words = ["--host", server.host, *server.login, "--root", str(root)]
    code, report, said = deploy(bundle(), *words, "--no-service")
    assert code == 0, said
    [one] = report["hosts"]
    assert (one["result"], one["action"]) == ("done", "install")
    assert (one["outcome"]["backend"], one["outcome"]["threads"]) == ("litert", 2)
    assert "unpacking" in said  # what the device says while it works
    assert "not signed" in said
    code, report, said = deploy(bundle(), *words)
    assert code == 0, said
    assert report["hosts"][0]["action"] == "update"
    first, second = calls(server)
    assert first[1:] == ["--root", str(root), "--json", "--no-service"]
    assert "--no-service" not in second
    assert list((server.home / ".cache" / "edgecls").iterdir()) == []  # the copy is gone


def test_a_dry_run_writes_nothing(bundle, device, tmp_path):
    server = device()
    before = sorted(server.home.rglob("*"))
    code, report, said = deploy(
        bundle(), "--host", server.host, *server.login, "--root", str(tmp_path / "x"), "--dry-run"
    )
    assert code == 0, said
    assert report["hosts"][0]["result"] == "planned"
    assert "would run" in said
    assert sorted(server.home.rglob("*")) == before


def test_a_device_of_another_architecture_is_refused_before_anything_is_copied(bundle, device):
    server = device(architecture="armhf")
    code, report, said = deploy(bundle(), "--host", server.host, *server.login)
    assert code == 19
    assert "Expected architecture arm64, as the bundle is made for, got armhf" in said
    assert report["hosts"][0]["result"] == "failed"
    assert not (server.home / ".cache").exists()


def test_what_the_installer_refuses_is_told_in_its_own_words(bundle, device, tmp_path):
    server = device()
    (server.home / "plan").write_text("refuse")
    code, _, said = deploy(
        bundle(), "--host", server.host, *server.login, "--root", str(tmp_path / "x")
    )
    assert code == 19
    assert "error: Expected arm64, got a toaster." in said
    assert "hint: bake a card" in said


def test_an_installer_that_dies_and_a_trial_that_fails_are_failures(bundle, device, tmp_path):
    server = device()
    words = ["--host", server.host, *server.login, "--root", str(tmp_path / "x")]
    (server.home / "plan").write_text("crash")
    code, _, said = deploy(bundle(), *words)
    assert (code, "Expected a finished installation" in said) == (19, True)
    (server.home / "plan").write_text("revert")
    code, report, said = deploy(bundle(), *words)
    assert (code, "no frames came." in said) == (19, True)
    assert report["hosts"][0]["result"] == "failed"


def test_a_host_whose_key_is_unknown_or_changed_is_refused(bundle, device, tmp_path):
    server = device()
    server.known_hosts.write_text("")
    code, _, said = deploy(bundle(), "--host", server.host, *server.login)
    assert (code, "Expected the known host key" in said) == (19, True)
    other = device("other")
    changed = other.known_hosts.read_text().replace(f":{other.port} ", f":{server.port} ")
    server.known_hosts.write_text(changed)
    code, _, said = deploy(bundle(), "--host", server.host, *server.login)
    assert (code, "Expected the known host key" in said) == (19, True)
    assert calls(server) == []


def test_a_login_that_is_denied_and_a_port_where_nobody_answers_are_told_apart(bundle, device):
    server, other = device(), device("other")
    code, _, said = deploy(
        bundle(),
        *["--host", server.host, "--identity", str(other.identity)],
        *["--known-hosts", str(server.known_hosts)],
    )
    assert (code, "Expected a login" in said) == (19, True)
    server.stop()
    code, _, said = deploy(bundle(), "--host", server.host, *server.login)
    assert (code, "Expected an SSH connection" in said) == (19, True)


def test_a_copy_that_is_there_already_is_not_copied_again_but_a_broken_one_is(
    bundle, device, tmp_path
):
    server, path = device(), bundle()
    copies = server.home / ".cache" / "edgecls"
    copies.mkdir(parents=True)
    (copies / path.name).write_bytes(path.read_bytes())
    words = ["--host", server.host, *server.login, "--root", str(tmp_path / "x"), "--dry-run"]
    assert "copies" not in deploy(path, *words)[2]
    (copies / path.name).write_bytes(path.read_bytes()[:-1] + b"!")
    assert "copies" in deploy(path, *words)[2]


def test_a_rollout_stops_after_the_share_in_which_one_failed(bundle, device, tmp_path):
    servers = [device(f"device{i}") for i in range(5)]
    (servers[2].home / "plan").write_text("refuse")
    known, hosts = tmp_path / "known", tmp_path / "hosts"
    known.write_text("".join(server.known_hosts.read_text() for server in servers))
    hosts.write_text("".join(f"{name(i)}:{s.port}\n" for i, s in enumerate(servers)))
    for server in servers[1:]:
        authorized = server.home.parent / "authorized"
        authorized.write_text((servers[0].home.parent / "authorized").read_text())
    code, report, said = deploy(
        bundle(),
        *["--hosts", str(hosts), "--share", "2", "--identity", str(servers[0].identity)],
        *["--known-hosts", str(known), "--root", str(tmp_path / "opt")],
    )
    assert code == 19, said
    assert [one["result"] for one in report["hosts"]] == [
        *["done", "done", "failed", "skipped", "skipped"]
    ]
    assert "1 of 5 devices failed, and 2 were not begun" in said
    assert [len(calls(server)) for server in servers] == [1, 1, 1, 0, 0]


def name(number):
    """Loopback has many addresses; the same one twice would be the same device."""
    import pwd

    del number
    return f"{pwd.getpwuid(os.getuid()).pw_name}@127.0.0.1"


def test_a_server_that_dies_in_the_middle_is_told_and_leaves_no_whole_copy(
    bundle, device, tmp_path
):
    server = device()
    (server.home / "plan").write_text("slow")
    command = [sys.executable, "-m", "edgecls", "deploy", str(bundle()), "--host", server.host]
    command += [*server.login, "--root", str(tmp_path / "x")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        for line in running.stderr:
            if "unpacking" in line:
                break
        children = subprocess.run(
            ["pkill", "-KILL", "-P", str(server.process.pid)], check=False
        ).returncode
        assert children == 0
        said = running.stderr.read()
        assert running.wait(30) == 19
    assert "Traceback" not in said
    assert "lost" in said or "connection" in said


def test_a_damaged_bundle_never_leaves_the_house(bundle, device):
    server, path = device(), bundle()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    code, report, said = deploy(path, "--host", server.host, *server.login)
    assert (code, report) == (17, None), said
    assert not (server.home / ".cache").exists()


@pytest.mark.parametrize("words", [[], ["--host", "pi@a", "--hosts", "b"]])
def test_either_one_device_or_a_file_of_them_is_named(bundle, words):
    code, _, said = deploy(bundle(), *words)
    assert (code, "Expected --host or --hosts" in said) == (2, True)


def test_only_the_owner_can_read_the_copy_while_it_is_made(bundle, device, tmp_path):
    server = device()
    (server.home / "plan").write_text("refuse")  # the copy stays for another try
    path = bundle()
    deploy(path, "--host", server.host, *server.login, "--root", str(tmp_path / "x"))
    copy = server.home / ".cache" / "edgecls" / path.name
    assert copy.read_bytes() == path.read_bytes()
    assert not copy.stat().st_mode & stat.S_IWOTH
