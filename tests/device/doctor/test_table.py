import pytest
from edgecls_device.backends.table import BACKENDS
from edgecls_device.doctor import software
from edgecls_device.doctor.check import Check
from edgecls_device.doctor.table import CHECKS, examine
from edgecls_device.doctor.trial import Trial, try_code
from edgecls_device.errors import SourceError


def test_this_machine_can_classify_and_every_check_says_something(tiny_model):
    found = examine(tiny_model)
    assert found.can_classify
    assert found.backends
    assert all(check.found for check in found.checks)
    names = [check.name for check in found.checks]
    assert len(names) == len(set(names))
    assert {"python", "opencv", "memory", "disk", *BACKENDS} <= set(names)
    assert found.checks[-1].name == "model"
    assert "as it should" in found.checks[-1].found


def broken_check():
    message = "Expected an answer, got none."
    raise SourceError(message)
    yield


def good_check():
    yield Check(name="good", found="fine")


def test_a_check_that_fails_does_not_stop_the_others():
    here = {"broken": f"{__name__}:broken_check", "good": f"{__name__}:good_check"}
    found = examine(checks=here)
    assert [(check.name, check.state) for check in found.checks] == [
        ("broken", "problem"),
        ("good", "ok"),
    ]
    assert "Expected an answer" in found.checks[0].found
    assert not found.can_classify


@pytest.mark.parametrize("crash", ["import os; os.kill(os.getpid(), 4)", "raise ImportError('x')"])
def test_a_runtime_that_crashes_when_it_is_loaded_is_named(monkeypatch, crash):
    monkeypatch.setattr(software, "_is_there", lambda module: True)
    monkeypatch.setattr(software, "_RUNTIME", crash)
    states = [(check.state, check.facts["is_loaded"]) for check in software.check_runtimes()]
    assert states == [("problem", False)] * len(BACKENDS)


def test_without_a_runtime_or_without_opencv_nothing_can_be_classified(monkeypatch):
    checks = {name: CHECKS[name] for name in ("opencv", "runtimes")}
    monkeypatch.setattr(software, "try_code", lambda code: Trial(failure="a crash"))
    found = examine(checks=checks)
    assert not found.can_classify
    assert found.checks[0].state == "problem"
    monkeypatch.setattr(software, "try_code", try_code)
    monkeypatch.setattr(software, "_is_there", lambda module: False)
    found = examine(checks=checks)
    assert found.checks[0].state != "problem"
    assert (found.can_classify, found.backends) == (False, ())
    assert all("pip install" in check.hint for check in found.checks[1:])


def test_a_model_that_is_none_is_a_problem(tmp_path):
    path = tmp_path / "x.tflite"
    path.write_bytes(b"no model")
    assert software.check_model(path).state == "problem"


def test_extras_that_are_not_installed_are_named(monkeypatch):
    monkeypatch.setattr(software, "_is_there", lambda module: False)
    found = {check.name: check for check in software.check_extras()}
    assert "edgecls[web]" in found["web"].hint
    assert "paho-mqtt" in found["mqtt"].found
