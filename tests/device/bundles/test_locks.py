import fcntl
import os
import subprocess
import sys

import pytest
from edgecls_device.bundles.installation import Installation
from edgecls_device.bundles.locks import changing, is_kept
from edgecls_device.errors import StorageError, UpdateError

HOLD = """
import fcntl, sys
file = open(sys.argv[1], "a")
fcntl.flock(file, fcntl.LOCK_EX)
print(flush=True)
input()
"""


@pytest.fixture
def hold():
    """Hold a lock in another process."""
    processes = []

    def begin(path):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        processes.append(process)
        process.stdout.readline()
        return process

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


def test_two_cannot_change_an_installation_at_once(tmp_path, hold):
    installation = Installation(tmp_path)
    other = hold(installation.update_lock)
    with pytest.raises(UpdateError, match="another update is going on"), changing(installation):
        pass
    other.kill()
    other.wait()
    with changing(installation):
        pass


def test_a_lock_is_free_again_after_an_error(tmp_path):
    installation = Installation(tmp_path)
    with pytest.raises(ZeroDivisionError), changing(installation):
        1 / 0  # noqa: B018
    with changing(installation):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_who_may_not_write_is_told_of_sudo(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError) as error, changing(Installation(tmp_path)):
        pass
    assert error.value.hint == "repeat the command with sudo"


def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path):
    installation = Installation(tmp_path)
    installation.update_lock.symlink_to(tmp_path / "elsewhere")
    with (
        pytest.raises(StorageError, match="Cannot change the installation"),
        changing(installation),
    ):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_a_keeper_is_known_by_its_lock(tmp_path, hold):
    installation = Installation(tmp_path)
    assert not is_kept(installation)
    keeper = hold(installation.keeper_lock)
    assert is_kept(installation)
    keeper.kill()
    keeper.wait()
    assert not is_kept(installation)
    with installation.keeper_lock.open() as file:  # nothing is left of having asked
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
