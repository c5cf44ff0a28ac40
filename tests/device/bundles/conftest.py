"""Keys, made once: each costs some processes."""

import pytest
from edgecls_device.bundles.signing import new_key


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    """Two private keys: that of the maker, and that of somebody else."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("maker.pem", "other.pem"):
        new_key(folder / name)
    return folder / "maker.pem", folder / "other.pem"
