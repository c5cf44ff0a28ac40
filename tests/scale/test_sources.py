"""Photos wherever they lie become pieces of work: always the same, and others when a shard was replaced."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from edgecls_device.errors import DataError, OptionError, StorageError

from edgecls.scale.sources import find_pieces, fingerprint, is_shards, places
from tests.scale.tars import JPEG, write_tar


def write_photos(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(JPEG + name.encode())
    return root


@pytest.fixture
def folder(tmp_path) -> Path:
    return write_photos(
        tmp_path / "photos", *(f"{label}/{i}.jpg" for label in ("cats", "dogs") for i in range(5))
    )


@pytest.fixture
def shards(tmp_path) -> Path:
    for i in range(3):
        write_tar(tmp_path / "shards" / f"{i}.tar", [(f"cats/{i}.jpg", JPEG)])
    return tmp_path / "shards"


def test_a_folder_becomes_pieces_of_so_many_files(folder):
    pieces = find_pieces(folder, photos_per_piece=4)
    assert [piece.index for piece in pieces] == [0, 1, 2]
    assert [piece.photos for piece in pieces] == [4, 4, 2]
    assert {piece.kind for piece in pieces} == {"files"}
    files = [file for piece in pieces for file in piece.files]
    assert files[0] == ("cats/0.jpg", "cats")
    assert files[-1] == ("dogs/4.jpg", "dogs")


def test_folders_of_a_split_are_one_set_and_what_systems_put_there_is_passed_over(tmp_path):
    root = write_photos(
        tmp_path,
        *("train/cats/1.jpg", "train/dogs/1.jpg", "val/cats/2.jpg", "val/dogs/2.jpg"),
        *("train/cats/._1.jpg", "train/__MACOSX/1.jpg", "train/cats/notes.txt"),
    )
    (piece,) = find_pieces(root)
    assert piece.files == (
        ("train/cats/1.jpg", "cats"),
        ("val/cats/2.jpg", "cats"),
        ("train/dogs/1.jpg", "dogs"),
        ("val/dogs/2.jpg", "dogs"),
    )


def test_the_same_photos_give_the_same_pieces(folder, shards):
    for location in (folder, shards):
        assert find_pieces(location) == find_pieces(str(location))
        assert fingerprint(find_pieces(location)) == fingerprint(find_pieces(location))


def test_tars_are_pieces_by_their_paths_at_any_depth(tmp_path):
    for name in ("b/2.tar", "b/1.tar", "a.tar", ".cache/0.tar"):
        write_tar(tmp_path / name, [("cats/1.jpg", JPEG)])
    pieces = find_pieces(tmp_path)
    assert [piece.location for piece in pieces] == [
        str(tmp_path / name) for name in ("a.tar", "b/1.tar", "b/2.tar")
    ]
    assert all(piece.size_bytes == 10_240 and piece.kind == "tar" for piece in pieces)


def test_one_tar_is_one_piece(shards):
    (piece,) = find_pieces(shards / "1.tar")
    assert piece.location == str(shards / "1.tar")


def test_a_replaced_shard_is_noticed_even_at_the_same_size(shards):
    before = find_pieces(shards)
    write_tar(shards / "1.tar", [("dogs/1.jpg", JPEG)])
    os.utime(shards / "1.tar", ns=(1, 1))
    after = find_pieces(shards)
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False, True]
    assert fingerprint(before) != fingerprint(after)


def test_a_replaced_photo_is_noticed(folder):
    before = find_pieces(folder, photos_per_piece=5)
    size = (folder / "cats" / "3.jpg").stat().st_size
    (folder / "cats" / "3.jpg").write_bytes(bytes(size))
    os.utime(folder / "cats" / "3.jpg", ns=(1, 1))
    after = find_pieces(folder, photos_per_piece=5)
    assert [a == b for a, b in zip(before, after, strict=True)] == [False, True]


def test_shards_are_told_from_class_folders(folder, shards, tmp_path):
    assert is_shards(shards)
    assert is_shards(str(shards / "0.tar"))
    assert is_shards("s3://bucket/shards")
    assert not is_shards(folder)
    assert not is_shards(tmp_path / "missing")
    assert not is_shards(folder / "cats" / "0.jpg")


def test_a_tar_beside_the_folders_that_came_out_of_it_is_not_a_shard(folder):
    write_tar(folder / "photos.tar", [("cats/1.jpg", JPEG)])
    assert not is_shards(folder)
    assert {piece.kind for piece in find_pieces(folder)} == {"files"}


def test_links_in_a_circle_are_followed_once(shards):
    (shards / "again").symlink_to(shards)
    assert len(find_pieces(shards)) == 3


def test_shards_of_both_formats_are_refused(shards):
    (shards / "photos.parquet").write_bytes(b"")
    with pytest.raises(DataError, match="one format"):
        find_pieces(shards)


@pytest.mark.parametrize("name", ["missing", "missing.tar", "empty"])
def test_nothing_to_read_is_a_typed_error(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError):
        find_pieces(tmp_path / name)


def test_a_folder_that_may_not_be_read_is_a_typed_error(shards, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("edgecls.scale.filesystems.os.scandir", refuse)
    with pytest.raises(StorageError, match="Permission denied"):
        is_shards(shards)


def test_every_row_group_is_a_piece_and_a_damaged_file_one_that_fails_later(tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pa.table({"bytes": [JPEG] * 5, "label": ["cats"] * 5})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    (tmp_path / "b.parquet").write_bytes(b"no Parquet file")
    pieces = find_pieces(tmp_path)
    assert [(piece.index, piece.row_group, piece.photos) for piece in pieces] == [
        (0, 0, 2),
        (1, 1, 2),
        (2, 2, 1),
        (3, 0, 0),
    ]
    assert len({fingerprint([piece]) for piece in pieces}) == 4


def test_a_shard_is_one_place_and_a_choice_of_its_photos_is_another(tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pa.table({"bytes": [JPEG] * 4})
    for name in "ab":
        pq.write_table(table, tmp_path / f"{name}.parquet", row_group_size=2)
    pieces = find_pieces(tmp_path)
    (tmp_path / "a.parquet").write_bytes(b"no Parquet file")
    assert places(find_pieces(tmp_path)) == places(pieces)
    first, second = (replace(piece, chosen=(0,)) for piece in pieces[:2])
    sets = [pieces, pieces[2:], [first], [second], [replace(first, chosen=(1,))]]
    assert len({places(some) for some in sets}) == len(sets)


def test_parquet_files_without_a_row_are_a_typed_error(tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pq.ParquetWriter(tmp_path / "a.parquet", pa.schema([("bytes", pa.binary())])).close()
    with pytest.raises(DataError, match="got none"):
        find_pieces(tmp_path)


class TestBehindUrls:
    @pytest.fixture
    def memory(self):
        filesystem = pytest.importorskip("fsspec").filesystem("memory")
        filesystem.store.clear()
        yield filesystem
        filesystem.store.clear()

    def test_shards(self, memory, shards):
        memory.pipe({f"/set/{path.name}": path.read_bytes() for path in shards.iterdir()})
        pieces = find_pieces("memory://set")
        assert [piece.location for piece in pieces] == [f"memory:///set/{i}.tar" for i in range(3)]
        assert find_pieces("memory://set/") == pieces
        assert find_pieces("memory:///set/1.tar")[0].location == pieces[1].location

    def test_a_replaced_shard_is_noticed(self, memory):
        memory.pipe("/set/0.tar", b"1")
        before = fingerprint(find_pieces("memory://set"))
        memory.pipe("/set/0.tar", b"2")
        assert fingerprint(find_pieces("memory://set")) != before

    def test_class_folders_are_those_of_a_folder_here(self, memory, tmp_path):
        names = ["train/cats/a/1.jpg", "train/dogs/1.jpg", "val/cats/2.jpg", "val/dogs/2.jpg"]
        names += ["train/cats/.hidden.jpg", "train/__MACOSX/1.jpg", "train/dogs/notes.txt"]
        write_photos(tmp_path, *names)
        memory.pipe({f"/set/{name}": (tmp_path / name).read_bytes() for name in names})
        (here,), (there,) = find_pieces(tmp_path), find_pieces("memory://set")
        assert there.files == here.files
        assert (there.kind, there.photos) == ("files", 4)

    def test_a_tar_beside_the_folders_that_came_out_of_it_is_not_a_shard(self, memory):
        for name in ("cats/1.jpg", "dogs/1.jpg", "photos.tar"):
            memory.pipe(f"/set/{name}", JPEG)
        (piece,) = find_pieces("memory://set")
        assert piece.kind == "files"

    @pytest.mark.parametrize(
        ("names", "message"),
        [
            ((), "got nothing"),
            (("cats/1.jpg",), "at least two class folders"),
            (("notes.txt",), "at least two class folders"),
            (("a<b/1.jpg", "cats/1.jpg"), "plain text"),
        ],
    )
    def test_what_is_no_set_of_photos_is_refused(self, memory, names, message):
        for name in names:
            memory.pipe(f"/set/{name}", JPEG)
        with pytest.raises(DataError, match=message):
            find_pieces("memory://set")

    def test_an_unknown_protocol_is_refused(self):
        pytest.importorskip("fsspec")
        with pytest.raises(OptionError, match="nosuch://"):
            find_pieces("nosuch://bucket/folder")
