import json
import sys

import pytest
from edgecls_device.backends.table import installed_backends
from edgecls_device.bundles.reading import Trust, open_bundle
from edgecls_device.bundles.signing import public_key
from edgecls_device.bundles.verifying import check_members, verify_bundle
from edgecls_device.errors import OptionError
from edgecls_device.records import to_json

from tests.device.bundles.made import ARTIFACT, write_bundle
from tests.device.bundles.scoring import HERE, MODELS, contents

TOLD = Trust(must_be_signed=False)


def verified(path, *, trust=TOLD, **options):
    with open_bundle(path) as bundle:
        return verify_bundle(bundle, check_members(bundle), trust=trust, **options)


@pytest.fixture
def kind():
    return HERE[0] if HERE else pytest.skip("needs a runtime: ai-edge-litert or onnxruntime")


def test_each_model_file_gives_its_golden_scores_on_each_runtime_here(tmp_path):
    found = verified(write_bundle(tmp_path / "x.edgecls", contents(tmp_path)))
    assert found.problems == ()
    assert [one.is_intact for one in found.members] == [True] * 9
    told = {(one.artifact, one.backend): one for one in found.trials}
    members = {kind: member for kind, (member, _) in MODELS.items()}
    here = {(members[kind], name) for kind in HERE for name in installed_backends(kind)}
    assert set(told) == here
    for one in told.values():
        assert (one.samples, one.same_best, one.failure) == (5, 5, "")
    assert len(found.notes) == 2 - len(HERE)
    assert (found.signature, found.signed_by, found.trusted_by) == ("unsigned", "", "")
    assert json.loads(to_json(found))["target"]["architecture"] == "arm64"


def test_other_scores_of_a_seeded_sample_are_a_problem(tmp_path, kind):
    held = contents(tmp_path, kinds=[kind], error=0.01)
    found = verified(write_bundle(tmp_path / "x.edgecls", held))
    assert "scores 0.01 off" in found.problems[0]


def test_other_scores_of_a_photo_are_a_problem(tmp_path, kind):
    held = contents(tmp_path, kinds=[kind], photo_error=0.01)
    found = verified(write_bundle(tmp_path / "x.edgecls", held))
    assert "scores 0.01 off" in found.problems[0]


def test_a_model_file_that_is_none_is_a_problem_not_a_crash(tmp_path, kind):
    member = MODELS[kind][0]
    held = {**contents(tmp_path, kinds=[kind]), member: b"no model"}
    found = verified(write_bundle(tmp_path / "x.edgecls", held))
    assert len(found.problems) == 1
    assert member in found.problems[0]


def test_a_runtime_that_crashes_is_said_to(tmp_path, kind, monkeypatch):
    crash = [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGILL)"]
    monkeypatch.setattr("edgecls_device.bundles.verifying._python", lambda: crash)
    path = write_bundle(tmp_path / "x.edgecls", contents(tmp_path, kinds=[kind]))
    assert "illegal instruction" in verified(path).problems[0]


def test_a_photo_that_is_not_in_the_bundle_is_a_problem(tmp_path, kind):
    held = contents(tmp_path, kinds=[kind])
    del held["golden/photos/000.png"]
    found = verified(write_bundle(tmp_path / "x.edgecls", held))
    assert "golden/photos/000.png" in found.problems[0]


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd"])
def test_a_photo_outside_of_the_bundle_is_a_problem(tmp_path, kind, name):
    held = contents(tmp_path, kinds=[kind])
    held["golden/photos.json"] = held["golden/photos.json"].replace(
        b"golden/photos/000.png", name.encode()
    )
    found = verified(write_bundle(tmp_path / "x.edgecls", held))
    assert name in found.problems[0]


def test_every_damaged_member_is_named_and_no_model_is_run(tmp_path):
    path = write_bundle(tmp_path / "x.edgecls", contents(tmp_path))
    data = path.read_bytes()
    for old, new in ((b"A bundle", b"a bundle"), (b"exit 0", b"exit 1")):
        assert data.count(old) == 1
        data = data.replace(old, new)
    path.write_bytes(data)
    found = verified(path)
    assert {one.name for one in found.members if not one.is_intact} == {"README.txt", "install.sh"}
    assert found.problems == (
        "Its member README.txt is damaged.",
        "Its member install.sh is damaged.",
    )
    assert found.trials == ()


def test_whose_it_is_is_told_and_demanded_only_if_it_shall_be(tmp_path, keys):
    held = contents(tmp_path, kinds=HERE[:1] or ["onnx"])
    signed = write_bundle(tmp_path / "signed", held, key=keys[0])
    unsigned = write_bundle(tmp_path / "unsigned", held)
    maker, other = (Trust(keys=(public_key(key),), must_be_signed=True) for key in keys)
    for path, trust, state, problems in (
        (signed, TOLD, "unknown-key", 0),
        (signed, maker, "trusted", 0),
        (signed, other, "unknown-key", 1),
        (unsigned, TOLD, "unsigned", 0),
        (unsigned, maker, "unsigned", 1),
    ):
        found = verified(path, trust=trust)
        assert (found.signature, len(found.problems)) == (state, problems)
        assert bool(found.trials) == (not problems and bool(HERE))


def test_one_runtime_can_be_asked_for(tmp_path):
    path = write_bundle(tmp_path / "x.edgecls", contents(tmp_path))
    found = verified(path, backend="onnxruntime", threads=1)
    assert {one.backend for one in found.trials} <= {"onnxruntime"}
    assert f"{ARTIFACT} was not run: onnxruntime does not run it." in found.notes


@pytest.mark.parametrize("options", [{"backend": "x"}, {"threads": 0}])
def test_a_wish_that_cannot_be_honoured_is_refused(tmp_path, options):
    with pytest.raises(OptionError):
        verified(write_bundle(tmp_path / "x.edgecls", contents(tmp_path)), **options)


def test_nothing_of_it_stays_in_the_temporary_folder(tmp_path, monkeypatch):
    (tmp_path / "t").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "t"))
    verified(write_bundle(tmp_path / "x.edgecls", contents(tmp_path)))
    assert not list((tmp_path / "t").iterdir())


def test_scores_that_are_no_record_are_a_problem(tmp_path):
    held = {**contents(tmp_path), "golden/photos.json": b"{}"}
    found = verified(write_bundle(tmp_path / "x.edgecls", held))
    assert "golden-photos" in found.problems[0]


def test_a_bundle_that_changes_between_hashing_and_running_is_a_problem(tmp_path):
    path = write_bundle(tmp_path / "x.edgecls", contents(tmp_path))
    with open_bundle(path) as bundle:
        members = check_members(bundle)
        path.write_bytes(path.read_bytes().replace(b"IHDR", b"IHDX"))
        found = verify_bundle(bundle, members, trust=TOLD)
    assert "golden/photos/000.png" in found.problems[0]
    assert found.trials == ()
