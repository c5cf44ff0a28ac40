import io
import json
import tarfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("pyarrow")

from edgecls_bench.cases import plan_cases
from edgecls_bench.compare import compare
from edgecls_bench.comparison import Comparison
from edgecls_bench.evaluation import Verdict
from edgecls_device.errors import DataError, OptionError
from edgecls_device.records import from_json

from edgecls.comparison_photos import photos_in_folder
from edgecls.data.download import sha256_of
from edgecls.scale.comparing import limited_pieces, plan_large
from edgecls.scale.evaluate_task import case_columns, evaluate_task
from edgecls.scale.piece import ShardPhoto
from edgecls.scale.reading import read_piece
from edgecls.scale.results import open_results
from edgecls.scale.sources import file_pieces, find_pieces, fingerprint
from edgecls.scale.work import close_looker
from tests.benchmarks import conftest
from tests.benchmarks.color_models import LABELS, color_spec, write_color_model
from tests.command_line import edgecls
from tests.scale.in_this_process import InThisProcess

float_model, int8_model = conftest.float_model, conftest.int8_model
artifacts, photos_dir, run = conftest.artifacts, conftest.photos_dir, conftest.run


@pytest.fixture(autouse=True)
def _closed():
    yield
    close_looker()


@pytest.fixture
def here(monkeypatch):
    """Let the command use :class:`InThisProcess`."""

    @contextmanager
    def open_here(*args, **options):
        yield InThisProcess()

    monkeypatch.setattr("edgecls.cli.executor_options.open_executor", open_here)


def photos_of(root):
    """Return (name, label, bytes) of each photo, by label."""
    return [
        (f"{path.parent.name}-{path.stem}", path.parent.name, path.read_bytes())
        for path in sorted(root.glob("*/*"))
    ]


def write_tar(path, photos, *, text="cls"):
    """Write a WebDataset tar; without labels where they are None."""
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for key, label, data in photos:
            members = {f"{key}.png": data}
            if label is not None:
                members[f"{key}.{text}"] = str(label).encode()
            for name, content in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return path


@pytest.fixture
def shards(tmp_path, photos_dir):
    """Three tar shards of all photos."""
    photos = photos_of(photos_dir)
    for index in range(3):
        write_tar(tmp_path / "shards" / f"{index}.tar", photos[index::3])
    return tmp_path / "shards"


@pytest.fixture
def parquet(tmp_path, photos_dir):
    """One Parquet file of all photos in row groups of four, with numbers as labels."""
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    keys, labels, data = zip(*photos_of(photos_dir), strict=True)
    numbers = [LABELS.index(label) for label in labels]
    table = pa.table({"key": keys, "label": pa.array(numbers), "bytes": pa.array(data)})
    path = tmp_path / "photos.parquet"
    pq.write_table(table, path, row_group_size=4)
    return path


def planned(artifacts, pieces, **options):
    options = {"labels": LABELS, "data": "photos", "split": "all", "has_classes": True, **options}
    return plan_large(artifacts, pieces, **options)


def record(run):
    return from_json(Comparison, run.compare.read_bytes(), name="compare.json")


def figures(comparison):
    """Return all but what says when, where and how it was made."""
    return replace(comparison, created="", results="")


def by_key(comparison):
    """Return what was said of each photo, whatever their order."""
    return {
        key: [(case.predicted[i], case.confidence[i]) for case in comparison.cases]
        for i, key in enumerate(comparison.photos)
    }


def test_the_figures_of_a_folder_are_those_of_one_process(artifacts, photos_dir, tmp_path):
    (photos_dir / "blue" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    found = photos_in_folder(photos_dir, LABELS)
    outside = sorted((photos_dir / "red").iterdir())
    options = {"out_of_set": outside, "out_of_set_folder": "others"}
    wanted = compare(
        artifacts, found.photos, labels=LABELS, data=found.data, split="all", **options
    )
    files = [(photo.path, LABELS[photo.class_id]) for photo in found.photos]
    plan = planned(
        artifacts, file_pieces(found.data, files, photos_per_piece=5), data=str(found.data)
    )
    got = plan.run(InThisProcess(), results=tmp_path / "out", **options).comparison
    assert figures(got) == figures(wanted)
    assert (got.skipped, got.results) == (1, str(tmp_path / "out"))


def test_processes_give_the_figures_of_one_process(run, photos_dir, tmp_path):
    assert edgecls("compare", run.path, "--data", photos_dir, "--max-drop", 50) == 14
    wanted = record(run)
    kept = tmp_path / "kept"
    options = ("--max-drop", 50, "--executor", "local", "--workers", 2, "--results", kept)
    assert edgecls("compare", run.path, "--data", photos_dir, *options) == 14
    got = record(run)
    assert figures(got) == figures(wanted)
    assert got.results == str(kept)
    assert open_results(kept).photos == 18


def test_the_test_photos_of_a_run_are_compared_and_results_kept_in_it(run, here, capsys):
    assert edgecls("compare", run.path) == 0
    wanted = record(run)
    assert edgecls("compare", run.path, "--workers", 1) == 0
    got = record(run)
    assert figures(got) == figures(wanted)
    assert Path(got.results).parent == run.comparisons
    assert f"{got.results}/part-*.parquet" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["shards", "parquet"])
def test_shards_say_what_the_folder_says(kind, request, run, photos_dir, here, capsys):
    source = request.getfixturevalue(kind)
    assert edgecls("compare", run.path, "--data", photos_dir) == 0
    wanted = record(run)
    capsys.readouterr()
    assert edgecls("compare", run.path, "--data", source) == 0
    got = record(run)
    assert (got.split, got.data, got.photo_count) == ("shards", str(source), 18)
    names = {
        key.replace("/", "-").removesuffix(".png"): said for key, said in by_key(wanted).items()
    }
    assert by_key(got) == names
    for mine, theirs in zip(got.cases, wanted.cases, strict=True):
        assert mine.confusion == theirs.confusion
        assert (mine.top1, mine.paired, mine.agreement) == (
            theirs.top1,
            theirs.paired,
            theirs.agreement,
        )
    assert "of these photos were trained on" in capsys.readouterr().err


def test_results_hold_what_each_case_said_of_each_photo(artifacts, shards, photos_dir, tmp_path):
    plan = planned(artifacts, find_pieces(shards))
    plan.run(InThisProcess(), results=tmp_path / "out")
    rows = {row["key"]: row for row in open_results(tmp_path / "out").rows()}
    row = rows["red-0"]
    assert row["label_id"] == LABELS.index("red")
    assert row["is_trained_on"] is None
    assert row["0:colors.float32.onnx:onnxruntime:predicted"] == LABELS.index("red")
    assert row["1:colors.int8.onnx:onnxruntime:predicted"] == LABELS.index("green")
    assert not row["1:colors.int8.onnx:onnxruntime:is_agreeing"]
    assert len(row) == 4 + 2 * len(Verdict._fields)


def test_what_is_done_is_not_done_again(artifacts, shards, tmp_path):
    plan = planned(artifacts, find_pieces(shards))
    first = plan.run(InThisProcess(), results=tmp_path / "out").comparison
    (tmp_path / "out" / "part-00001.parquet").unlink()
    steps = []
    again = plan.run(InThisProcess(), results=tmp_path / "out", advance=steps.append).comparison
    assert steps == [2, 1]
    assert figures(again) == figures(first)


def test_more_photos_than_are_listed_say_where_what_was_said_is(artifacts, shards, tmp_path):
    plan = planned(artifacts, find_pieces(shards))
    found = plan.run(InThisProcess(), results=tmp_path / "out", most_listed=10).comparison
    assert (found.photos, found.class_ids, found.cases[0].predicted) == ((), (), ())
    assert (found.photo_count, found.photos_per_class) == (18, (6, 6, 6))
    assert found.cases[1].confusion == ((6, 0, 0), (0, 6, 0), (0, 6, 0))


def test_photos_without_labels_are_compared_without(tmp_path, run, photos_dir, here, capsys):
    source = write_tar(
        tmp_path / "n" / "0.tar", [(k, None, d) for k, _, d in photos_of(photos_dir)]
    )
    assert edgecls("compare", run.path, "--data", source) == 3
    error = capsys.readouterr().err
    assert "Expected a label for every photo, got none for 'blue-0'" in error
    assert "KEY.cls" in error
    assert "--no-labels" in error
    assert edgecls("compare", run.path, "--data", source, "--no-labels") == 0
    found = record(run)
    assert (found.class_ids, found.photo_count, found.has_classes) == ((), 18, False)
    assert found.cases[1].agreement == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("label", "message", "hint"),
    [
        ("gren", "got 'gren' for 'blue-0'", "'gren' is near 'green'"),
        ("3", "0 to 2, got 3 for 'blue-0'", "count the model's labels from 0, which is 'blue'"),
    ],
)
def test_a_label_that_is_none_of_the_models_ends_the_comparison(
    label, message, hint, tmp_path, artifacts, photos_dir
):
    photos = [(key, label, data) for key, _, data in photos_of(photos_dir)]
    plan = planned(artifacts, find_pieces(write_tar(tmp_path / "n" / "0.tar", photos)))
    with pytest.raises(DataError, match=message) as caught:
        plan.run(InThisProcess(), results=tmp_path / "out")
    assert hint in caught.value.hint


def test_a_wrong_label_travels_from_a_worker_process(tmp_path, artifacts, run, photos_dir, capsys):
    photos = [(key, "gren", data) for key, _, data in photos_of(photos_dir)]
    source = write_tar(tmp_path / "n" / "0.tar", photos)
    assert edgecls("compare", run.path, "--data", source, "--workers", 1) == 3
    assert "'gren' is near 'green'" in capsys.readouterr().err


def test_photos_that_do_not_decode_are_counted(artifacts, tmp_path, photos_dir):
    photos = photos_of(photos_dir)
    photos[4] = (photos[4][0], "blue", b"\x89PNG\r\n\x1a\n broken")
    pieces = find_pieces(write_tar(tmp_path / "n" / "0.tar", photos))
    found = planned(artifacts, pieces).run(InThisProcess(), results=tmp_path / "out").comparison
    assert (found.skipped, found.photo_count) == (1, 17)
    broken = [(key, label, b"\x89PNG\r\n\x1a\n broken") for key, label, _ in photos]
    pieces = find_pieces(write_tar(tmp_path / "b" / "0.tar", broken))
    with pytest.raises(DataError, match="none of 18: Expected a JPEG"):
        planned(artifacts, pieces).run(InThisProcess(), results=tmp_path / "broken")


def test_a_limit_is_spread_over_the_pieces(parquet, run, here, capsys):
    assert edgecls("compare", run.path, "--data", parquet, "--limit", 6, "--json") == 0
    body = json.loads(capsys.readouterr().out)
    assert body["class_ids"] == [0, 0, 1, 1, 2, 2]


def test_a_limit_of_pieces_reads_the_chosen_photos_alone(parquet, photos_dir):
    pieces = find_pieces(parquet)
    for most in (1, 5, 17):
        chosen = limited_pieces(pieces, most)
        keys = [photo.key for piece in chosen for photo in read_piece(piece)]
        names = [key for key, _, _ in photos_of(photos_dir)]
        assert keys == [names[i * 18 // most] for i in range(most)]
        assert [piece.index for piece in chosen] == list(range(len(chosen)))
        assert [piece.photos for piece in chosen] == [len(piece.chosen) for piece in chosen]
    assert limited_pieces(pieces, 18) == limited_pieces(pieces, None) == pieces
    files = find_pieces(photos_dir, photos_per_piece=7)
    some = limited_pieces(files, 9)
    assert [len(piece.files) for piece in some] == [4, 3, 2]
    assert [len(list(read_piece(piece))) for piece in some] == [4, 3, 2]


def test_a_limit_leaves_no_file_out_that_cannot_be_read(parquet):
    folder = parquet.parent / "two"
    folder.mkdir()
    (folder / "cut.parquet").write_bytes(parquet.read_bytes()[:100])
    parquet.rename(folder / "whole.parquet")
    chosen = limited_pieces(find_pieces(folder), 5)
    places = [Path(piece.location).name for piece in chosen]
    assert places[0] == "cut.parquet"
    assert sum(piece.photos for piece in chosen) == 5
    with pytest.raises(DataError, match=r"cut\.parquet"):
        list(read_piece(chosen[0]))


def test_shards_that_do_not_count_their_photos_take_no_limit(shards):
    with pytest.raises(OptionError, match="tar shards, which do not count") as caught:
        limited_pieces(find_pieces(shards), 5)
    assert "--format parquet" in caught.value.hint


def test_options_that_worker_processes_do_not_heed_are_refused(run, shards, capsys):
    assert edgecls("compare", run.path, "--data", shards, "--threads", 2) == 2
    assert "--workers 2" in capsys.readouterr().err
    explained = run.artifacts()[1]
    assert edgecls("compare", "--explain", explained, run.path, "--data", shards) == 2
    assert "files, --data PHOTOS" in capsys.readouterr().err
    assert edgecls("compare", "--explain", explained, run.path, "--executor", "local") == 2
    assert "leave out --executor" in capsys.readouterr().err


def test_files_without_a_run_keep_results_only_where_it_is_said(run, shards, here, capsys):
    assert edgecls("compare", *run.artifacts(), "--data", shards, "--json") == 0
    body = json.loads(capsys.readouterr().out)
    assert (body["photos_seen"], body["results"]) == (18, "")
    assert not run.comparisons.exists()


def test_nobody_is_told_that_something_was_kept_where_nothing_was(run, shards, here, capsys):
    whole = (shards / "1.tar").read_bytes()
    (shards / "1.tar").write_bytes(whole[: len(whole) // 2])
    assert edgecls("compare", run.path, "--data", shards) == 3
    assert "hint: what was finished is kept; mend" in capsys.readouterr().err
    assert edgecls("compare", *run.artifacts(), "--data", shards) == 3
    assert "hint: nothing was kept; with --results DIR" in capsys.readouterr().err


def test_a_mended_parquet_file_is_compared_alone_and_in_the_same_folder(
    run, photos_dir, tmp_path, here, capsys
):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    (tmp_path / "rows").mkdir()
    photos = photos_of(photos_dir)
    for index in range(3):
        keys, labels, data = zip(*photos[index::3], strict=True)
        table = pa.table({"key": keys, "label": labels, "bytes": pa.array(data)})
        pq.write_table(table, tmp_path / "rows" / f"{index}.parquet", row_group_size=2)
    damaged = tmp_path / "rows" / "1.parquet"
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[: len(whole) // 2])
    assert edgecls("compare", run.path, "--data", damaged.parent) == 3
    assert "7 pieces, got 6" in capsys.readouterr().err
    (kept,) = run.comparisons.iterdir()
    before = {path.stat().st_ino for path in kept.glob("part-*")}

    damaged.write_bytes(whole)
    assert edgecls("compare", run.path, "--data", damaged.parent) == 0
    assert "3 of 9 pieces have changed" in capsys.readouterr().err
    got = record(run)
    assert list(run.comparisons.iterdir()) == [Path(got.results)] == [kept]
    assert before < {path.stat().st_ino for path in kept.glob("part-*")}
    again = tmp_path / "again"
    assert edgecls("compare", run.path, "--data", damaged.parent, "--results", again) == 0
    assert figures(got) == figures(record(run))
    assert {p.name: p.read_bytes() for p in kept.iterdir()} == {
        p.name: p.read_bytes() for p in again.iterdir()
    }


def test_another_model_has_another_fingerprint_and_the_same_model_the_same(artifacts, tmp_path):
    def of(files, **options):
        options = {"labels": LABELS, "has_classes": True, "versions": {"numpy": "2"}, **options}
        return evaluate_task(plan_cases(files), 0, **options).fingerprint

    other = write_color_model(tmp_path / "other" / "colors.int8.onnx", color_spec("int8"))
    changed = replace(artifacts[1], data=other.read_bytes())
    first = of(artifacts)
    assert of(artifacts) == first
    found = {
        first,
        of([artifacts[0], changed]),
        of([replace(artifacts[0], path=tmp_path / "renamed.onnx"), artifacts[1]]),
        of(artifacts, has_classes=False),
        of(artifacts, trained_on={"ab"}),
        of(artifacts, versions={"numpy": "3"}),
    }
    assert len(found) == 6


def test_columns_are_unique_where_files_have_the_same_name(artifacts):
    cases = plan_cases([artifacts[0], artifacts[0]])
    names = [name for i, case in enumerate(cases) for name in case_columns(i, case)]
    assert len(set(names)) == len(names)


def test_what_was_trained_on_is_told_by_content(artifacts, photos_dir):
    path = photos_dir / "red" / "0.png"
    found = photos_in_folder(photos_dir, LABELS)
    task = evaluate_task(
        plan_cases(artifacts),
        0,
        labels=LABELS,
        has_classes=True,
        trained_on={sha256_of(path)},
        versions={},
    )
    looker = task.open()
    seen = {
        photo.path.name: looker.look(
            ShardPhoto(key=photo.path.name, label=2, data=photo.path.read_bytes())
        )["is_trained_on"]
        for photo in found.photos
        if photo.class_id == 2
    }
    looker.close()
    assert seen == {f"{i}.png": i == 0 for i in range(6)}


def test_a_limit_makes_other_results(parquet):
    pieces = find_pieces(parquet)[:1]
    assert fingerprint(limited_pieces(pieces, 2)) != fingerprint(limited_pieces(pieces, 3))
