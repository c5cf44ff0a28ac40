import pytest

pytest.importorskip("pyarrow")

from edgecls_device.errors import ArtifactError, ExecutorError, StorageError

from edgecls.scale.parquet_parts import PartWriter, counts, read_rows
from edgecls.scale.task import Column
from edgecls.scale.work import PieceWork, close_looker
from tests.scale.tiny_task import TinyTask, write_pieces

COLUMNS = (Column(name="size", type="int64"), Column(name="vector", type="list<float32>"))


@pytest.fixture(autouse=True)
def _closed():
    yield
    close_looker()


def written(rows):
    writer = PartWriter(7, COLUMNS)
    for i in range(rows):
        if i % 10 == 3:
            writer.add_failed(f"k{i}", "nonsense")
        else:
            writer.add(f"k{i}", {"size": i, "vector": [i, 0.25]})
    return writer.part()


def test_a_part_is_read_as_it_was_written_in_bounded_batches(tmp_path):
    part = written(2500)
    path = tmp_path / "part.parquet"
    path.write_bytes(part.data)
    batches = list(read_rows(path))
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert (part.index, part.photos, part.failed) == (7, 2500, 250)
    assert counts(path) == (2500, 250)
    assert max(batch.num_rows for batch in batches) <= 1024
    assert rows[2] == {"key": "k2", "size": 2, "vector": [2.0, 0.25], "error": None}
    assert rows[3] == {"key": "k3", "size": None, "vector": None, "error": "nonsense"}
    assert [row["key"] for row in rows] == [f"k{i}" for i in range(2500)]


def test_only_the_columns_that_are_wanted_are_read(tmp_path):
    path = tmp_path / "part.parquet"
    path.write_bytes(written(5).data)
    (batch,) = read_rows(path, ["key", "size"])
    assert batch.schema.names == ["key", "size"]


def test_the_same_rows_become_the_same_bytes():
    assert written(1500) == written(1500)


@pytest.mark.parametrize("damage", [b"", b"PAR1", None])
def test_what_is_no_whole_part_has_no_counts_and_is_named_by_a_reader(tmp_path, damage):
    path = tmp_path / "part.parquet"
    path.write_bytes(written(5).data[:-20] if damage is None else damage)
    assert counts(path) is None
    with pytest.raises(StorageError, match=r"part\.parquet"):
        list(read_rows(path))


def test_a_photo_that_fails_is_a_row_that_says_why(tmp_path):
    (piece,) = write_pieces(tmp_path, ["fine", "broken", "also"])
    (tmp_path / piece.files[2][0]).unlink()
    part = PieceWork(task=TinyTask())(piece)
    (tmp_path / "part.parquet").write_bytes(part.data)
    rows = [row for batch in read_rows(tmp_path / "part.parquet") for row in batch.to_pylist()]
    assert (part.photos, part.failed, part.error) == (3, 2, "")
    assert rows[0]["error"] is None
    assert rows[0]["size"] == 4
    assert rows[1]["error"] == "Expected a photo, got nonsense."
    assert "not a file" in rows[2]["error"]


def test_what_is_wrong_with_more_than_a_photo_is_raised_as_it_is(tmp_path):
    (piece,) = write_pieces(tmp_path, ["no model"])
    with pytest.raises(ArtifactError, match="NaN") as caught:
        PieceWork(task=TinyTask())(piece)
    assert caught.value.hint == "export it again"


def test_what_nobody_foresaw_names_the_piece_and_the_line(tmp_path):
    (piece,) = write_pieces(tmp_path, ["defect"])
    with pytest.raises(ExecutorError, match=r"00000\.jpg.*KeyError.*surprise.*tiny_task\.py, line"):
        PieceWork(task=TinyTask())(piece)


def test_a_model_is_opened_once_for_many_pieces_and_anew_for_another_task(tmp_path, monkeypatch):
    pieces = write_pieces(tmp_path, ["a"] * 8)
    opened = []
    real = TinyTask.open
    monkeypatch.setattr(TinyTask, "open", lambda task: opened.append(task) or real(task))
    for piece in pieces:
        PieceWork(task=TinyTask())(piece)
    PieceWork(task=TinyTask(fingerprint="2"))(pieces[0])
    assert [task.fingerprint for task in opened] == ["1", "2"]


def test_a_piece_that_cannot_be_read_is_a_part_with_an_error(tmp_path):
    from edgecls.scale.piece import Piece

    (tmp_path / "a.tar").write_bytes(b"no tar")
    part = PieceWork(task=TinyTask())(Piece(index=3, kind="tar", location=str(tmp_path / "a.tar")))
    assert (part.index, part.data) == (3, b"")
    assert "a.tar" in part.error
