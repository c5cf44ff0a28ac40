"""A model is looked at before it is left alone: real model files, whole, wrong and with a flipped bit."""

import subprocess
import sys

import numpy as np
import pytest
from edgecls_device.backends.table import installed_backends
from edgecls_device.classifier import Classifier
from edgecls_device.errors import ArtifactError
from edgecls_device.golden import golden_inputs
from edgecls_device.service.probe import probe
from edgecls_device.spec import GoldenSamples

from tests.device.conftest import FakeBackend
from tests.device.tiny_models import onnx_model, tflite_model, tiny_spec

MAKERS = {"tflite": tflite_model, "onnx": onnx_model}


@pytest.fixture(params=MAKERS)
def golden(request, tmp_path):
    """A function that writes a model with golden samples that are off by so much."""
    suffix = request.param
    if not installed_backends(suffix):
        pytest.skip(f"needs a runtime for .{suffix}")
    path = tmp_path / f"tiny.{suffix}"
    path.write_bytes(MAKERS[suffix](spec=tiny_spec()))
    with Classifier.open(path) as classifier:
        rows = np.stack([classifier.raw_scores(batch[None]) for batch in golden_inputs(3, 8, 8)])

    def write(off=0.0):
        changed = rows.copy()
        changed[2, 1] += off
        scores = tuple(tuple(map(float, row)) for row in changed)
        spec = tiny_spec(golden=GoldenSamples(seed=3, scores=scores))
        path.write_bytes(MAKERS[suffix](spec=spec))
        return path

    return write


def test_a_model_that_does_what_it_did_passes(golden):
    with Classifier.open(golden()) as classifier:
        found = probe(classifier, name="tiny")
    assert (found.samples, found.note) == (4, "")
    assert found.took_ms > 0


def test_a_model_that_is_slightly_off_is_noted(golden):
    with Classifier.open(golden(off=0.01)) as classifier:
        found = probe(classifier, name="tiny")
    assert (
        found.note == "tiny gives slightly other scores on this machine: 0.010 off (allowed 0.001)."
    )


def test_a_model_that_gives_other_scores_is_refused(golden):
    with (
        Classifier.open(golden(off=0.2)) as classifier,
        pytest.raises(ArtifactError, match=r"when it was exported, got others: 0\.200 off"),
    ):
        probe(classifier, name="tiny")


def test_the_same_scores_for_everything_are_refused():
    with pytest.raises(ArtifactError, match="the same for four different ones"):
        probe(Classifier(tiny_spec(), FakeBackend()), name="tiny")


def test_a_sure_model_from_elsewhere_may_say_the_same():
    backend = FakeBackend((0.996, 0.004, 0.0))
    assert probe(Classifier(tiny_spec(), backend), name="tiny").note == ""


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(ArtifactError, match="NaN"):
        probe(Classifier(tiny_spec(), FakeBackend((np.nan, 0, 0))), name="tiny")


FLIP = """
import random, sys
from pathlib import Path
from edgecls_device.classifier import Classifier
from edgecls_device.errors import EdgeclsError
from edgecls_device.service.probe import probe

path, first = Path(sys.argv[1]), int(sys.argv[2])
data = path.read_bytes()
for i in range(first, 60):
    print(i, flush=True)
    rng, copy = random.Random(i), bytearray(data)
    copy[rng.randrange(len(copy))] ^= 1 << rng.randrange(8)
    damaged = path.with_name("damaged" + path.suffix)
    damaged.write_bytes(bytes(copy))
    try:
        with Classifier.open(damaged) as classifier:
            print("told" if probe(classifier, name="tiny").note else "same")
    except EdgeclsError:
        print("told")
"""


def test_a_flipped_bit_is_refused_or_changes_no_golden_score(golden):
    """In a process of its own, since a runtime may crash on such a file: that is what supervisors are for."""
    path, printed, crashes = golden(), [], 0
    while "59" not in printed:
        first = 1 + max((int(word) for word in printed if word.isdigit()), default=-1)
        command = [sys.executable, "-c", FLIP, str(path), str(first)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        printed += done.stdout.split()
        crashes += done.returncode != 0
        assert done.returncode <= 0, done.stderr  # a signal, never a traceback
    assert printed.count("told") + printed.count("same") + crashes == 60
    assert printed.count("told") > 10
