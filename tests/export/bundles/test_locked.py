"""Locks: what stands in a line, and what pip on the device is given of it."""

import pytest
from edgecls_device.errors import SpecError, StorageError
from edgecls_export.bundles.locked import read_lock, requirements_text, to_lock_line

from tests.export.bundles.small_wheels import WHEELS


def test_a_lock_is_read_as_it_was_written_sorted_by_name(tmp_path):
    path = tmp_path / "lock.txt"
    path.write_text("# why\n\n" + "".join(f"{to_lock_line(w)}\n" for w in WHEELS))
    assert read_lock(path) == tuple(sorted(WHEELS, key=lambda wheel: wheel.name))


def test_requirements_have_a_hash_each_and_not_the_installer():
    text = requirements_text(WHEELS)
    assert text.splitlines() == sorted(text.splitlines())
    assert [line.partition("==")[0] for line in text.splitlines()] == [
        "ai-edge-litert",
        "click",
        "onnxruntime",
    ]
    assert text.count(" --hash=sha256:") == 3


@pytest.mark.parametrize(
    "line",
    [
        "click==8.1",
        "click>=8 --hash=sha256:" + "0" * 64 + "  # click-8-py3-none-any.whl 5",
        "click==8 --hash=sha256:" + "0" * 63 + "  # click-8-py3-none-any.whl 5",
        "click==8 --hash=sha256:" + "0" * 64 + "  # click-8.tar.gz 5",
        "--index-url https://evil.example",
    ],
)
def test_a_line_that_is_no_locked_wheel_is_refused(tmp_path, line):
    path = tmp_path / "lock.txt"
    path.write_text(f"{line}\n")
    with pytest.raises(SpecError, match="locked wheel on each line"):
        read_lock(path)


def test_a_missing_lock_is_named(tmp_path):
    with pytest.raises(StorageError, match=r"nowhere\.txt"):
        read_lock(tmp_path / "nowhere.txt")
