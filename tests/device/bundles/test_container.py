import io
import os
import random
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from edgecls_device.bundles.container import is_bundle, open_container, write_container
from edgecls_device.errors import BundleError, StorageError

from tests.device.bundles.corpus import BAD_FILES, BAD_NAMES, MANIFEST
from tests.device.bundles.crafted import archive, member

MEMBERS = {"manifest.json": b"{}", "b.txt": b"bb" * 500, "a/c.txt": b"", "install.sh": b"exit 0\n"}


def written(path, members=None):
    write_container(path, (members or MEMBERS).items())
    return path


def opened(tmp_path, data):
    """Open a file with these bytes and read every member of it."""
    path = tmp_path / "crafted.edgecls"
    path.write_bytes(data)
    with open_container(path) as container:
        return {name: container.read(name, max_bytes=10**6) for name in container.names}


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_what_is_written_is_read_back_in_the_one_order(tmp_path):
    with open_container(written(tmp_path / "x.edgecls")) as container:
        assert container.names == ("manifest.json", "a/c.txt", "b.txt", "install.sh")
        assert {n: container.read(n, max_bytes=1000) for n in container.names} == MEMBERS
        assert container.size("b.txt") == 1000


def test_the_signature_stands_right_behind_the_manifest(tmp_path):
    members = {"README.txt": b"", "manifest.sig": b"s", "manifest.json": b"{}"}
    with open_container(written(tmp_path / "x.edgecls", members)) as container:
        assert container.names == ("manifest.json", "manifest.sig", "README.txt")


def test_the_same_members_give_the_same_bytes_in_any_order_and_from_files(tmp_path):
    first = written(tmp_path / "x.edgecls").read_bytes()
    (tmp_path / "b.txt").write_bytes(MEMBERS["b.txt"])
    members = [*reversed(MEMBERS.items())]
    members = [(name, tmp_path / name if name == "b.txt" else data) for name, data in members]
    write_container(tmp_path / "y.edgecls", members)
    assert (tmp_path / "y.edgecls").read_bytes() == first


def test_crafting_makes_the_very_bytes_that_are_written(tmp_path):
    contents = {"manifest.json": b"{}", "b.txt": b"bb"}
    data = written(tmp_path / "x.edgecls", contents).read_bytes()
    assert archive(MANIFEST, member("b.txt", b"bb")) == data


def test_other_programs_read_it_as_a_zip_and_python_runs_it(tmp_path):
    members = {**MEMBERS, "__main__.py": b"import sys; print('ran', sys.argv[1])"}
    path = written(tmp_path / "x.edgecls", members)
    with zipfile.ZipFile(path) as file:
        assert file.testzip() is None
        assert {info.filename: file.read(info) for info in file.infolist()} == members
        modes = {info.filename: info.external_attr >> 16 for info in file.infolist()}
        assert {info.date_time for info in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert modes["install.sh"] == stat.S_IFREG | 0o755
    assert modes["b.txt"] == stat.S_IFREG | 0o644
    done = subprocess.run([sys.executable, path, "it"], capture_output=True, text=True, check=True)
    assert done.stdout == "ran it\n"


@pytest.mark.parametrize("name", BAD_NAMES.values(), ids=BAD_NAMES)
def test_a_name_that_is_no_plain_path_is_neither_read_nor_written(tmp_path, name):
    with pytest.raises(BundleError, match="plain relative names"):
        opened(tmp_path, archive(MANIFEST, member(name)))
    with pytest.raises(BundleError, match="plain relative names"):
        write_container(tmp_path / "new", [("manifest.json", b"{}"), (name, b"")])
    assert not (tmp_path / "new").exists()


BAD_PAIRS = {"doubled": ("a", "a"), "case": ("A", "a"), "folder and file": ("a", "a/b")}


@pytest.mark.parametrize("names", BAD_PAIRS.values(), ids=BAD_PAIRS)
def test_names_that_clash_are_neither_read_nor_written(tmp_path, names):
    with pytest.raises(BundleError, match="member"):
        opened(tmp_path, archive(MANIFEST, *map(member, names)))
    with pytest.raises(BundleError, match="member"):
        write_container(tmp_path / "new", [(name, b"") for name in names])
    assert not (tmp_path / "new").exists()


def test_a_doubled_manifest_is_refused_whichever_comes_first(tmp_path):
    other = member("manifest.json", b"[]")
    for pair in ((MANIFEST, other), (other, MANIFEST)):
        with pytest.raises(BundleError, match="different names"):
            opened(tmp_path, archive(*pair, member("x")))


@pytest.mark.parametrize("data", BAD_FILES.values(), ids=BAD_FILES)
def test_what_nobody_of_us_writes_is_refused(tmp_path, data):
    with pytest.raises(BundleError) as caught:
        opened(tmp_path, data)
    assert caught.value.message.startswith("Expected ")
    assert caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["crafted.edgecls"]


def test_the_reason_of_a_refusal_is_said(tmp_path):
    for what, words in {
        "compressed": "compression method 0, got 8",
        "encrypted": "flags 0, got 1",
        "a link": "'x' in 'crafted.edgecls' with mode",
        "something behind": "cut off or added to",
        "zeros": "does not begin as one",
    }.items():
        with pytest.raises(BundleError, match=words):
            opened(tmp_path, BAD_FILES[what])


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("is_stream", [False, True])
def test_zips_of_other_programs_are_refused(tmp_path, compression, is_stream):
    class Stream(io.BytesIO):
        def seekable(self):
            return False

        def seek(self, *_):
            raise io.UnsupportedOperation

    target = Stream() if is_stream else io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as file:
        for name, data in MEMBERS.items():
            file.writestr(name, data)
    with pytest.raises(BundleError):
        opened(tmp_path, target.getvalue())


def test_every_cut_is_noticed(tmp_path):
    data = written(tmp_path / "x.edgecls").read_bytes()
    for length in range(len(data)):
        with pytest.raises(BundleError):
            opened(tmp_path, data[:length])


def test_every_damaged_byte_is_noticed_by_reading_all(tmp_path):
    data = written(tmp_path / "x.edgecls").read_bytes()
    dice = random.Random(0)
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= dice.randrange(1, 256)
        with pytest.raises(BundleError):
            opened(tmp_path, damaged)


def test_it_stays_the_file_that_was_opened(tmp_path):
    path, other = written(tmp_path / "x.edgecls"), tmp_path / "y.edgecls"
    written(other, {**MEMBERS, "b.txt": b"evil" * 250})
    with open_container(path) as container:
        other.replace(path)
        assert container.read("b.txt", max_bytes=1000) == MEMBERS["b.txt"]


def test_a_file_that_shrinks_or_changes_while_it_is_read_is_refused(tmp_path):
    path = written(tmp_path / "x.edgecls")
    with open_container(path) as container:
        data = path.read_bytes().replace(b"bb", b"xx")
        path.write_bytes(data)
        with pytest.raises(BundleError, match="other bytes"):
            container.read("b.txt", max_bytes=1000)
        os.truncate(path, 100)
        with pytest.raises(BundleError, match="got fewer"):
            container.read("b.txt", max_bytes=1000)


def test_a_large_member_is_not_read_into_memory(tmp_path):
    (tmp_path / "large").write_bytes(bytes(3_000_001))
    write_container(tmp_path / "x", [("manifest.json", b""), ("large", tmp_path / "large")])
    with open_container(tmp_path / "x") as container:
        assert [len(c) for c in container.chunks("large")] == [2**20, 2**20, 3_000_001 - 2**21]
        with pytest.raises(BundleError, match="at most 1000 bytes"):
            container.read("large", max_bytes=1000)


def test_more_than_two_gigabytes_are_neither_read_nor_written(tmp_path):
    huge = tmp_path / "huge"
    huge.write_bytes(b"PK\3\4")
    os.truncate(huge, 2_000_000_001)  # a hole: nothing on the disk
    with pytest.raises(BundleError, match="at most 2 GB"):
        open_container(huge)


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, "/dev/zero"):
        with pytest.raises(BundleError, match="no file"):
            open_container(tmp_path / path)
    with pytest.raises(StorageError, match="No such file"):
        open_container(tmp_path / "none")


def test_a_name_that_is_no_member_is_an_error(tmp_path):
    with open_container(written(tmp_path / "x")) as container, pytest.raises(BundleError):
        container.read("none", max_bytes=10)


def test_nothing_stays_of_a_file_that_cannot_be_written(tmp_path):
    with pytest.raises(StorageError, match="No such file"):
        write_container(tmp_path / "x", [("manifest.json", b""), ("a", tmp_path / "none")])
    with pytest.raises(BundleError, match="Expected members"):
        write_container(tmp_path / "x", [])
    assert not list(tmp_path.iterdir())


def test_closing_twice_is_harmless_and_leaves_no_descriptor_open(tmp_path):
    path = written(tmp_path / "x")
    before = open_files()
    container = open_container(path)
    container.close()
    container.close()
    path.write_bytes(b"no bundle")
    with pytest.raises(BundleError):
        open_container(path)
    assert open_files() == before


def test_a_bundle_is_told_by_its_content_or_its_name(tmp_path):
    path = written(tmp_path / "x.tflite")
    assert is_bundle(path)
    (tmp_path / "y.tflite").write_bytes(b"\x1c\0\0\0TFL3" + bytes(100))
    assert not is_bundle(tmp_path / "y.tflite")
    (tmp_path / "cut.edgecls").write_bytes(b"")
    assert is_bundle(tmp_path / "cut.edgecls")
