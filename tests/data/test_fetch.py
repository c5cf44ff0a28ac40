import hashlib
import io
import json
import stat
import zipfile
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from edgecls_device.errors import DataError, EdgeclsError, NetworkError, OptionError, StorageError

from edgecls.data import fetch
from edgecls.data.archive import extract_photos, find_in_archive, opened
from edgecls.data.fetch import SAMPLE_SETS, fetch_photos, sample_set
from edgecls.data.load import load_photos

ROOT = "cats_and_dogs_filtered"


@contextmanager
def quietly(description, total):
    del description, total
    yield lambda steps=1: None


def zipped(members):
    """Make a zip archive from names or entries and their content."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def archive(write_photo, tmp_path):
    """An archive laid out as the real one, with 6 + 4 photos of each class."""
    members = [(f"{ROOT}/vectorize.py", b"print()"), (f"{ROOT}/", b"")]
    for label in ("cats", "dogs"):
        for i in range(10):
            split = "train" if i < 6 else "validation"
            photo = write_photo(tmp_path / "made" / f"{label}{i}.jpg", len(members))
            members.append((f"{ROOT}/{split}/{label}/{label[:-1]}.{i}.jpg", photo.read_bytes()))
    return zipped(members)


def set_of(content, url="http://127.0.0.1:9/photos.zip"):
    return replace(
        SAMPLE_SETS["cats-and-dogs"],
        url=url,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )


@pytest.fixture
def small_set(monkeypatch, archive):
    """Let the command know the small archive by the name of the real one."""
    monkeypatch.setitem(SAMPLE_SETS, "cats-and-dogs", set_of(archive))


def left_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_photos_are_downloaded_and_ready_for_training(site, archive, tmp_path):
    server = site(archive)
    out = tmp_path / "in" / "pets"
    fetched = fetch_photos(set_of(archive, server.url), out, show=quietly)
    assert fetched.photos == {"cats": 10, "dogs": 10}
    assert left_in(out) == ["cats", "dogs"]
    assert left_in(out.parent) == ["pets"]
    assert load_photos(out).counts == {"cats": 10, "dogs": 10}
    assert stat.S_IMODE(out.stat().st_mode) & 0o055 == 0o055


def test_a_folder_that_is_there_is_left_as_it_is(site, archive, tmp_path):
    server = site(archive)
    chosen = set_of(archive, server.url)
    fetch_photos(chosen, tmp_path / "pets", show=quietly)
    (tmp_path / "pets" / "cats" / "cat.0.jpg").unlink()
    again = fetch_photos(chosen, tmp_path / "pets", show=quietly)
    assert again.source == ""
    assert again.photos == {"cats": 9, "dogs": 10}
    assert len(server.ranges) == 1


def test_a_folder_with_something_else_is_refused(archive, tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(StorageError, match="got something else"):
        fetch_photos(set_of(archive), tmp_path, show=quietly)
    with pytest.raises(StorageError, match="got something else"):
        fetch_photos(set_of(archive), tmp_path / "mine.txt", show=quietly)


def test_an_interruption_while_unpacking_leaves_no_folder_and_no_second_download(
    site, archive, tmp_path, monkeypatch
):
    server = site(archive)
    chosen = set_of(archive, server.url)

    def stop(*args, **kwargs):
        (args[2] / "cats").mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr(fetch, "extract_photos", stop)
    with pytest.raises(KeyboardInterrupt):
        fetch_photos(chosen, tmp_path / "pets", show=quietly)
    assert left_in(tmp_path) == [".pets.zip", "made"]
    monkeypatch.undo()
    monkeypatch.setenv("no_proxy", "*")
    fetch_photos(chosen, tmp_path / "pets", show=quietly)
    assert len(server.ranges) == 1
    assert left_in(tmp_path) == ["made", "pets"]


def test_an_archive_that_was_brought_along_is_used_and_kept(archive, tmp_path):
    (tmp_path / "a.zip").write_bytes(archive)
    fetched = fetch_photos(
        set_of(archive), tmp_path / "pets", archive=tmp_path / "a.zip", show=quietly
    )
    assert fetched.photos == {"cats": 10, "dogs": 10}
    assert (tmp_path / "a.zip").read_bytes() == archive


def test_another_archive_is_refused_unless_its_checksum_is_given(archive, tmp_path):
    (tmp_path / "a.zip").write_bytes(archive)
    sha256 = hashlib.sha256(archive).hexdigest()
    real = sample_set("cats-and-dogs")
    with pytest.raises(DataError, match="Expected 68606236 bytes") as caught:
        fetch_photos(real, tmp_path / "pets", archive=tmp_path / "a.zip", show=quietly)
    assert f"--sha256 {sha256}" in caught.value.hint
    trusted = sample_set("cats-and-dogs", sha256=sha256.upper())
    fetch_photos(trusted, tmp_path / "pets", archive=tmp_path / "a.zip", show=quietly)
    assert left_in(tmp_path / "pets") == ["cats", "dogs"]


def test_the_same_name_in_train_and_validation_gives_two_photos(tmp_path):
    names = ("train/cats/1.jpg", "validation/cats/1.jpg", "train/dogs/1.jpg")
    path = tmp_path / "a.zip"
    path.write_bytes(zipped([(name, name.encode()) for name in names]))
    with opened(path) as archive:
        extract_photos(archive, find_in_archive(archive, ("cats", "dogs")), tmp_path / "out")
    assert left_in(tmp_path / "out" / "cats") == ["1.jpg", "validation-1.jpg"]


def link(name):
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


def packed_with_bzip2(name):
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_BZIP2
    return entry


@pytest.mark.parametrize(
    "entry",
    [
        "../../cats/evil.jpg",
        "/cats/evil.jpg",
        "train/cats/../../evil.jpg",
        "train\\cats\\evil.jpg",
        "C:/cats/evil.jpg",
        "train//cats/evil.jpg",
        "train/cats/\x1b[2J.jpg",
        link("train/cats/evil.jpg"),
        packed_with_bzip2("train/cats/evil.jpg"),
    ],
)
def test_an_archive_that_reaches_out_is_refused_whole(tmp_path, entry):
    content = zipped([("cats/1.jpg", b"1"), ("dogs/1.jpg", b"1"), (entry, b"/etc/passwd")])
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DataError, match="Expected only photos in plain folders"):
        fetch_photos(
            set_of(content), tmp_path / "x" / "out", archive=tmp_path / "a.zip", show=quietly
        )
    assert left_in(tmp_path / "x") == []


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    content = zipped([("cats/1.jpg", bytes(21_000_000)), ("dogs/1.jpg", b"1")])
    assert len(content) < 100_000
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DataError, match="larger than 20000000 bytes"):
        fetch_photos(set_of(content), tmp_path / "out", archive=tmp_path / "a.zip", show=quietly)


def test_a_size_that_lies_is_found_by_the_checksum(tmp_path):
    content = zipped([("cats/1.jpg", bytes(50_000)), ("dogs/1.jpg", b"1")])
    lie = content.replace((50_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lie != content
    (tmp_path / "a.zip").write_bytes(lie)
    with pytest.raises(DataError, match="damaged"):
        fetch_photos(set_of(lie), tmp_path / "out", archive=tmp_path / "a.zip", show=quietly)


def test_an_archive_without_the_classes_is_refused(tmp_path):
    content = zipped([("train/birds/1.jpg", b"1"), ("train/cats/1.jpg", b"1")])
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DataError, match="none in 'dogs'"):
        fetch_photos(set_of(content), tmp_path / "out", archive=tmp_path / "a.zip", show=quietly)


def test_damage_anywhere_gives_typed_errors_only_and_no_folder(archive, tmp_path):
    random = np.random.default_rng(4)
    refused = 0
    for i in range(60):
        damaged = bytearray(archive if i % 2 else archive[: random.integers(len(archive))])
        start = max(0, len(damaged) - 3000) if i % 4 == 1 else 0  # the directory is at the end
        for _ in range(3):
            if damaged:
                damaged[random.integers(start, len(damaged))] ^= 1 << random.integers(8)
        (tmp_path / "a.zip").write_bytes(damaged)
        try:
            fetch_photos(
                set_of(bytes(damaged)),
                tmp_path / f"out{i}",
                archive=tmp_path / "a.zip",
                show=quietly,
            )
        except EdgeclsError:
            refused += 1
            assert not (tmp_path / f"out{i}").exists()
    assert refused >= 30
    assert not [name for name in left_in(tmp_path) if name.startswith(".")]


def test_the_published_archive_is_pinned_by_size_and_sha256():
    real = SAMPLE_SETS["cats-and-dogs"]
    assert real.size_bytes == 68_606_236
    assert len(real.sha256) == 64
    assert real.url.startswith("https://")


@pytest.mark.parametrize("sha256", ["abc", "g" * 64, "0" * 63])
def test_what_is_no_checksum_is_refused(sha256):
    with pytest.raises(OptionError, match="64 hexadecimal digits"):
        sample_set("cats-and-dogs", sha256=sha256)


@pytest.mark.usefixtures("small_set")
def test_the_command_downloads_and_says_what_to_do_next(site, archive, tmp_path, edgecls):
    server = site(archive)
    code, out, err = edgecls(
        "data", "fetch", "cats-and-dogs", "--out", tmp_path / "pets", "--url", server.url
    )
    assert code == 0
    assert "10 cats and 10 dogs" in out
    assert f"edgecls data check {tmp_path / 'pets'}" in out
    assert f"{len(archive)}/{len(archive)}" in err
    code, out, _ = edgecls(
        "data", "fetch", "cats-and-dogs", "--out", tmp_path / "pets", "--url", server.url, "--json"
    )
    assert code == 0
    assert json.loads(out)["photos"] == {"cats": 10, "dogs": 10}


@pytest.mark.usefixtures("small_set")
def test_without_a_network_the_command_says_how_to_bring_the_archive(
    tmp_path, edgecls, monkeypatch
):
    monkeypatch.setenv("no_proxy", "*")
    code, out, err = edgecls("data", "fetch", "cats-and-dogs", "--out", tmp_path / "pets")
    assert code == NetworkError.exit_code == 9
    assert out == ""
    assert "error: Cannot download http://127.0.0.1:9/photos.zip" in err
    assert "hint: download http://127.0.0.1:9/photos.zip elsewhere" in err
    assert "edgecls data fetch cats-and-dogs --archive photos.zip" in err
    assert left_in(tmp_path) == ["made"]


@pytest.mark.usefixtures("small_set")
@pytest.mark.parametrize(
    ("misbehaviour", "message"),
    [
        ({"status": 404}, "answered 404"),
        ({"content": b"<html>", "kind": "text/html"}, "login page"),
        ({"wrong": True}, "Expected SHA-256"),
    ],
)
def test_a_server_without_the_file_is_an_error_of_the_command(
    site, archive, tmp_path, edgecls, misbehaviour, message
):
    content = misbehaviour.pop("content", archive)
    if misbehaviour.pop("wrong", False):
        content = bytes(len(archive))
    server = site(content, **misbehaviour)
    out = tmp_path / "pets"
    code, _, err = edgecls("data", "fetch", "cats-and-dogs", "--out", out, "--url", server.url)
    assert code == 9
    assert message in err
    assert "hint: " in err
    assert left_in(tmp_path) == ["made"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["cat-and-dog"], 2, "hint: edgecls data fetch cats-and-dogs"),
        (["cats-and-dogs", "--sha256", "abc"], 2, "64 hexadecimal digits"),
        (["cats-and-dogs", "--url", "ftp://x/y"], 2, "begins with https://"),
        (["cats-and-dogs", "--url", "https://x/y", "--archive", "a.zip"], 2, "either"),
        (["cats-and-dogs", "--archive", "nowhere.zip"], 8, "No such file"),
        (["cats-and-dogs", "--out", "taken/in.txt/out"], 8, "error: Cannot"),
        (["cats-and-dogs", "--out", "taken"], 8, "something else"),
        ([], 2, "Missing argument"),
    ],
)
def test_bad_input_to_fetch_is_a_typed_error(
    tmp_path, edgecls, monkeypatch, arguments, code, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "in.txt").write_text("x")
    got, out, err = edgecls("data", "fetch", *arguments)
    assert (got, out) == (code, "")
    assert message in err
    assert left_in(tmp_path) == ["taken"]


@pytest.mark.usefixtures("permissions_hold")
def test_a_folder_without_permission_is_a_typed_error(tmp_path, edgecls):
    (tmp_path / "locked").mkdir(mode=0o555)
    code, _, err = edgecls("data", "fetch", "cats-and-dogs", "--out", tmp_path / "locked" / "pets")
    assert code == 8
    assert "check the permissions" in err


def test_an_unknown_data_command_names_the_nearest(edgecls):
    code, _, err = edgecls("data", "chek", "x")
    assert code == 2
    assert "Did you mean check" in err
