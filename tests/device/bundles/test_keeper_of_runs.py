"""A keeper of real versions: ``edgecls keep`` and ``edgecls run`` of a tiny model on a test picture."""

import os
import signal
import socket
import subprocess
import time
from dataclasses import replace

import pytest
from edgecls_device.bundles.history import read_history, remember
from edgecls_device.bundles.installation import Installation
from edgecls_device.bundles.locks import switching
from edgecls_device.bundles.manifest import release_of
from edgecls_device.bundles.reading import open_bundle
from edgecls_device.bundles.state import Trial, read_state, write_state

from tests.device.bundles.installed import (
    FORMAT,
    golden_samples,
    install,
    put_version,
    tiny_bundle,
)
from tests.device.bundles.kept import told, wait_until
from tests.device.tiny_models import onnx_model, tflite_model, tiny_spec
from tests.faults.conftest import descendants

MAKE = tflite_model if FORMAT == "tflite" else onnx_model


@pytest.fixture
def installation(tmp_path):
    return install(tmp_path / "tiny", tiny_bundle(tmp_path / "1.edgecls", release=1))


@pytest.fixture
def systemd(tmp_path):
    """What systemd hears, as the lines of a message after the other."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "notify"))
        server.settimeout(20)
        yield server


@pytest.fixture
def keeper(installation, systemd, tmp_path):
    """``edgecls keep``, whose first version gives results."""
    python = installation.confirmed / "environment" / "bin" / "python"
    command = [python, "-m", "edgecls", "keep", "--root", installation.root]
    variables = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000000"}
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdout=said,
            stderr=said,
            env={**os.environ, **variables},
            cwd=tmp_path,
        )
    hear(systemd, f"STATUS={installation.current_version()}: ready: ")
    yield process
    process.kill()
    process.wait()


def hear(systemd, text):
    """Wait for a message with this text and return it."""
    while True:
        message = systemd.recv(4096).decode()
        if text in message:
            return message


def put_on_trial(installation: Installation, path):
    """Do what an update does."""
    with open_bundle(path) as bundle:
        version = put_version(installation, bundle)
    with switching(installation):
        remember(installation, "trial", name=version, release=release_of(version))
        state = replace(read_state(installation), trial=Trial(version=version))
        write_state(installation, state)
        installation.point(installation.current, version)
    return version


def test_a_good_release_is_confirmed_a_wrong_one_is_reverted(
    keeper, systemd, installation, tmp_path
):
    old = installation.current_version()
    good = put_on_trial(installation, tiny_bundle(tmp_path / "2.edgecls", release=2))
    hear(systemd, f"STATUS={good} on trial: ready: ")
    wait_until(lambda: told(installation, good) == ["trial", "confirmed"])
    state = read_state(installation)
    assert (state.floor, state.previous, state.trial) == (2, old, None)

    content = MAKE(spec=tiny_spec(golden=golden_samples(off=0.5)))
    wrong = put_on_trial(
        installation, tiny_bundle(tmp_path / "3.edgecls", release=3, content=content)
    )
    wait_until(lambda: told(installation, wrong) == ["trial", "reverted"])
    reason = read_history(installation)[-1].reason
    assert reason.startswith("Its model was refused before the first frame: Expected the scores")
    begin = time.monotonic()
    assert "WATCHDOG=1" in hear(systemd, f"STATUS={good}: ready: ")
    assert time.monotonic() - begin < 10
    assert (installation.current_version(), read_state(installation).failed) == (good, (wrong,))

    keeper.send_signal(signal.SIGTERM)
    assert keeper.wait(10) == 0
    said = (tmp_path / "said").read_text()
    assert "Traceback" not in said
    assert said.count("reading test:noise") == 3


def test_a_model_file_that_is_damaged_on_the_disk_brings_the_version_before_back(
    keeper, systemd, installation, tmp_path
):
    old = installation.current_version()
    good = put_on_trial(installation, tiny_bundle(tmp_path / "2.edgecls", release=2))
    wait_until(lambda: told(installation, good) == ["trial", "confirmed"])
    (model,) = (installation.current / "artifacts").iterdir()
    model.write_bytes(model.read_bytes()[:200])
    os.kill(descendants(keeper.pid)[0], signal.SIGKILL)
    wait_until(lambda: told(installation, good) == ["trial", "confirmed", "reverted"])
    hear(systemd, f"STATUS={old}: ready: ")
    assert installation.current_version() == installation.confirmed_version() == old
