"""A folder becomes shards: the same bytes for the same photos, and the same photos when read again."""

import json
import os
import sys
import tarfile

import pytest
from edgecls_device.errors import DataError, MissingDependencyError, OptionError, StorageError

from edgecls.data.folders import find_photos
from edgecls.scale import packing
from edgecls.scale.packing import pack_photos
from edgecls.scale.reading import read_piece
from edgecls.scale.sources import find_pieces
from edgecls.scale.tar_writing import end_of_tar, tar_member
from tests.data.conftest import edgecls, permissions_hold, photos, picture, write_photo  # noqa: F401


def read(location):
    return [photo for piece in find_pieces(location) for photo in read_piece(piece)]


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("shard-*"))}


@pytest.fixture(params=["tar", "parquet"])
def format_(request):
    if request.param == "parquet":
        pytest.importorskip("pyarrow")
    return request.param


def test_shards_hold_the_photos_of_the_folder(photos, tmp_path, format_):  # noqa: F811
    done = pack_photos(photos, tmp_path / "out", photos_per_shard=5, format=format_)
    assert (done.photos, done.shards, done.written, done.left_out) == (16, 4, 4, {})
    assert list(contents(tmp_path / "out")) == [f"shard-{i:06}.{format_}" for i in range(4)]
    wanted = {(photo.label, photo.data) for photo in read(photos)}
    packed = read(tmp_path / "out")
    assert {(photo.label, photo.data) for photo in packed} == wanted
    assert not any(photo.error for photo in packed)
    suffix = "" if format_ == "tar" else ".jpg"
    assert {photo.key for photo in packed} == {
        f"{label}/{i}{suffix}" for label in ("cats", "dogs") for i in range(8)
    }


def test_every_shard_has_photos_of_every_class(photos, tmp_path):  # noqa: F811
    pack_photos(photos, tmp_path / "out", photos_per_shard=8)
    for piece in find_pieces(tmp_path / "out"):
        assert {photo.label for photo in read_piece(piece)} == {"cats", "dogs"}


def test_the_same_photos_give_the_same_bytes(photos, tmp_path, format_):  # noqa: F811
    pack_photos(photos, tmp_path / "a", photos_per_shard=5, format=format_)
    for path in photos.rglob("*.jpg"):
        os.utime(path, ns=(5, 5))
    pack_photos(photos, tmp_path / "b", photos_per_shard=5, format=format_)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_repeat_writes_what_is_missing(photos, tmp_path, format_):  # noqa: F811
    pack_photos(photos, tmp_path / "out", photos_per_shard=5, format=format_)
    before = contents(tmp_path / "out")
    (tmp_path / "out" / f"shard-000002.{format_}").unlink()
    (tmp_path / "out" / f".shard-000002.x.{format_}").touch()
    seen = []
    done = pack_photos(
        photos, tmp_path / "out", photos_per_shard=5, format=format_, on_progress=seen.append
    )
    assert (done.written, sum(seen)) == (1, 16)
    assert contents(tmp_path / "out") == before
    assert not list((tmp_path / "out").glob(".*"))


def test_other_photos_or_options_are_not_mixed_in(photos, tmp_path, write_photo):  # noqa: F811
    pack_photos(photos, tmp_path / "out", photos_per_shard=5)
    with pytest.raises(OptionError, match="photos_per_shard 5 instead of 6"):
        pack_photos(photos, tmp_path / "out", photos_per_shard=6)
    write_photo(photos / "cats" / "new.jpg", 77)
    with pytest.raises(OptionError, match="photos 16 instead of 17"):
        pack_photos(photos, tmp_path / "out", photos_per_shard=5)
    with pytest.raises(OptionError, match="empty folder"):
        pack_photos(photos, photos.parent)
    with pytest.raises(OptionError, match="outside the photos"):
        pack_photos(photos, photos / "shards")


def test_what_cannot_be_read_is_left_out_and_said(photos, tmp_path, monkeypatch):  # noqa: F811
    (photos / "cats" / "gone.jpg").symlink_to("nowhere")
    (photos / "cats" / "\udcff.jpg").write_bytes(b"x")
    (photos / "dogs" / "large.jpg").write_bytes(bytes(100_000))
    monkeypatch.setattr(packing, "MAX_IMAGE_BYTES", 99_999)
    done = pack_photos(photos, tmp_path / "out")
    assert done.photos == 16
    assert sorted(done.left_out) == ["cats/\\udcff.jpg", "cats/gone.jpg", "dogs/large.jpg"]


def test_names_that_would_be_one_key_stay_apart(tmp_path):
    for name in ("cats/a.b.jpg", "cats/a_b.jpg", "cats/a.b.png", "dogs/2021.05/x.y.jpeg"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(name.encode())
    pack_photos(tmp_path / "photos", tmp_path / "out")
    packed = {photo.key: (photo.label, photo.data.decode()) for photo in read(tmp_path / "out")}
    assert packed == {
        "cats/a_b": ("cats", "cats/a.b.jpg"),
        "cats/a_b-2": ("cats", "cats/a.b.png"),
        "cats/a_b-3": ("cats", "cats/a_b.jpg"),
        "dogs/2021.05/x_y": ("dogs", "dogs/2021.05/x.y.jpeg"),
    }


def test_a_tar_says_number_name_and_path_of_each(photos, tmp_path):  # noqa: F811
    pack_photos(photos, tmp_path / "out")
    with tarfile.open(tmp_path / "out" / "shard-000000.tar") as tar:
        names = tar.getnames()
        assert names[1:3] == [names[0].replace(".jpg", s) for s in (".cls", ".json")]
        told = json.loads(tar.extractfile("dogs/3.json").read())
        assert told == {"label": "dogs", "path": "dogs/3.jpg"}
        assert tar.extractfile("dogs/3.cls").read() == b"1"
        assert {(member.mtime, member.uid) for member in tar} == {(0, 0)}


def test_a_full_disk_keeps_the_shards_before(photos, tmp_path, monkeypatch):  # noqa: F811
    real, written = packing._write_tar, []

    def write(file, group):
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        written.append(group)
        real(file, group)

    monkeypatch.setattr(packing, "_write_tar", write)
    with pytest.raises(StorageError, match="No space left"):
        pack_photos(photos, tmp_path / "out", photos_per_shard=5)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *("shard-000000.tar", "shard-000001.tar", "shards.json"),
    ]


def test_without_the_package_for_parquet_nothing_is_begun(photos, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.delitem(sys.modules, "edgecls.scale.parquet_packing", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError, match="pyarrow") as caught:
        pack_photos(photos, tmp_path / "out", format="parquet")
    assert caught.value.hint == "pip install 'edgecls[shards]'"
    assert not (tmp_path / "out").exists()


def test_a_folder_without_photos_is_refused(tmp_path):
    for label in ("cats", "dogs"):
        (tmp_path / "photos" / label).mkdir(parents=True)
    with pytest.raises(DataError, match="got none"):
        pack_photos(tmp_path / "photos", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command_says_what_it_wrote(photos, tmp_path, edgecls):  # noqa: F811
    (photos / "cats" / "gone.jpg").symlink_to("nowhere")
    code, out, _ = edgecls("data", "shards", photos, "--out", tmp_path / "out")
    assert code == 0
    assert "left out: cats/gone.jpg" in out
    assert "16 photos of cats, dogs in 1 shard" in out
    code, out, _ = edgecls("data", "shards", photos, "--out", tmp_path / "out", "--json")
    assert (code, json.loads(out)["written"]) == (0, 0)
    code, _, err = edgecls("data", "shards", tmp_path / "nothing", "--out", tmp_path / "other")
    assert code == 3
    assert "does not exist" in err


@pytest.mark.parametrize(
    "name", ["a.jpg", "x" * 100, "x" * 101, "\u00e4" * 50, "\u00e4" * 51, "d/" * 80 + "a.jpg"]
)
def test_a_member_is_what_tarfile_writes(name):
    info = tarfile.TarInfo(name)
    info.size = 700
    short = len(name.encode()) <= 100
    format_ = tarfile.USTAR_FORMAT if short else tarfile.PAX_FORMAT
    assert tar_member(name, bytes(700)) == info.tobuf(format_, "utf-8") + bytes(1024)


@pytest.mark.parametrize("size", [0, 512, 9216, 9728, 10_240])
def test_a_tar_ends_with_two_empty_blocks_in_a_whole_record(size):
    end = end_of_tar(size)
    assert 1024 <= len(end) < 1024 + 10_240
    assert (size + len(end)) % 10_240 == 0


def test_merged_folders_keep_their_labels(tmp_path):
    for name in ("train/cats/1.jpg", "train/dogs/1.jpg", "val/cats/1.jpg", "val/dogs/1.jpg"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(name.encode())
    assert find_photos(tmp_path / "photos").merged
    pack_photos(tmp_path / "photos", tmp_path / "out")
    packed = {photo.key: photo.label for photo in read(tmp_path / "out")}
    assert packed == {
        f"{split}/{label}/1": label for split in ("train", "val") for label in ("cats", "dogs")
    }
