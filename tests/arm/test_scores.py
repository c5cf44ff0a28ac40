"""What the models give on another architecture, against what they gave on this one."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.arm.conftest import TARGETS
from tests.arm.pi import HOME, PYTHON, ROOT

pytestmark = [
    pytest.mark.arm,
    pytest.mark.timeout(3600),
    pytest.mark.parametrize("bare", TARGETS, indirect=True),
]

TWO_STEPS = 2 / 256  # of an 8-bit score: the same LiteRT on both sides
OTHER_BOARDS = {"bookworm64": "pi5", "trixie64": "pi4", "bookworm32": "a15"}
BACKENDS = {"bookworm32": {"tflite-runtime"}}


@pytest.mark.parametrize("is_other", [False, True], ids=["its board", "another board"])
def test_scores_of_fifty_photos_are_within_two_steps_and_labels_equal(
    installed, tmp_path, is_other
):
    name = installed.pi.system.name
    program = Path(__file__).with_name("score_photos.py")
    pi = installed.pi.with_files(program).above(tmp_path)
    board = OTHER_BOARDS[name] if is_other else ""
    done = pi.run(PYTHON, f"{HOME}/{program.name}", f"{ROOT}/confirmed", board=board)
    assert done.code == 0, done.printed

    with zipfile.ZipFile(installed.bundles[-1]) as bundle:
        record = json.loads(bundle.read("golden/photos.json"))
    golden = record["photos"]
    # Others round otherwise in every layer: ONNX Runtime on another processor, and tflite-runtime, which is
    # older than the LiteRT here. Two steps of the 8-bit logits are what the bundle itself allows.
    limits = dict.fromkeys(("onnxruntime", "tflite-runtime"), record["tolerance"])
    found = json.loads(done.output)
    ran = {backend for by_backend in found.values() for backend in by_backend}
    assert ran == BACKENDS.get(name, {"litert", "onnxruntime"})
    for member, by_backend in found.items():
        here = np.array([photo["scores"][member] for photo in golden])
        for backend, scores in by_backend.items():
            there = np.array(scores)
            limit = limits.get(backend, TWO_STEPS)
            best, second = np.sort(here, axis=1)[:, [-1, -2]].T
            is_clear = best - second > 2 * limit  # else the limit allows another label
            same = there.argmax(1) == here.argmax(1)
            assert np.abs(there - here).max() <= limit, f"{member} on {backend}"
            assert is_clear.sum() >= 50, f"{member} on {backend}"
            assert same[is_clear].all(), f"{member} on {backend}"
