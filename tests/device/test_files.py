"""Reading files: within a limit, and with no more memory than they need."""

import subprocess
import sys

import pytest
from edgecls_device.errors import StorageError
from edgecls_device.files import read_bytes

MOST = 2_000_000_000
LITTLE = 500_000_000
READING = """
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[3]),) * 2)
from edgecls_device.files import read_bytes
print(len(read_bytes(Path(sys.argv[1]), max_bytes=int(sys.argv[2]))))
"""


def test_a_device_with_less_memory_than_a_file_may_have_reads_a_small_one(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(bytes(3_000_000))
    done = subprocess.run(
        [sys.executable, "-c", READING, path, str(MOST), str(LITTLE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "3000000\n", done.stderr


@pytest.mark.parametrize("size", [0, 1, 99, 100])
def test_a_file_up_to_the_limit_is_read_whole(tmp_path, size):
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)
    assert read_bytes(path, max_bytes=100) == b"x" * size


def test_a_file_above_the_limit_is_refused(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(101))
    with pytest.raises(StorageError, match="Expected at most 100 bytes"):
        read_bytes(path, max_bytes=100)


def test_what_has_no_size_is_read_to_its_end():
    command = [sys.executable, "-c", READING, "/dev/stdin", str(MOST), str(LITTLE)]
    done = subprocess.run(command, input=bytes(3_000_000), capture_output=True, check=False)
    assert done.stdout == b"3000000\n", done.stderr
