"""A whole bundle: what is in it, that the same inputs give the same bytes, and what a change changes."""

import hashlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from edgecls_device.artifact import read_artifact
from edgecls_device.bundles.golden_photos import GoldenPhotos
from edgecls_device.bundles.reading import Trust, open_bundle
from edgecls_device.bundles.signing import fingerprint, new_key, public_key
from edgecls_device.errors import BundleError, NetworkError, StorageError
from edgecls_device.records import from_json
from edgecls_export.bundles import bundling, targets
from edgecls_export.bundles.bundling import bundle, wheels_bytes
from edgecls_export.bundles.golden_scores import PhotoFile, golden_photos, photo_member
from edgecls_export.bundles.own_wheel import OwnWheel
from edgecls_export.bundles.request import BundleRequest

from edgecls import __version__
from tests.bundling.tiny_run import write_model, write_photo, write_run
from tests.export.bundles.small_wheels import TARGET, WHEELS, keep, only_index, small_locks, wheel

OURS = OwnWheel(version=__version__, data=wheel("edgecls", version=__version__)[1])


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Kept wheels, and locks of just these; our own wheel is a small one too."""
    small_locks(tmp_path / "locks")
    keep(tmp_path / "cache", WHEELS)
    monkeypatch.setattr(targets, "LOCKS", tmp_path / "locks")
    monkeypatch.setattr(bundling, "build_own_wheel", lambda version: OURS)
    return tmp_path / "cache"


@pytest.fixture
def run(tmp_path):
    pytest.importorskip("ai_edge_litert")
    pytest.importorskip("onnxruntime")
    return write_run(tmp_path)


@pytest.fixture
def make(run, cache, tmp_path):
    """Make a bundle of the run; the words change the request."""

    def made(**changes):
        artifacts = {f"artifacts/{path.name}": read_artifact(path) for path in run.artifacts()}
        photos = [
            PhotoFile(label=label, data=write_photo(tmp_path / f"{label}.png", label).read_bytes())
            for label in ("red", "blue")
        ]
        fields = {
            "name": "pets",
            "target": TARGET,
            "python": "3.11",
            "artifacts": artifacts,
            "golden": golden_photos(artifacts, photos),
            "photos": {photo_member(i, photo): photo.data for i, photo in enumerate(photos)},
            "folder": run.bundles,
            "made_by": __version__,
        }
        return bundle(BundleRequest(**{**fields, **changes}), cache=cache)

    return made


def test_it_holds_everything_and_the_manifest_says_so(make):
    result = make()
    assert Path(result.path).name == "pets-000001-bookworm64.edgecls"
    with open_bundle(Path(result.path)) as made:
        made.check()
        manifest = made.manifest
        assert made.version_name == result.version_name
        assert {member.name for member in manifest.members} == {
            "README.txt",
            "__main__.py",
            "artifacts/pets.int8.onnx",
            "artifacts/pets.int8.tflite",
            "config.toml",
            "edgecls.service",
            "golden/photos.json",
            "golden/photos/000.png",
            "golden/photos/001.png",
            "install.sh",
            *(f"wheels/{locked.file}" for locked in WHEELS),
            f"wheels/{OURS.file}",
            "wheels/requirements.txt",
        }
        assert [artifact.backends for artifact in manifest.artifacts] == [
            ("onnxruntime",),
            ("litert",),
        ]
        assert manifest.environment.installer == "wheels/pip-1.0-py3-none-any.whl"
        assert manifest.environment.sees_system_packages
        assert manifest.target.architecture == "arm64"
        golden = from_json(
            GoldenPhotos, made.read("golden/photos.json", 100_000), name="golden photos"
        )
        assert set(golden.photos[0].scores) == {artifact.member for artifact in manifest.artifacts}
        wanted = made.read("wheels/requirements.txt", 100_000).decode()
        assert f"edgecls=={__version__} --hash=sha256:{OURS.sha256}\n" in wanted
        assert "pip==" not in wanted
        readme = made.read("README.txt", 100_000).decode()
    assert "sudo python3 pets-000001-bookworm64.edgecls" in readme
    assert "@" not in readme
    assert sum(part.size_bytes for part in result.parts) < result.size_bytes


def test_the_same_inputs_give_the_same_bytes(make):
    first = make()
    content = Path(first.path).read_bytes()
    Path(first.path).unlink()
    assert make() == first
    assert Path(first.path).read_bytes() == content
    assert hashlib.sha256(content).hexdigest() == first.sha256


def test_another_process_with_other_settings_gives_the_same_bytes(make, run, cache, tmp_path):
    first = make()
    code = f"""
import os; os.umask(0o077)
from pathlib import Path
from edgecls.cli.main import main
from edgecls_export.bundles import bundling, targets
from edgecls_export.bundles.own_wheel import OwnWheel
targets.LOCKS = Path({str(tmp_path / "locks")!r})
own = Path({str(tmp_path / "own")!r}).read_bytes()
bundling.build_own_wheel = lambda version: OwnWheel(version=version, data=own)
main(["bundle", {str(run.path)!r}, "--target", "bookworm64", "--photos", "5", "--json"])
"""
    (tmp_path / "own").write_bytes(OURS.data)
    (tmp_path / "edgecls").mkdir()
    (tmp_path / "edgecls" / "wheels").symlink_to(cache)
    seen = set()
    for zone, seed in (("Pacific/Kiritimati", "1"), ("America/Los_Angeles", "2")):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={
                **os.environ,
                "TZ": zone,
                "PYTHONHASHSEED": seed,
                "XDG_CACHE_HOME": str(tmp_path),
                "PYTHONPATH": os.pathsep.join(sys.path),
            },
            capture_output=True,
            text=True,
            check=True,
        )
        result = json.loads(done.stdout)
        seen.add((result["sha256"], result["release"]))
    assert len(seen) == 1
    assert seen.pop()[1] == first.release + 1  # other photos than those above


def test_a_change_gets_the_next_release_and_keeps_the_environment_if_no_wheel_changed(make, run):
    first = make()
    write_model(run, "tflite", tolerance=0.03)
    second = make()
    assert (first.release, second.release) == (1, 2)
    with open_bundle(Path(first.path)) as one, open_bundle(Path(second.path)) as two:
        assert one.manifest.environment == two.manifest.environment
        assert one.version_name < two.version_name
    narrowed = make(target=TARGET.narrowed(["litert"]))
    with open_bundle(Path(narrowed.path)) as three, open_bundle(Path(first.path)) as one:
        assert three.manifest.environment.digest != one.manifest.environment.digest


def test_a_runtime_that_runs_nothing_is_left_out(make):
    result = make(target=TARGET.narrowed(["litert"]))
    with open_bundle(Path(result.path)) as made:
        assert not [name for name in made.names if "onnxruntime" in name]
        assert b"onnxruntime" not in made.read("wheels/requirements.txt", 100_000)


def test_a_signed_bundle_is_trusted_by_who_trusts_the_key(make, tmp_path):
    key = tmp_path / "maker.key"
    new_key(key)
    result = make(key=key)
    pem = public_key(key)
    assert result.signed_by == fingerprint(pem)
    with open_bundle(Path(result.path), trust=Trust(keys=(pem,), must_be_signed=True)) as made:
        assert made.signature_state == "trusted"
        assert made.read("signer.pem", 1000) == pem
        assert result.signed_by in made.read("README.txt", 10_000).decode()
    assert make(key=key).sha256 == result.sha256


def test_signing_what_was_unsigned_is_a_new_release(make, tmp_path):
    assert make().release == 1
    new_key(tmp_path / "maker.key")
    assert make(key=tmp_path / "maker.key").release == 2


def test_it_goes_where_it_is_wanted_and_is_named_in_its_texts_all_the_same(make, tmp_path):
    result = make(out=tmp_path / "far" / "away.edgecls")
    assert result.path == str(tmp_path / "far" / "away.edgecls")
    assert Path(result.path).is_file()
    assert make().sha256 == result.sha256


def test_a_wheel_that_changes_while_it_is_bundled_is_noticed(make, cache, monkeypatch):
    fetch = bundling.fetch_wheels

    def changed(*arguments, **how):
        places = fetch(*arguments, **how)
        path = next(iter(places.values()))
        path.write_bytes(path.read_bytes()[:-1] + b"?")
        return places

    monkeypatch.setattr(bundling, "fetch_wheels", changed)
    with pytest.raises(BundleError, match="wheels/"):
        make()


def test_what_fails_leaves_no_bundle_and_uses_no_number(make, run, cache, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        only_index(monkeypatch, f"http://127.0.0.1:{taken.getsockname()[1]}/simple")
        kept = [path for path in cache.rglob("*.whl") if path.name.startswith("onnxruntime")]
        data = kept[0].read_bytes()
        kept[0].unlink()
        with pytest.raises(NetworkError):
            make()
    assert not run.bundles.exists()
    kept[0].write_bytes(data)
    assert make().release == 1


def test_a_full_disk_leaves_nothing_half_written(make, small_disk):
    (small_disk / "filler").write_bytes(bytes(250_000))
    with pytest.raises(StorageError, match="No space left"):
        make(out=small_disk / "pets.edgecls")
    assert [path.name for path in small_disk.iterdir()] == ["filler"]


def test_progress_counts_the_bytes_of_the_wheels(make, cache, run):
    done = []
    result = make()
    request = BundleRequest(
        name="pets",
        target=TARGET,
        python="3.11",
        artifacts={"artifacts/a.tflite": read_artifact(run.artifacts()[1])},
        golden=GoldenPhotos(tolerance=0.1, photos=()),
        photos={},
        folder=run.bundles,
        made_by=__version__,
    )
    bundle(request, cache=cache, advance=done.append)
    assert sum(done) == wheels_bytes(request)
    assert result.photos == 2
