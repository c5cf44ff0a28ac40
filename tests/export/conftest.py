"""A tiny Keras model, built and frozen once for all tests of this room."""

import shutil
import subprocess

import pytest

from tests.export.tiny import build_model


@pytest.fixture(scope="session")
def tiny_model():
    pytest.importorskip("tensorflow")
    return build_model()


@pytest.fixture(scope="session")
def frozen(tiny_model):
    from edgecls_export import freeze

    return freeze(tiny_model)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    made = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], capture_output=True, check=False
    )
    if not made or made.returncode:
        pytest.skip("needs the right to mount a small file system")
    yield folder
    subprocess.run(["umount", folder], check=True)
