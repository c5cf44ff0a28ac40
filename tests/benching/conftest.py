"""Devices to measure on: real SSH servers, and Pythons of their own that see this edgecls or another one."""

import sysconfig
import venv
from dataclasses import replace

import pytest
from edgecls_device.artifact import read_artifact
from edgecls_device.backends.table import installed_backends

from edgecls.ssh.hosts import parse_host
from tests.device.tiny_models import onnx_model, tflite_model, tiny_spec
from tests.ssh_server import sshd

__all__ = ["artifacts", "device", "device_python", "server", "sshd"]


@pytest.fixture
def server(sshd):
    pytest.importorskip("asyncssh")
    return sshd()


@pytest.fixture
def device_python(tmp_path):
    """Make Pythons that see what this one sees; code in ``patch`` runs whenever they start."""

    def make(patch="", *, name="environment", has_edgecls=True):
        folder = tmp_path / name
        venv.EnvBuilder(symlinks=True).create(folder)
        site = next((folder / "lib").glob("python*")) / "site-packages"
        if has_edgecls:
            ours = sysconfig.get_path("purelib")
            (site / "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
        (site / "sitecustomize.py").write_text(patch)
        return folder / "bin" / "python"

    return make


@pytest.fixture
def artifacts(tmp_path):
    """A model of each format."""
    found = []
    for suffix, make in (("tflite", tflite_model), ("onnx", onnx_model)):
        if not installed_backends(suffix):
            pytest.skip(f"needs a runtime for .{suffix}")
        path = tmp_path / f"tiny.{suffix}"
        path.write_bytes(make(spec=tiny_spec()))
        found.append(read_artifact(path))
    return tuple(found)


@pytest.fixture
def device(server, device_python, artifacts):
    """Return a wish for one device; ``patch`` is what is different there."""
    from edgecls.benching.wish import Wish
    from edgecls.ssh.connection import Access

    def wish(patch="", *, has_edgecls=True, **changes):
        python = device_python(patch, has_edgecls=has_edgecls)
        plain = Wish(
            hosts=(parse_host(server.host),),
            artifacts=artifacts[:1],
            frame=(24, 32),
            options=("--threads", "1", "--quick"),
            python=str(python),
            access=Access(identity=server.identity, known_hosts=server.known_hosts),
        )
        return replace(plain, **changes)

    return wish
