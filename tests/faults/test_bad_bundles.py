"""Rows 7, 8, 12, 13, 26: bundles that are valid but bad, a disk that changes a model; with the real service."""

import subprocess

import numpy as np
import pytest
from edgecls_device.bundles import preparing
from edgecls_device.bundles.golden_photos import GoldenPhoto, GoldenPhotos
from edgecls_device.bundles.history import read_history
from edgecls_device.bundles.manifest import Environment
from edgecls_device.bundles.updating import update
from edgecls_device.errors import BundleError, UpdateError
from edgecls_device.jpeg import encode_jpeg
from edgecls_device.records import to_json

from tests.device.bundles.accepting import accepted
from tests.device.bundles.installed import MODEL, environment_of, install, model, tiny_bundle
from tests.faults.conftest import wait_until

FAULTY = """
import edgecls_device.classifier as classifier, numpy, os, time
opened, CALLS = classifier.open_backend, {calls}

class Faulty:
    left = CALLS
    def __init__(self, backend):
        self.backend = backend
    def __getattr__(self, name):
        return getattr(self.backend, name)
    def run(self, batch=None):
        Faulty.left -= 1
        if Faulty.left < 0:
            {fault}
        return self.backend.run(batch)

classifier.open_backend = lambda *given: Faulty(opened(*given))
"""
FAULTS = {
    "crashes": "os.abort()",
    "hangs": "time.sleep(600)",
    "gives no numbers": "return self.backend.run(batch) * numpy.float32('nan')",
}
ANOTHER = Environment(
    digest="1" * 64,
    requirements="wheels/requirements.txt",
    wheels="wheels",
    installer="wheels/pip.whl",
    sees_system_packages=False,
)
BEFORE_FRAMES = 8  # golden samples and the pictures of the probe


@pytest.fixture
def installation(tmp_path):
    return install(tmp_path / "tiny", tiny_bundle(tmp_path / "1.edgecls", release=1))


@pytest.fixture
def service(installation, tmp_path):
    """``edgecls keep`` of release 1, which gives results."""
    with (tmp_path / "said").open("wb") as said:
        process = start_keeper(installation, said)
    wait_until(lambda: "reading test:noise" in (tmp_path / "said").read_text())
    yield process
    process.terminate()
    assert process.wait(20) == 0


@pytest.fixture
def is_accepted(monkeypatch):
    """Let a bad version through to its trial."""
    monkeypatch.setattr(preparing, "accept", accepted)


def version_that_runs(installation):
    return installation.current_version(), installation.confirmed_version()


@pytest.mark.usefixtures("service", "is_accepted")
@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("crashes", "It crashed (aborted)"),
        pytest.param("hangs", "It hung, so it was killed", marks=pytest.mark.slow),  # after 20 s
        ("gives no numbers", "Its model failed on frame after frame"),
    ],
)
def test_a_version_that_goes_wrong_on_live_frames_is_reverted_by_itself(
    installation, tmp_path, fault, why
):
    bundle = tiny_bundle(tmp_path / "2.edgecls", release=2, environment=ANOTHER)
    folder = environment_of(installation, ANOTHER.digest)
    library = next((folder / "lib").glob("*/site-packages"))
    code = FAULTY.format(calls=BEFORE_FRAMES + 5, fault=FAULTS[fault])
    (library / "faulty.py").write_text(code)
    (library / "faulty.pth").write_text("import faulty\n")
    before = version_that_runs(installation)
    outcome = update(bundle, installation, say=lambda line: None)
    assert outcome.result == "reverted"
    assert why in outcome.reason
    assert version_that_runs(installation) == before
    with pytest.raises(UpdateError, match="did not fail here before"):
        update(bundle, installation, say=lambda line: None)


@pytest.mark.usefixtures("service", "is_accepted")
def test_a_version_whose_golden_samples_differ_is_reverted_by_itself(installation, tmp_path):
    before = version_that_runs(installation)
    bundle = tiny_bundle(tmp_path / "2.edgecls", release=2, content=model(off=0.5))
    outcome = update(bundle, installation, say=lambda line: None)
    assert outcome.result == "reverted"
    assert "Its model was refused before the first frame" in outcome.reason
    assert version_that_runs(installation) == before


@pytest.mark.parametrize("what", ["samples", "photos"])
def test_a_version_whose_scores_differ_here_is_not_even_tried(installation, tmp_path, what):
    photo = np.full((60, 80, 3), 40, np.uint8)
    wrong = GoldenPhoto(
        member="golden/photos/000.jpg", label="red", scores={MODEL: (0.0, 0.0, 1.0)}
    )
    photos = {
        "golden/photos/000.jpg": encode_jpeg(photo),
        "golden/photos.json": to_json(GoldenPhotos(tolerance=0.01, photos=(wrong,))).encode(),
    }
    more = photos if what == "photos" else {}
    content = model(off=0.5) if what == "samples" else None
    bundle = tiny_bundle(tmp_path / "2.edgecls", release=2, content=content, more=more)
    before = version_that_runs(installation)
    with pytest.raises(UpdateError, match="Expected a model file that gives the right scores here"):
        update(bundle, installation, say=lambda line: None)
    assert version_that_runs(installation) == before
    assert read_history(installation)[-1].what == "refused"


@pytest.mark.usefixtures("is_accepted")
def test_a_bit_that_a_disk_flipped_in_a_model_brings_the_version_before_back(
    installation, service, tmp_path
):
    old = installation.current_version()
    outcome = update(
        tiny_bundle(tmp_path / "2.edgecls", release=2), installation, say=lambda line: None
    )
    assert outcome.result == "confirmed"
    path = installation.current / MODEL
    data = bytearray(path.read_bytes())
    data[-1] ^= 1  # behind everything that a runtime reads: it would run all the same
    path.write_bytes(data)
    service.terminate()
    assert service.wait(20) == 0
    again = start_keeper(installation, subprocess.DEVNULL)
    try:
        wait_until(lambda: read_history(installation)[-1].what == "reverted")
        assert "as it was installed, got it changed" in read_history(installation)[-1].reason
        wait_until(lambda: version_that_runs(installation) == (old, old))
    finally:
        again.terminate()
        again.wait(20)


@pytest.mark.usefixtures("service")
def test_a_damaged_bundle_is_refused_while_the_old_version_goes_on(installation, tmp_path):
    data = bytearray(tiny_bundle(tmp_path / "2.edgecls", release=2).read_bytes())
    place = data.index(b"TFL3") if b"TFL3" in data else data.index(b"image")
    path = tmp_path / "damaged.edgecls"
    before = version_that_runs(installation)
    for damaged in (data[: len(data) // 2], data[:place] + b"x" + data[place + 1 :]):
        path.write_bytes(damaged)
        with pytest.raises(BundleError):
            update(path, installation, say=lambda line: None)
    assert version_that_runs(installation) == before
    assert [entry.what for entry in read_history(installation)] == ["installed"]


def start_keeper(installation, said):
    python = installation.confirmed / "environment" / "bin" / "python"
    command = [python, "-I", "-m", "edgecls", "keep", "--root", installation.root]
    return subprocess.Popen([str(word) for word in command], stdout=said, stderr=said)
