"""Pieces are read as a stream, and whatever stands in a shard is a photo, a failed photo or a typed error."""

import io
import json
import os
import random
import tarfile
import tracemalloc

import numpy as np
import pytest
from edgecls_device.errors import DataError, EdgeclsError, NetworkError

from edgecls.scale import tar_photos
from edgecls.scale.photo_labels import to_label
from edgecls.scale.reading import read_piece
from edgecls.scale.sources import find_pieces
from edgecls.scale.tar_writing import end_of_tar, tar_member
from tests.scale.tars import JPEG, special, write_tar


def read(location):
    return [photo for piece in find_pieces(location) for photo in read_piece(piece)]


@pytest.fixture
def read_members(tmp_path):
    def read_them(*members, **options):
        return read(write_tar(tmp_path / "shard.tar", members, **options))

    return read_them


class TestFiles:
    @pytest.fixture
    def folder(self, tmp_path):
        for label in ("cats", "dogs"):
            (tmp_path / "photos" / label).mkdir(parents=True)
            (tmp_path / "photos" / label / "1.jpg").write_bytes(label.encode())
        return tmp_path / "photos"

    def test_photos_come_with_path_label_and_bytes(self, folder):
        photos = [(photo.key, photo.label, photo.data) for photo in read(folder)]
        assert photos == [("cats/1.jpg", "cats", b"cats"), ("dogs/1.jpg", "dogs", b"dogs")]

    def test_one_that_cannot_be_read_does_not_stop_the_rest(self, folder, monkeypatch):
        (folder / "cats" / "0.jpg").symlink_to("nowhere")
        (folder / "cats" / "2.jpg").mkdir()
        (folder / "cats" / "2.jpg" / "x").touch()
        (folder / "cats" / "3.jpg").write_bytes(bytes(50))
        (folder / "cats" / "\udcff.jpg").write_bytes(b"x")
        monkeypatch.setattr("edgecls.data.looks.MAX_IMAGE_BYTES", 40)
        errors = {photo.key: photo.error for photo in read(folder)}
        assert errors == {
            "cats/0.jpg": "not a file, or a link to nothing",
            "cats/1.jpg": "",
            "cats/3.jpg": "larger than 0 MB",
            "cats/\\udcff.jpg": "its name is not Unicode (UTF-8)",
            "dogs/1.jpg": "",
        }

    @pytest.mark.parametrize("change", ["missing", "larger", "newer"])
    def test_photos_that_are_others_than_were_listed_are_not_taken_for_them(self, folder, change):
        (piece,) = find_pieces(folder)
        photo = folder / "dogs" / "1.jpg"
        before = photo.stat()
        if change == "missing":
            photo.unlink()
        else:
            photo.write_bytes(b"dogs!" if change == "larger" else b"cats")
            newer = before.st_mtime_ns + (change == "newer")
            os.utime(photo, ns=(before.st_atime_ns, newer))
        with pytest.raises(DataError, match=r"cats/1\.jpg and the 1 after it as they were listed"):
            list(read_piece(piece))

    def test_a_folder_that_went_away_is_no_set_of_failed_photos(self, folder):
        (piece,) = find_pieces(folder)
        folder.rename(folder.with_name("moved"))
        with pytest.raises(DataError, match="not there any more"):
            list(read_piece(piece))


class TestTar:
    def test_the_folder_is_the_label_where_nothing_says_another(self, read_members):
        photos = read_members(
            *(("cats/1.jpg", JPEG), ("./set/dogs/2.PNG", b"png"), ("3.jpg", JPEG)),
            *(("x/4.jpg", JPEG), ("x/4.cls", b"7\n"), ("x/5.txt", b"birds"), ("x/5.jpg", JPEG)),
        )
        labels = [(photo.key, photo.label) for photo in photos]
        assert labels == [
            *(("cats/1", "cats"), ("set/dogs/2", "dogs"), ("3", None)),
            *(("x/4", 7), ("x/5", "birds")),
        ]
        assert photos[1].data == b"png"

    def test_a_name_counts_more_than_a_number(self, read_members):
        told = json.dumps({"label": "cats", "width": 4}).encode()
        (photo,) = read_members(("1.cls", b"3"), ("1.jpg", JPEG), ("1.json", told))
        assert photo.label == "cats"

    def test_json_without_a_label_leaves_it_to_the_rest(self, read_members):
        (photo,) = read_members(("1.json", b'{"width": 4}'), ("1.jpg", JPEG), ("1.cls", b"3"))
        assert photo.label == 3

    def test_a_number_as_the_name_of_a_folder_is_a_name(self, read_members):
        (photo,) = read_members(("7/1.jpg", JPEG))
        assert photo.label == "7"

    def test_a_mask_beside_a_photo_is_no_photo(self, read_members):
        photos = read_members(("1.depth.png", b"d"), ("1.jpg", JPEG), ("1.seg.png", b"s"))
        assert [(photo.key, photo.data) for photo in photos] == [("1", JPEG)]

    def test_names_with_points_are_photos_where_there_is_no_other(self, read_members):
        names = [f"cats/IMG.{i}.jpg" for i in range(20)]
        photos = read_members(*((name, name.encode()) for name in names))
        assert [(f"{p.key}.jpg", p.data.decode(), p.label) for p in photos] == [
            (name, name, "cats") for name in names
        ]

    def test_what_systems_put_there_and_other_files_are_passed_over(self, read_members):
        photos = read_members(
            *(("cats/._1.jpg", b"x"), ("__MACOSX/cats/1.jpg", b"x"), (".git/1.jpg", b"x")),
            *(("README.md", b"x"), ("cats/1.jpg", JPEG), ("cats/noext", b"x")),
        )
        assert [photo.key for photo in photos] == ["cats/1"]

    def test_odd_members_are_failed_photos_and_touch_nothing(self, read_members, tmp_path):
        (tmp_path / "secret.jpg").write_bytes(b"secret")
        photos = read_members(
            ("cats/1.jpg", JPEG),
            (special("cats/2.jpg", tarfile.SYMTYPE, str(tmp_path / "secret.jpg")), b""),
            (special("cats/3.jpg", tarfile.LNKTYPE, "cats/1.jpg"), b""),
            (special("cats/4.jpg", tarfile.CHRTYPE), b""),
            (special("cats/5.jpg", tarfile.FIFOTYPE), b""),
            ("cats/1.jpg", JPEG),
            ("cats/6.jpg", JPEG),
            ("cats/6.png", JPEG),
        )
        link, device, doubled = "a link in the tar, not a file", "not a file", "its key came before"
        errors = [photo.error for photo in photos]
        assert errors[:5] == ["", link, link, device, device]
        assert errors[5].startswith(doubled)
        assert errors[6] == ""
        assert errors[7] == "another picture has the same key"
        assert all(photo.data == b"" for photo in photos if photo.error)

    def test_names_that_lead_elsewhere_are_names_below_the_tar(self, read_members):
        photos = read_members(("/etc/cats/1.jpg", JPEG), ("../../dogs/2.jpg", JPEG))
        assert [(photo.key, photo.label) for photo in photos] == [
            ("etc/cats/1", "cats"),
            ("dogs/2", "dogs"),
        ]

    @pytest.mark.parametrize("format_", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
    def test_long_and_foreign_names(self, read_members, format_):
        name = f"{'ordner/' * 30}Katzen\u00e4hnlich/{'x' * 120}"
        (photo,) = read_members((f"{name}.jpg", JPEG), format=format_)
        assert (photo.key, photo.label) == (name, "Katzen\u00e4hnlich")

    def test_a_decomposed_name_is_the_label_that_training_gives_it(self, read_members):
        (photo,) = read_members(("A\u0308pfel/1.jpg", JPEG))
        assert photo.label == "\u00c4pfel"

    def test_a_photo_that_is_too_large_is_skipped(self, read_members, monkeypatch):
        monkeypatch.setattr(tar_photos, "MAX_IMAGE_BYTES", 1000)
        photos = read_members(("cats/1.jpg", bytes(1001)), ("cats/2.jpg", JPEG))
        assert [photo.error for photo in photos] == ["larger than 0 MB", ""]

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            *(("1.cls", b"\xff\xfe"), ("1.cls", b"-7"), ("1.txt", b"<b>cats</b>")),
            *(("1.txt", b"x" * 101), ("1.json", b"{"), ("1.json", b"[" * 100_000)),
            *(("1.json", b'{"label": 1.5}'), ("1.json", b'{"label": true}')),
            ("1.json", b'{"label": ["cats"]}'),
        ],
    )
    def test_a_label_that_is_none_makes_a_failed_photo(self, read_members, name, text):
        bad, good = read_members(("1.jpg", JPEG), (name, text), ("cats/2.jpg", JPEG))
        assert bad.error
        assert (bad.label, bad.data) == (None, b"")
        assert good.label == "cats"

    def test_nobody_knows_is_no_label(self, read_members):
        photos = read_members(
            *(("1.jpg", JPEG), ("1.cls", b"-1"), ("2.jpg", JPEG), ("2.cls", b"\n")),
            *(("3.jpg", JPEG), ("3.json", b'{"label": null}')),
        )
        assert [(photo.label, photo.error) for photo in photos] == [(None, "")] * 3

    def test_a_tar_without_photos_is_an_error(self, read_members):
        with pytest.raises(DataError, match=r"Expected photos in the tar .*shard\.tar"):
            read_members(("1.txt", b"cats"))

    def test_a_cut_off_tar_is_an_error_wherever_it_ends(self, tmp_path):
        members = [(f"cats/{i}.jpg", bytes([i]) * 700) for i in range(4)]
        path = write_tar(tmp_path / "shard.tar", members)
        whole = path.read_bytes()
        assert len(read(path)) == 4
        end = 4 * (512 + 1024)
        for length in (0, 1, 511, 512, 700, 1536, 3000, 3072, 5000, end - 1, end, end + 511):
            path.write_bytes(whole[:length])
            with pytest.raises(DataError, match=r"damaged one.*|empty"):
                read(path)
        path.write_bytes(whole[: end + 512])
        assert len(read(path)) == 4

    def test_photos_before_the_damage_are_there(self, tmp_path):
        members = [(f"cats/{i}.jpg", bytes(700)) for i in range(4)]
        path = write_tar(tmp_path / "shard.tar", members)
        path.write_bytes(path.read_bytes()[: 3 * 1536 + 600])
        photos = read_piece(find_pieces(path)[0])
        assert [next(photos).key for _ in range(2)] == ["cats/0", "cats/1"]
        with pytest.raises(DataError, match="damaged"):
            list(photos)

    @pytest.mark.parametrize("content", [b"no tar" * 1000, b"\x1f\x8b\x08" + bytes(600), JPEG])
    def test_what_is_no_tar_is_an_error(self, tmp_path, content):
        (tmp_path / "shard.tar").write_bytes(content)
        with pytest.raises(DataError, match=r"shard\.tar"):
            read(tmp_path / "shard.tar")

    def test_tars_one_after_the_other_lose_nothing_silently(self, tmp_path):
        path = write_tar(tmp_path / "shard.tar", [("cats/1.jpg", JPEG)])
        path.write_bytes(path.read_bytes() * 2)
        with pytest.raises(DataError, match="goes on with something else"):
            read(path)

    def test_an_endless_header_is_an_error(self, read_members):
        info = tarfile.TarInfo("cats/2.jpg")
        info.pax_headers = {"comment": "x" * 3_000_000}
        with pytest.raises(DataError, match="header"):
            read_members(("cats/1.jpg", JPEG), (info, JPEG))

    def test_damage_anywhere_is_a_typed_error_or_none(self, tmp_path):
        rng = random.Random(0)
        members = [(f"cats/{i}.jpg", bytes(600)) for i in range(3)] + [("cats/2.cls", b"1")]
        path = write_tar(tmp_path / "shard.tar", members, format=tarfile.PAX_FORMAT)
        whole = path.read_bytes()
        for _ in range(150):
            data = bytearray(whole)
            for _ in range(rng.choice((1, 3, 20))):
                data[rng.randrange(6000)] = rng.randrange(256)
            path.write_bytes(data)
            try:
                read(path)
            except DataError:
                continue

    def test_a_large_tar_is_a_stream(self):
        class Endless:
            """A tar of 60 photos of 2 MB each, made as it is read."""

            def __init__(self):
                self.parts = (tar_member(f"cats/{i}.jpg", bytes(2_000_000)) for i in range(60))
                self.rest, self.total = b"", 0

            def read(self, size):
                while len(self.rest) < size:
                    part = next(self.parts, None)
                    if part is None:
                        self.rest += end_of_tar(self.total) if self.total else b""
                        self.total = 0
                        break
                    self.rest, self.total = self.rest + part, self.total + len(part)
                data, self.rest = self.rest[:size], self.rest[size:]
                return data

        class Blocks(Endless):
            def read(self, size):
                """Give what is asked for out of a large block, without copying the rest each time."""
                if not hasattr(self, "block"):
                    self.block, self.at = super().read(2_000_896), 0
                data = self.block[self.at : self.at + size]
                self.at += len(data)
                if len(data) < size:
                    self.block, self.at = super().read(2_000_896), 0
                    more = self.block[: size - len(data)]
                    self.at = len(more)
                    data += more
                return data

        tracemalloc.start()
        try:
            count = sum(not photo.error for photo in tar_photos.read_tar(Blocks(), name="endless"))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert count == 60
        assert peak < 30_000_000

    def test_what_is_passed_over_is_not_remembered(self):
        data = b"".join(tar_member(f"{i}.bin", b"") for i in range(4000)) + tar_member(
            "1.jpg", JPEG
        )
        stream = io.BytesIO(data + end_of_tar(len(data)))
        tracemalloc.start()
        try:
            (photo,) = tar_photos.read_tar(stream, name="many")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert photo.data == JPEG
        assert peak < 1_000_000

    def test_a_shard_that_was_replaced_since_is_refused(self, tmp_path):
        path = write_tar(tmp_path / "shard.tar", [("cats/1.jpg", JPEG)])
        (piece,) = find_pieces(path)
        write_tar(path, [("cats/1.jpg", JPEG)] * 20)
        with pytest.raises(DataError, match="changed since"):
            list(read_piece(piece))

    def test_a_shard_that_went_away_is_a_typed_error(self, tmp_path):
        path = write_tar(tmp_path / "shard.tar", [("cats/1.jpg", JPEG)])
        (piece,) = find_pieces(path)
        path.unlink()
        with pytest.raises(EdgeclsError, match=r"shard\.tar"):
            list(read_piece(piece))


@pytest.mark.parametrize("value", [True, 1.5, b"cats", "", -2, np.float32(1), ["cats"]])
def test_what_is_no_label_is_refused(value):
    with pytest.raises(DataError):
        to_label(value)


class TestParquet:
    @pytest.fixture
    def read_table(self, tmp_path):
        pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")

        def read_it(columns, *, metadata=None, **options):
            table = pa.table(columns).replace_schema_metadata(metadata)
            pq.write_table(table, tmp_path / "photos.parquet", **options)
            return read(tmp_path / "photos.parquet")

        return read_it

    def test_plain_columns(self, read_table):
        photos = read_table(
            {"key": ["a", "b"], "label": ["cats", None], "bytes": [b"1", b"2"], "other": [1, 2]}
        )
        assert [(photo.key, photo.label, photo.data) for photo in photos] == [
            ("a", "cats", b"1"),
            ("b", None, b"2"),
        ]

    def test_keys_count_the_rows_where_there_is_no_column(self, read_table):
        photos = read_table({"image": [b"1", b"2", b"3"]}, row_group_size=2)
        assert [photo.key for photo in photos] == [f"photos/{i:08}" for i in range(3)]

    def test_as_hugging_face_writes_it(self, read_table):
        names = {"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}
        photos = read_table(
            {
                "image": [{"bytes": b"1", "path": "x.jpg"}, {"bytes": b"2", "path": None}] * 2,
                "label": [1, 0, -1, 5],
            },
            metadata={"huggingface": json.dumps(names)},
        )
        assert [photo.label for photo in photos] == ["dog", "cat", None, None]
        assert [bool(photo.error) for photo in photos] == [False, False, False, True]

    def test_numbers_stay_numbers_without_names(self, read_table):
        assert [p.label for p in read_table({"bytes": [b"1", b"2"], "label": [4, 0]})] == [4, 0]

    def test_rows_that_cannot_be_used_are_failed_photos(self, read_table, monkeypatch):
        monkeypatch.setattr("edgecls.scale.parquet_photos.MAX_IMAGE_BYTES", 10)
        photos = read_table(
            {
                "key": ["a", "b", "c", "d", "a"],
                "bytes": [None, b"", bytes(11), b"1", b"2"],
                "label": ["x", "x", "x", "<x>", "x"],
            }
        )
        assert [photo.error.split(" ", 1)[0] for photo in photos] == [
            *("no", "no", "larger", "Expected", "its"),
        ]

    @pytest.mark.parametrize(
        "columns", [{"label": ["cats"]}, {"image": ["path.jpg"]}, {"image": [{"path": "a"}]}]
    )
    def test_a_file_without_pictures_is_an_error(self, read_table, columns):
        with pytest.raises(DataError, match="column bytes or image"):
            read_table(columns)

    def test_a_file_without_rows_is_an_error(self, read_table):
        pa = pytest.importorskip("pyarrow")
        schema = pa.schema([("bytes", pa.binary())])
        read_table({"bytes": [b"1"]})
        assert (
            read_table(schema.empty_table().to_pydict() | {"bytes": pa.array([], pa.binary())})
            == []
        )

    def test_damage_is_a_typed_error(self, read_table, tmp_path):
        read_table({"bytes": [random.Random(i).randbytes(5000) for i in range(4)]})
        path = tmp_path / "photos.parquet"
        whole = path.read_bytes()
        for data in (whole[:-20], whole[:3000], b"", whole[:4] + whole[9:], b"PAR1" * 10):
            path.write_bytes(data)
            with pytest.raises(DataError, match=r"photos\.parquet"):
                read(path)


def test_a_connection_that_breaks_is_no_damage(tmp_path, monkeypatch):
    fsspec = pytest.importorskip("fsspec")

    class Breaking(io.BytesIO):
        def read(self, size=-1):
            if self.tell() > 10_000:
                message = "Connection reset by peer"
                raise ConnectionResetError(message)
            return super().read(size)

    path = write_tar(tmp_path / "0.tar", [(f"cats/{i}.jpg", bytes(9000)) for i in range(5)])
    memory = fsspec.filesystem("memory")
    memory.pipe("/breaking/0.tar", path.read_bytes())
    whole = Breaking(path.read_bytes())
    monkeypatch.setattr(type(memory), "_open", lambda *arguments, **options: whole)
    with pytest.raises(NetworkError, match="reset by peer"):
        read("memory://breaking/0.tar")
    memory.store.clear()


def test_a_shard_behind_a_url_is_read_as_one_here(tmp_path):
    fsspec = pytest.importorskip("fsspec")
    path = write_tar(tmp_path / "0.tar", [(f"cats/{i}.jpg", bytes([i])) for i in range(5)])
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.pipe("/set/0.tar", path.read_bytes())
    assert read("memory://set") == read(tmp_path)
    memory.pipe("/set/0.tar", path.read_bytes()[:2000])
    with pytest.raises(DataError, match=r"memory://.*damaged"):
        read("memory://set")
    memory.store.clear()
