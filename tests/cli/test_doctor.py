import json
from pathlib import Path

import pytest

from tests.command_line import edgecls


def test_the_doctor_says_that_a_classifier_can_run(capsys):
    assert edgecls("doctor") == 0
    told = capsys.readouterr().out
    assert "A classifier can run here, on " in told
    assert "opencv" in told


def test_the_doctor_speaks_json(capsys):
    assert edgecls("doctor", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["kind"], found["can_classify"]) == ("edgecls-doctor", True)
    assert {"name", "state", "found", "hint", "facts"} == set(found["checks"][0])


def test_a_model_that_does_not_work_is_an_error(tmp_path, capsys):
    (tmp_path / "x.tflite").write_bytes(b"no model")
    assert edgecls("doctor", tmp_path / "x.tflite") == 5
    assert "hint: " in capsys.readouterr().err


@pytest.mark.skipif(any(Path("/dev").glob("video*")), reason="there are cameras")
def test_without_a_camera_the_doctor_names_what_needs_no_hardware(capsys):
    assert edgecls("doctor", "--cameras") == 6
    told = capsys.readouterr()
    assert "--source test:bars" in told.out
    assert "frames a second" in told.out
    assert "test:shapes" in told.err


def test_cameras_and_a_model_are_looked_at_apart(capsys):
    assert edgecls("doctor", "--cameras", "x.tflite") == 2
    assert "without a model" in capsys.readouterr().err
