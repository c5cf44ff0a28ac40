"""``edgecls bundle`` as it is typed: what it says, and what it refuses before anything slow."""

import json
import shutil
from pathlib import Path

import pytest
from edgecls_device.bundles.reading import open_bundle
from edgecls_device.bundles.signing import new_key
from edgecls_export.bundles import bundling, targets, wheelhouse
from edgecls_export.bundles.own_wheel import OwnWheel

from edgecls import __version__
from tests.bundling.tiny_run import write_photo, write_run
from tests.command_line import edgecls
from tests.export.bundles.small_wheels import WHEELS, keep, small_locks, wheel


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run of tiny models, and small wheels that are kept already."""
    pytest.importorskip("ai_edge_litert")
    pytest.importorskip("onnxruntime")
    small_locks(tmp_path / "locks")
    monkeypatch.setattr(targets, "LOCKS", tmp_path / "locks")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    keep(tmp_path / "cache" / "edgecls" / "wheels", WHEELS)
    own = OwnWheel(version=__version__, data=wheel("edgecls", version=__version__)[1])
    monkeypatch.setattr(bundling, "build_own_wheel", lambda version: own)
    return write_run(tmp_path)


@pytest.fixture
def nothing_slow(monkeypatch):
    """Fail if wheels are looked for."""

    def looked_for(*arguments, **how):
        pytest.fail("something slow was begun")

    monkeypatch.setattr(bundling, "fetch_wheels", looked_for)
    monkeypatch.setattr(wheelhouse, "download_wheels", looked_for)


def bundled(run, capsys, *options, target="bookworm64"):
    """Return the record that the command prints."""
    assert edgecls("bundle", run.path, "--target", target, "--json", *options) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys, *arguments, code=2):
    """Return what a refusal says."""
    assert edgecls("bundle", *arguments) == code
    return capsys.readouterr().err


def test_targets_are_listed_with_what_they_have(capsys):
    assert edgecls("bundle", "--list-targets") == 0
    shown = capsys.readouterr().out
    for word in (
        "bookworm64",
        "trixie64",
        "armhf",
        "tflite-runtime",
        "python3-opencv",
        "picamera2",
    ):
        assert word in shown
    assert edgecls("bundle", "--list-targets", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["kind"] == "edgecls.bundle-targets"
    by_name = {target["name"]: target for target in listed["targets"]}
    assert by_name["trixie64"]["pythons"] == ["3.13"]
    assert by_name["bookworm32"]["artifacts"] == ["int8.tflite"]


def test_a_bundle_is_shown_with_its_parts_and_what_to_do_next(run, capsys):
    assert edgecls("bundle", run.path, "--target", "bookworm32") == 0
    said = capsys.readouterr()
    for words in (
        "pets, release 1, for bookworm32 (Python 3.11)",
        "model pets.int8.tflite",
        "golden photos",
        "12 photos must score within 0.02",
        "on the device first: sudo apt install python3-numpy python3-opencv",
        f"wrote {run.bundles}/pets-000001-bookworm32.edgecls",
        "sudo python3 pets-000001-bookworm32.edgecls",
        "edgecls deploy",
    ):
        assert words in said.out
    assert "NOT SIGNED" in said.err
    assert "edgecls keys new" in said.err


def test_a_signed_one_says_who_signed_it(run, capsys, tmp_path):
    signer = new_key(tmp_path / "maker.key")
    assert (
        edgecls("bundle", run.path, "--target", "bookworm64", "--key", tmp_path / "maker.key") == 0
    )
    said = capsys.readouterr()
    assert f"signed by the key {signer[:16]}" in said.out
    assert "NOT SIGNED" not in said.err


def test_as_json_it_is_a_record_and_nothing_else(run, capsys):
    result = bundled(run, capsys)
    assert result["kind"] == "edgecls.bundle-result"
    assert (result["name"], result["release"], result["photos"]) == ("pets", 1, 12)
    assert result["artifacts"] == ["artifacts/pets.int8.tflite", "artifacts/pets.int8.onnx"]


def test_it_is_made_again_the_same_and_counts_when_something_changes(run, capsys):
    first = bundled(run, capsys)
    assert bundled(run, capsys) == first
    changed = bundled(run, capsys, "--photos", "3")
    assert (changed["release"], changed["photos"]) == (2, 3)
    assert bundled(run, capsys, "--photos", "3", "--release", "9")["release"] == 9
    assert "no other bundle" in refused(
        capsys, run.path, "--target", "bookworm64", "--release", "9"
    )


def test_files_runtimes_and_the_name_can_be_chosen(run, capsys):
    result = bundled(run, capsys, "--artifact", "int8.onnx", "--name", "front-door")
    assert result["artifacts"] == ["artifacts/front-door.int8.onnx"]
    result = bundled(run, capsys, "--backend", "litert")
    assert result["artifacts"] == ["artifacts/pets.int8.tflite"]


def test_without_photos_none_are_in_it(run, capsys, tmp_path):
    shutil.rmtree(tmp_path / "photos")
    run.split.unlink()
    result = bundled(run, capsys, "--no-photos")
    assert result["photos"] == 0
    with open_bundle(Path(result["path"])) as made:
        assert [name for name in made.names if name.startswith("golden/")] == ["golden/photos.json"]


def test_photos_that_moved_are_missed_and_can_be_given(run, capsys, tmp_path, nothing_slow):
    shutil.rmtree(tmp_path / "photos")
    said = refused(capsys, run.path, "--target", "bookworm64", code=3)
    assert "the photos of the run" in said
    assert "--data PHOTOS" in said


def test_photos_of_a_folder_are_taken(run, capsys, tmp_path):
    for i in range(4):
        write_photo(tmp_path / "camera" / "red" / f"{i}.png", "red", seed=i)
    assert bundled(run, capsys, "--data", str(tmp_path / "camera"))["photos"] == 4


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--target", "bookworm"], 2, "did you mean"),
        (["--target", "bookworm32", "--artifact", "int8.onnx"], 2, ".onnx runs on bookworm64"),
        (["--target", "bookworm32", "--backend", "onnxruntime"], 2, "onnxruntime is on bookworm64"),
        (["--target", "bookworm64", "--python", "3.13"], 2, "3.13 is on trixie64"),
        (["--target", "bookworm64", "--no-photos", "--photos", "5"], 2, "--no-photos alone"),
        (["--target", "bookworm64", "--name", "No Name"], 2, "a name of a-z"),
        (["--target", "bookworm64", "--key", "/nowhere.key"], 8, "/nowhere.key"),
        ([], 2, "--target NAME"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_slow(
    run, capsys, nothing_slow, options, code, words
):
    assert words in refused(capsys, run.path, *options, code=code)
    assert not run.bundles.exists()


def test_a_public_key_cannot_sign(run, capsys, tmp_path, nothing_slow):
    new_key(tmp_path / "maker.key")
    said = refused(
        capsys, run.path, "--target", "bookworm64", "--key", tmp_path / "maker.key.pub", code=17
    )
    assert "name the file without .pub" in said


def test_a_run_that_exported_nothing_is_told_how_to(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    said = refused(capsys, tmp_path / "empty", "--target", "bookworm64", code=3)
    assert "exported files" in said
    assert "RUN" in refused(capsys, "--target", "bookworm64")
