"""What results depend on besides the photos: packages, and the processor that runs them."""

import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("pyarrow")

from edgecls_device.spec import Preprocessing

from edgecls.scale import extracting
from edgecls.scale.check_task import CheckTask
from edgecls.scale.comparing import plan_large
from edgecls.scale.extracting import features_task
from edgecls.scale.ray_versions import difference, versions
from tests.benchmarks import conftest
from tests.benchmarks.color_models import LABELS

float_model, int8_model = conftest.float_model, conftest.int8_model
artifacts = conftest.artifacts


@pytest.fixture
def on_another_processor(monkeypatch):
    """Call a function as on a machine with another processor."""

    def call(function):
        with monkeypatch.context() as patched:
            patched.setattr("platform.machine", lambda: "other64")
            return function()

    return call


def test_another_processor_is_another_version(on_another_processor):
    here, there = (look(versions.__wrapped__) for look in (lambda do: do(), on_another_processor))
    assert difference(here, there) == f"processor {here['processor']} here and other64 there"


def test_a_check_on_another_processor_is_another_job(on_another_processor):
    def fingerprint():
        return CheckTask().fingerprint

    assert fingerprint() == fingerprint() != on_another_processor(fingerprint)


def test_features_on_another_processor_are_another_job(on_another_processor, monkeypatch, tmp_path):
    monkeypatch.setattr(extracting, "portable_copy", lambda *_: ("litert", b"model"))

    def fingerprint():
        rule = Preprocessing(height=8, width=8)
        return features_task(None, rule, extractor="colours", copy=tmp_path / "x").fingerprint

    assert fingerprint() == fingerprint() != on_another_processor(fingerprint)


def test_a_comparison_on_another_processor_is_another_job(on_another_processor, artifacts):
    def name():
        options = {"labels": LABELS, "data": "photos", "split": "all", "has_classes": True}
        return plan_large(artifacts, (), **options).name

    assert name() == name() != on_another_processor(name)
