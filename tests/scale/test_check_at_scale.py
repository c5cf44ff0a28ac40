import io
import json
import os
import shutil
import socket
import tarfile
from dataclasses import replace

import cv2
import numpy as np
import pytest

pytest.importorskip("pyarrow")

from edgecls_device.errors import DataError
from edgecls_device.images import read_image
from edgecls_device.records import from_json

from edgecls.data.check import check_photos
from edgecls.data.check_record import DataCheck
from edgecls.data.folders import find_photos
from edgecls.scale.check_task import CheckTask
from edgecls.scale.checking import check_results
from edgecls.scale.job import run_job
from edgecls.scale.sources import find_pieces
from tests.data.conftest import edgecls, permissions_hold, photos, picture, write_photo  # noqa: F401
from tests.scale.in_this_process import InThisProcess


def at_scale(source, results, *, photos_per_piece=3):
    pieces = find_pieces(source, photos_per_piece=photos_per_piece)
    run_job(pieces, CheckTask(), results=results, executor=InThisProcess())
    found = find_photos(source) if any(piece.kind == "files" for piece in pieces) else None
    root = str(found.root) if found else str(source)
    return check_results(pieces, results, root=root, found=found)


def of_kind(check, kind):
    return [finding for finding in check.findings if finding.kind == kind]


def write_tar(path, members):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


@pytest.fixture
def troubled(photos, write_photo):  # noqa: F811
    """Photos with something of every kind to find."""
    again = cv2.imencode(".jpg", read_image(photos / "cats" / "3.jpg"), [1, 60])[1].tobytes()
    (photos / "dogs" / "again.jpg").write_bytes(again)
    (photos / "cats" / "again.jpg").write_bytes(again + b"\0")
    (photos / "cats" / "copy.jpg").write_bytes((photos / "cats" / "1.jpg").read_bytes())
    (photos / "dogs" / "wrong.jpg").write_bytes((photos / "cats" / "2.jpg").read_bytes())
    (photos / "cats" / "cut.jpg").write_bytes((photos / "cats" / "4.jpg").read_bytes()[:700])
    (photos / "cats" / "zero.png").touch()
    (photos / "dogs" / "link.jpg").symlink_to(photos / "nowhere")
    os.mkfifo(photos / "dogs" / "pipe.jpg")
    odd_name = os.fsencode(photos / "dogs") + b"/\xff.jpg"
    os.link(photos / "dogs" / "1.jpg", odd_name)
    (photos / "dogs" / "page.jpg").write_bytes(b"<html>not found</html>")
    (photos / "dogs" / "notes.txt").write_text("x")
    (photos / "empty").mkdir()
    write_photo(photos / "cats" / "icon.png", 600, height=40, width=200)
    write_photo(photos / "stray.jpg", 601)
    for i in range(5):
        write_photo(photos / "Cats" / f"{i}.jpg", 700 + i)
    return photos


def test_a_folder_gives_the_same_findings_in_one_process_and_over_an_executor(troubled, tmp_path):
    check = at_scale(troubled, tmp_path / "results")
    assert check == check_photos(troubled)
    assert {finding.kind for finding in check.findings} == {
        "few photos",
        "imbalance",
        "undecodable",
        "unreadable",
        "in two classes",
        "similar in two classes",
        "similar",
        "duplicate",
        "tiny",
        "not in a class folder",
        "other file",
        "names differ in case only",
    }
    assert check.files == {"Cats": 5, "cats": 13, "dogs": 14, "empty": 0}
    assert {f.detail for f in of_kind(check, "unreadable")} == {
        "not a file, or a link to nothing",
        "its name is not Unicode (UTF-8)",
    }


def test_a_file_that_may_not_be_read_is_the_same_finding(photos, tmp_path, permissions_hold):  # noqa: F811
    (photos / "cats" / "1.jpg").chmod(0)
    check = at_scale(photos, tmp_path / "results")
    assert check == check_photos(photos)
    assert [f.detail for f in of_kind(check, "unreadable")] == ["Permission denied"]


class OnAnotherDisk(InThisProcess):
    """The worker that gets the last piece is a machine on which the folder is another one."""

    def __init__(self, folder):
        self.folder = folder

    def run(self, work, pieces):
        *others, last = pieces
        yield work(replace(last, location=str(self.folder)))
        yield from super().run(work, others)


@pytest.mark.parametrize("other", ["none", "older"])
def test_photos_that_a_worker_does_not_have_are_an_error_and_looked_at_later(
    photos,  # noqa: F811
    tmp_path,
    other,
):
    pieces, out = find_pieces(photos, photos_per_piece=3), tmp_path / "results"
    disk = shutil.copytree(photos, tmp_path / "disk")  # with their dates, so that all is the same
    ((first, _), *_), ((last, _), *_) = pieces[0].files, pieces[-1].files
    if other == "none":
        (disk / last).unlink()
    else:
        (disk / last).write_bytes((disk / first).read_bytes())
    with pytest.raises(DataError, match=f"got {len(pieces) - 1}: .*listed.*{socket.gethostname()}"):
        run_job(pieces, CheckTask(), results=out, executor=OnAnotherDisk(disk))
    assert len(list(out.glob("part-*"))) == len(pieces) - 1
    shutil.copy2(photos / last, disk / last)
    run_job(pieces, CheckTask(), results=out, executor=OnAnotherDisk(disk))
    assert at_scale(photos, out) == check_photos(photos)


def test_folders_for_splits_are_put_together_and_unreadable_files_keep_their_class(
    write_photo,  # noqa: F811
    tmp_path,
):
    root = tmp_path / "photos"
    for seed, place in enumerate(("train/cats", "train/dogs", "test/cats", "test/dogs")):
        for i in range(3):
            write_photo(root / place / f"{i}.jpg", 10 * seed + i)
        (root / place / "link.jpg").symlink_to(root / "nowhere")
    check = at_scale(root, tmp_path / "results")
    assert check == check_photos(root)
    assert check.files == {"cats": 8, "dogs": 8}
    assert check.usable == {"cats": 6, "dogs": 6}


def test_shards_are_checked_with_the_labels_of_their_photos(photos, tmp_path):  # noqa: F811
    (photos / "dogs" / "wrong.jpg").write_bytes((photos / "cats" / "2.jpg").read_bytes())
    shards = tmp_path / "shards"
    for label in ("cats", "dogs"):
        files = sorted((photos / label).iterdir())
        write_tar(shards / f"{label}.tar", [(f"{label}/{f.name}", f.read_bytes()) for f in files])
    check = at_scale(shards, tmp_path / "results")
    assert check.files == {"cats": 8, "dogs": 9}
    assert check.usable == {"cats": 7, "dogs": 8}
    (finding,) = check.findings
    assert finding.paths == ("cats.tar/cats/2", "dogs.tar/dogs/wrong")


def labelled(picture, labels, *, first=0):  # noqa: F811
    """Members of a tar: a photo for each label, None for none."""
    for i, label in enumerate(labels, first):
        yield f"{i:04}.png", cv2.imencode(".png", picture(i))[1].tobytes()
        if label is not None:
            yield f"{i:04}.cls", str(label).encode()


def test_numbers_are_labels_in_the_order_of_their_value(picture, tmp_path):  # noqa: F811
    write_tar(tmp_path / "a.tar", labelled(picture, [10, 2, 1] * 5))
    check = at_scale(tmp_path / "a.tar", tmp_path / "results")
    assert list(check.usable.items()) == [("1", 5), ("2", 5), ("10", 5)]
    assert check.findings == ()


def test_photos_without_a_label_are_one_finding_and_contradict_nobody(picture, tmp_path):  # noqa: F811
    members = list(labelled(picture, ["cats", "dogs", None] * 5))
    copy_of_a_cat = ("copy.png", members[0][1])
    write_tar(tmp_path / "a.tar", [*members, copy_of_a_cat])
    check = at_scale(tmp_path / "a.tar", tmp_path / "results")
    assert check.usable == {"cats": 5, "dogs": 5}
    (missing,) = of_kind(check, "no label")
    assert missing.severity == "problem"
    assert missing.detail == "6 photos"
    assert missing.paths[0] == "a.tar/0002"
    assert [f.paths for f in of_kind(check, "duplicate")] == [("a.tar/0000", "a.tar/copy")]
    assert len(check.findings) == 2


@pytest.mark.parametrize(
    ("labels", "detail"), [([None] * 6, "got no label"), (["cats"] * 6, "got 'cats'")]
)
def test_fewer_than_two_classes_are_a_problem_and_no_crash(picture, tmp_path, labels, detail):  # noqa: F811
    write_tar(tmp_path / "a.tar", labelled(picture, labels))
    check = at_scale(tmp_path / "a.tar", tmp_path / "results")
    assert detail in of_kind(check, "few classes")[0].detail


def test_a_shard_with_broken_photos_is_checked_to_its_end(picture, tmp_path):  # noqa: F811
    members = list(labelled(picture, ["cats", "dogs"] * 5))
    broken = [("broken.png", members[0][1][:100]), ("broken.cls", b"cats")]
    write_tar(tmp_path / "a.tar", [*broken, *members])
    check = at_scale(tmp_path / "a.tar", tmp_path / "results")
    assert check.files == {"cats": 6, "dogs": 5}
    (finding,) = check.findings
    assert (finding.kind, finding.paths) == ("undecodable", ("a.tar/broken",))


def test_results_that_are_there_are_not_made_again(photos, tmp_path):  # noqa: F811
    first = at_scale(photos, tmp_path / "results")
    parts = sorted((tmp_path / "results").glob("part-*.parquet"))
    before = [part.stat().st_mtime_ns for part in parts]
    parts[1].unlink()
    assert at_scale(photos, tmp_path / "results") == first
    after = [part.stat().st_mtime_ns for part in parts]
    assert len(parts) == 6
    assert before[:1] + before[2:] == after[:1] + after[2:]


def test_the_command_checks_shards_in_processes_and_keeps_the_results(
    picture,  # noqa: F811
    tmp_path,
    edgecls,  # noqa: F811
):
    shards = tmp_path / "shards"
    for i in range(2):
        write_tar(shards / f"{i}.tar", labelled(picture, ["cats", "dogs"] * 3, first=6 * i))
    results = tmp_path / "results"
    code, out, _ = edgecls("data", "check", shards, "--results", results, "--json")
    assert code == 0
    check = from_json(DataCheck, out, name="output")
    assert check.usable == {"cats": 6, "dogs": 6}
    assert check.root == str(shards)
    assert sorted(path.name for path in results.iterdir()) == [
        "job.json",
        "part-00000.parquet",
        "part-00001.parquet",
    ]
    write_tar(shards / "2.tar", [("0.jpg", b"x")])
    code, _, err = edgecls("data", "check", shards, "--results", results)
    assert code == 2
    assert "other photos" in err


def test_a_folder_over_two_processes_gives_what_one_gives(photos, edgecls):  # noqa: F811
    code, out, _ = edgecls("data", "check", photos, "--executor", "local", "--json")
    assert code == 0
    assert json.loads(out) == json.loads(edgecls("data", "check", photos, "--json")[1])


def test_an_address_without_its_executor_is_refused_before_any_work(tmp_path, edgecls):  # noqa: F811
    code, out, err = edgecls("data", "check", tmp_path / "nowhere", "--address", "127.0.0.1:6379")
    assert code == 2
    assert out == ""
    assert "--executor ray" in err


def test_a_shard_that_cannot_be_read_is_named_and_what_would_keep_the_rest(
    picture,  # noqa: F811
    tmp_path,
    edgecls,  # noqa: F811
):
    shards = tmp_path / "shards"
    write_tar(shards / "0.tar", labelled(picture, ["cats", "dogs"] * 5))
    write_tar(shards / "1.tar", labelled(picture, ["cats", "dogs"] * 5, first=10))
    whole = (shards / "1.tar").read_bytes()
    (shards / "1.tar").write_bytes(whole[: len(whole) // 2])
    code, out, err = edgecls("data", "check", shards, "--workers", "1")
    assert code == DataError.exit_code
    assert out == ""
    assert "1.tar" in err
    assert "--results DIR" in err.partition("hint: ")[2]


def test_ctrl_c_after_the_job_says_too_that_nothing_was_kept(
    photos,  # noqa: F811
    tmp_path,
    monkeypatch,
    edgecls,  # noqa: F811
):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("edgecls.cli.data_check.check_results", interrupted)
    for options, says in (
        (("--workers", 1), "nothing was kept; with --results DIR"),
        (("--results", tmp_path / "results"), "what was finished is kept"),
    ):
        code, out, err = edgecls("data", "check", photos, *options)
        assert (code, out) == (130, "")
        assert "error: stopped by Ctrl-C" in err
        assert says in err.partition("hint: ")[2]


def test_beyond_the_limit_only_exact_copies_are_looked_for(photos, monkeypatch, edgecls):  # noqa: F811
    again = cv2.imencode(".jpg", read_image(photos / "cats" / "3.jpg"), [1, 60])[1].tobytes()
    (photos / "cats" / "again.jpg").write_bytes(again)
    (photos / "cats" / "copy.jpg").write_bytes((photos / "cats" / "1.jpg").read_bytes())
    assert {f.kind for f in check_photos(photos).findings} == {"similar", "duplicate"}
    monkeypatch.setattr("edgecls.data.gathered.MOST_COMPARED", 17)
    check = check_photos(photos)
    assert {f.kind for f in check.findings} == {"duplicate"}
    assert not check.is_compared
    assert "Only exact copies were looked for" in edgecls("data", "check", photos)[1]


def test_thumbnails_are_the_same_whichever_way_they_travel(photos, tmp_path):  # noqa: F811
    at_scale(photos, tmp_path / "results", photos_per_piece=100)
    rows = pytest.importorskip("pyarrow.parquet").read_table(
        tmp_path / "results" / "part-00000.parquet"
    )
    thumbnails = [np.frombuffer(data, np.uint8) for data in rows["thumbnail"].to_pylist()]
    assert {thumbnail.shape for thumbnail in thumbnails} == {(32 * 32,)}
    assert len({thumbnail.tobytes() for thumbnail in thumbnails}) == 16
