"""Devices to measure on: real SSH servers, and Pythons of their own that see this edgecls or another one."""

import sysconfig
import venv

import pytest
from edgecls_device.artifact import read_artifact

from edgecls.benching.wish import Wish
from edgecls.ssh.connection import Access
from edgecls.ssh.hosts import parse_host
from tests.benchmarks.color_models import color_spec, write_color_model
from tests.ssh_server import sshd

__all__ = ["artifact", "device_python", "server", "sshd", "wish"]


@pytest.fixture
def server(sshd):
    pytest.importorskip("asyncssh")
    return sshd()


@pytest.fixture
def device_python(tmp_path):
    """Make Pythons that see what this one sees; code in ``patch`` runs whenever they start."""

    def make(name="environment", patch=""):
        folder = tmp_path / name
        venv.EnvBuilder(symlinks=True).create(folder)
        site = next((folder / "lib").glob("python*")) / "site-packages"
        ours = sysconfig.get_path("purelib")
        (site / "seen.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
        (site / "sitecustomize.py").write_text(patch)
        return folder / "bin" / "python"

    return make


@pytest.fixture
def artifact(tmp_path):
    pytest.importorskip("onnxruntime")
    return read_artifact(write_color_model(tmp_path / "colors.float32.onnx", color_spec()))


@pytest.fixture
def wish(server, device_python, artifact):
    """What is measured in a second, on one device."""
    return Wish(
        hosts=(parse_host(server.host),),
        artifacts=(artifact,),
        frame=(24, 32),
        options=("--threads", "1", "--runs", "30"),
        python=str(device_python()),
        access=Access(identity=server.identity, known_hosts=server.known_hosts),
    )
