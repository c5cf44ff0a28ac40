import os
import pickle
import random
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("ray")

from edgecls_device.errors import ArtifactError, ExecutorError, OptionError

from edgecls.scale.executors import open_executor
from edgecls.scale.job import run_job
from edgecls.scale.ray_address import (
    LOOPBACK_ALONE,
    check_address,
    is_loopback_alone,
    known_address,
    require_token,
)
from edgecls.scale.ray_driver import _hint
from edgecls.scale.ray_executor import _refusal
from edgecls.scale.ray_versions import difference, versions
from edgecls.scale.ray_worker import answer
from edgecls.scale.work import PieceWork, close_looker
from tests.scale import ray_cluster
from tests.scale.tiny_task import TinyTask, write_pieces

KILLS = 3


class Cluster:
    def __init__(self, process):
        self._process = process
        self._lines = iter(process.stdout.readline, "")
        self.address = next(line for line in self._lines if line.startswith("at ")).split()[1]

    def lose_a_node(self):
        """Return when it is gone."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        assert "lost\n" in self._lines


@pytest.fixture(scope="module")
def cluster():
    with subprocess.Popen(
        [sys.executable, ray_cluster.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        yield Cluster(process)
        process.stdin.close()


@pytest.fixture(scope="module")
def on_cluster(cluster):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")  # whatever token lies about on this machine
        with open_executor("ray", address=cluster.address) as executor:
            yield executor


@pytest.fixture(scope="module")
def alone():
    with open_executor("ray", workers=1) as executor:
        yield executor


def knowing(token):
    """The processes that know a token: their folders in /proc."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or is somebody else's
            if token.encode() in (process / "environ").read_bytes():
                found.append(process)
    return found


def listening(token):
    """Where the processes that know a token listen: addresses as the kernel writes them."""
    inodes = set()
    for process in knowing(token):
        with suppress(OSError):
            inodes |= {str(fd.readlink()) for fd in (process / "fd").iterdir()}
    rows = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path("/proc/net", table).read_text().splitlines()[1:]
    ]
    return {
        row[1].split(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in inodes
    }


def test_a_ray_of_ours_listens_on_loopback_only(alone):
    loopback = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
    assert listening(alone.token)
    assert listening(alone.token) <= loopback


def test_a_ray_of_ours_takes_nobody_without_its_token(alone, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with (
        pytest.raises(ExecutorError, match="the token of the Ray cluster") as caught,
        open_executor("ray", address=alone.address),
    ):
        pass
    assert "ray get-auth-token" in caught.value.hint
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", alone.token)
    monkeypatch.setenv(LOOPBACK_ALONE, "0")
    with monkeypatch.context() as patch:
        patch.setattr("edgecls.scale.ray_address.is_loopback_alone", lambda address: False)
        require_token(alone.address)
    with open_executor("ray", address=alone.address) as executor:
        assert executor.workers == 1


def never_two_at_once(executor, folder):
    """Whether the work ends well, which it does not where a worker meets another."""
    pieces = write_pieces(folder / "photos", ["be alone"] * 8, per_piece=1)
    task = TinyTask(scratch=str(folder), fingerprint=str(folder))
    return len(list(executor.run(PieceWork(task=task), pieces))) == 8


def test_no_more_pieces_are_worked_at_than_a_ray_of_ours_has_cores(alone, tmp_path):
    assert never_two_at_once(alone, tmp_path)


def test_a_ray_of_ours_ends_with_whoever_started_it(alone):
    directory, lifeline = alone._directory, alone._driver._started._lifeline
    assert directory.is_dir()
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), lifeline)  # what the kernel does for a process that was killed
    deadline = time.monotonic() + 60
    while (knowing(alone.token) or directory.exists()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not knowing(alone.token)
    assert not directory.exists()


def test_a_cluster_that_takes_anybody_is_refused_unless_it_is_on_loopback_alone(
    cluster, monkeypatch
):
    variables = {**os.environ, LOOPBACK_ALONE: "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "a"}
    require_token(cluster.address, variables)
    monkeypatch.setattr("edgecls.scale.ray_address.is_loopback_alone", lambda address: False)
    with pytest.raises(ExecutorError, match="shows no token, got one that takes anybody") as caught:
        require_token(cluster.address, variables)
    assert "RAY_AUTH_MODE=token for `ray start`" in caught.value.hint


def test_errors_keep_their_type_and_rays_own_words_reach_nobody(on_cluster, tmp_path, capfd):
    pieces = write_pieces(tmp_path, ["a", "no model"])
    with pytest.raises(ArtifactError, match="NaN") as caught:
        list(on_cluster.run(PieceWork(task=TinyTask()), pieces))
    assert caught.value.hint == "export it again"
    assert capfd.readouterr() == ("", "")


def test_that_no_piece_is_finished_is_said(on_cluster, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr("edgecls.scale.ray_executor.SECONDS_TO_WONDER", 0.001)
    (part,) = on_cluster.run(PieceWork(task=TinyTask()), write_pieces(tmp_path, ["a"]))
    assert part.photos == 1
    assert "is a CPU free? See: ray status" in capfd.readouterr().err


def test_fewer_workers_than_a_cluster_has_cores_are_obeyed(cluster, tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with open_executor("ray", address=cluster.address, workers=1) as executor:
        assert never_two_at_once(executor, tmp_path)


def test_killed_workers_and_a_lost_node_change_nothing(cluster, on_cluster, tmp_path):
    texts = ["photo"] * 100 + ["wait for loss"] * 100
    deaths = random.Random(5).sample(range(100, 200), KILLS)
    for i in deaths:
        texts[i] = "die once"
    pieces = write_pieces(tmp_path / "photos", texts)
    # a fingerprint of its own: workers that know one like it from a test before would not open it
    task = TinyTask(scratch=str(tmp_path), fingerprint="kills")
    calm = run_job(
        pieces, replace(task, is_immortal=True), results=tmp_path / "calm", executor=Here()
    )
    seen = []

    def lose_a_node(steps=1):
        seen.append(steps)
        if len(seen) == 5:
            cluster.lose_a_node()
            (tmp_path / "loss").touch()

    hard = run_job(
        pieces, task, results=tmp_path / "hard", executor=on_cluster, on_progress=lose_a_node
    )
    assert (hard.photos, hard.failed) == (calm.photos, calm.failed) == (200, 0)
    assert {path.name for path in tmp_path.glob("ab-*")} == {f"ab-{i:05d}.jpg" for i in deaths}
    assert (tmp_path / "loss").exists()
    names = sorted(path.name for path in calm.directory.iterdir())
    assert len(names) == 51
    for name in names:
        assert (hard.directory / name).read_bytes() == (calm.directory / name).read_bytes()


class Here:
    workers = 1

    def run(self, work, pieces):
        yield from map(work, pieces)
        close_looker()


def test_other_versions_on_another_machine_are_refused_with_the_difference():
    expected = {**versions(), "numpy": "0.1"}
    error = pickle.loads(answer(b"", "work", bytes, expected))
    assert isinstance(error, ExecutorError)
    assert "numpy 0.1 here and " in str(error)
    assert difference({"a": "1", "b": "2"}, {"a": "1"}) == "b 2 here and none there"


@pytest.mark.parametrize("address", ["ray://10.0.0.1:10001", "head", "head:ssh", ":6379"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(OptionError, match="HOST:PORT"):
        check_address(address)


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"RAY_AUTH_TOKEN": "secret"},
        {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": " "},
        {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": "/nowhere"},
        {"RAY_AUTH_MODE": "disabled", "RAY_AUTH_TOKEN": "secret"},
    ],
)
@pytest.mark.parametrize("host", ["10.0.0.1", "ray-head", "[2001:db8::1]"])
def test_another_machine_without_a_token_is_refused_before_it_is_asked(
    host, variables, tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ExecutorError, match="token authentication") as caught:
        check_address(f"{host}:6379", variables)
    assert "RAY_AUTH_MODE=token" in caught.value.hint


def test_what_does_not_answer_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening
        port = taken.getsockname()[1]
        with pytest.raises(ExecutorError, match=f"127.0.0.1:{port}.*no answer") as caught:
            check_address(f"127.0.0.1:{port}", {})
    assert "ray start --head" in caught.value.hint


@contextmanager
def listening_port(said):
    """A server that says something to the first who comes, and nothing more."""

    def speak():
        connection, _ = server.accept()
        with connection, suppress(ConnectionError):  # the other end leaves in the middle
            connection.sendall(said)
            while connection.recv(1000):
                pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=speak)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def test_what_listens_there_and_is_no_ray_is_told_apart_before_ray_asks_it(monkeypatch):
    with listening_port(b"\0\0\0\4\0\0\0\0\0") as port:  # an empty frame of settings
        check_address(f"127.0.0.1:{port}", {})
    with (
        listening_port(b"SSH-2.0-OpenSSH_9.6\r\n") as port,
        pytest.raises(ExecutorError, match=f"127.0.0.1:{port}, got the answer of something else"),
    ):
        check_address(f"127.0.0.1:{port}", {})
    monkeypatch.setattr("edgecls.scale.ray_address._SECONDS_TO_CONNECT", 0.1)
    with listening_port(b"") as port, pytest.raises(ExecutorError, match="no answer: timed out"):
        check_address(f"127.0.0.1:{port}", {})


@pytest.mark.parametrize(("place", "is_alone"), [("127.0.0.1", True), ("0.0.0.0", False)])
def test_what_other_machines_reach_is_not_on_loopback_alone(place, is_alone):
    with socket.create_server((place, 0)) as server:
        port = server.getsockname()[1]
        assert is_loopback_alone(f"127.0.0.1:{port}") == is_alone
        assert not is_loopback_alone(f"10.0.0.1:{port}")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening
        assert not is_loopback_alone(f"127.0.0.1:{taken.getsockname()[1]}")


def test_a_host_that_can_be_none_is_no_traceback():
    variables = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "secret"}
    with pytest.raises(ExecutorError, match="no answer"):
        check_address("a..b:6379", variables)


def test_a_job_of_ray_finds_the_cluster_that_runs_it():
    assert known_address("auto", {"RAY_ADDRESS": "10.0.0.1:6379"}) == "10.0.0.1:6379"
    assert known_address("10.0.0.2:6379", {}) == "10.0.0.2:6379"
    with pytest.raises(OptionError, match="RAY_ADDRESS"):
        known_address("auto", {})


def test_a_cluster_of_another_version_is_told_apart_from_a_machine_outside_of_it():
    assert "same versions" in _hint("Version mismatch: The cluster was started with: Ray: 2.53.0")
    assert "ray start" in _hint("No node info found matching attributes")
    died = (
        "raylet_ipc_client.cc:85: Failed to connect to socket at address:/tmp/ray/s/sockets/raylet"
    )
    assert "this machine to be one of the Ray cluster at head:1" in str(_refusal("head:1", died))
    assert _refusal("head:1", "Killed") is None
