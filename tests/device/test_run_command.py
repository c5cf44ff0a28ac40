"""``edgecls run``, ``verify`` and ``inspect`` as a user starts them: real processes, signals and pipes."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from edgecls_device.classifier import Classifier
from edgecls_device.golden import golden_inputs
from edgecls_device.spec import GoldenSamples

from tests.device.conftest import write_clip
from tests.device.tiny_models import onnx_model, tflite_model, tiny_spec

MAIN = [sys.executable, "-c", "from edgecls.cli import main; main()"]


def edgecls(*arguments, prelude=""):
    command = MAIN if not prelude else [sys.executable, "-c", f"{prelude}; {MAIN[2]}"]
    return subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False
    )


def start(*arguments):
    return subprocess.Popen(
        [*MAIN, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def frames_of(text):
    """Return the results among JSON lines; the others are events."""
    records = [json.loads(line) for line in text.splitlines()]
    assert {record["kind"] for record in records} <= {"edgecls.frame", "edgecls.event"}
    return [record for record in records if record["kind"] == "edgecls.frame"]


def check_typed_error(done, code):
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-2].startswith("error: Expected")
    assert done.stderr.splitlines()[-1].startswith("hint: ")


def test_a_photo_gives_one_line(tiny_model, photo):
    done = edgecls("run", tiny_model, "--source", photo)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{photo}  red  ")
    assert done.stdout.count("\n") == 1


def test_a_folder_gives_a_line_a_photo_and_a_summary(tiny_model, folder):
    (folder / "broken.jpg").write_bytes(b"x")
    done = edgecls("run", tiny_model, "--source", folder, "--top", 1)
    assert done.returncode == 0
    assert [line.split("  ")[1] for line in done.stdout.splitlines()] == ["red", "green", "blue"]
    assert "4 frames: 3 classified, 1 dropped (undecodable 1)" in done.stderr
    assert "broken.jpg" in done.stderr


def test_a_video_gives_json_for_every_frame(tiny_model, clip):
    done = edgecls("run", tiny_model, "--source", clip, "--json")
    records = frames_of(done.stdout)
    assert [record["label"] for record in records] == ["red"] * 30 + ["blue"] * 30
    assert [record["frame"] for record in records] == list(range(60))
    assert done.returncode == 0


def test_a_limit_and_a_clip_are_honoured(tiny_model, clip, tmp_path):
    saved = tmp_path / "out.avi"
    done = edgecls("run", tiny_model, "--source", clip, "--limit", 7, "--save", saved)
    assert done.returncode == 0
    assert "7 classified" in done.stderr
    assert saved.stat().st_size > 1000


def test_a_stream_that_ends_is_exit_code_six_and_its_clip_is_kept(tiny_model, camera, tmp_path):
    camera.count, saved = 20, tmp_path / "out.avi"
    done = edgecls(
        "run",
        tiny_model,
        "--source",
        camera.url + "/stream",
        "--json",
        "--save",
        saved,
        "--give-up-after",
        0,
    )
    check_typed_error(done, 6)
    records = frames_of(done.stdout)
    assert {record["label"] for record in records} == {"green"}
    assert "ended by source lost" in done.stderr
    assert saved.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_stream_cleanly(tiny_model, camera, tmp_path, number):
    saved = tmp_path / "out.avi"
    running = start(
        "run", tiny_model, "--source", camera.url + "/stream", "--json", "--save", saved
    )
    for _ in range(3):
        assert json.loads(running.stdout.readline())["label"] == "green"
    running.send_signal(number)
    out, err = running.communicate(timeout=30)
    assert running.returncode == 0, err
    assert all(json.loads(line) for line in out.splitlines())
    assert "ended by " in err
    assert "Traceback" not in err
    assert saved.exists()


def test_every_frame_of_a_stream_is_accounted_for(tiny_model, camera):
    camera.interval_s = 0.001
    done = edgecls("run", tiny_model, "--source", camera.url + "/stream", "--limit", 30, "--json")
    last = frames_of(done.stdout)[-1]
    dropped = sum(last["dropped"].values())
    assert 29 <= last["frame"] <= 29 + dropped  # some were dropped while this one was classified


def test_a_signal_in_a_video_is_not_success(tiny_model, tmp_path):
    path = tmp_path / "long.avi"
    write_clip(path, ["red"] * 20_000)
    running = start("run", tiny_model, "--source", path, "--json")
    running.stdout.readline()
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=30)
    assert running.returncode == 130, err
    assert "ended by Ctrl-C" in err
    assert "Traceback" not in err


def test_a_reader_that_goes_away_ends_it_quietly(tiny_model, camera):
    running = start("run", tiny_model, "--source", camera.url + "/stream", "--json")
    running.stdout.readline()
    running.stdout.close()
    err = running.stderr.read()
    assert running.wait(timeout=30) == 0
    assert "Traceback" not in err
    assert "Broken" not in err
    running.stderr.close()


def test_ctrl_c_while_a_host_does_not_answer_ends_at_once(tiny_model, silent_host):
    running = start("run", tiny_model, "--source", silent_host)
    time.sleep(1.5)
    begin = time.monotonic()
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=30)
    assert time.monotonic() - begin < 5
    assert running.returncode == 0, err  # to be stopped is the end of a stream
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--source", "nothing.jpg"], 6),
        (["--source", "http://127.0.0.1:1/stream"], 6),
        (["--source", "PHOTO", "--backend", "litter"], 2),
        (["--source", "PHOTO", "--threads", "0"], 2),
        (["--source", "PHOTO", "--save", "clip.mp4"], 2),
        (["--source", "PHOTO", "--color", "rgb"], 2),
        (["--source", "PHOTO", "--input-size", "8"], 2),
    ],
)
def test_bad_input_is_two_lines_and_an_exit_code(tiny_model, photo, arguments, code):
    done = edgecls("run", tiny_model, *(photo if a == "PHOTO" else a for a in arguments))
    check_typed_error(done, code)


def test_a_missing_opencv_names_the_command(tiny_model, photo):
    block = "import sys; sys.modules['cv2'] = None"
    done = edgecls("run", tiny_model, "--source", photo, prelude=block)
    assert done.returncode == 7
    assert "Traceback" not in done.stderr
    assert "pip install 'edgecls[device]'" in done.stderr


def test_a_headless_opencv_refuses_to_show_before_the_source_is_opened(tiny_model):
    fake = "import cv2; cv2.getBuildInformation = lambda: '  GUI: NONE'"
    done = edgecls("run", tiny_model, "--source", "no such source", "--show", prelude=fake)
    check_typed_error(done, 7)
    assert "edgecls[desktop]" in done.stderr


def test_help_needs_no_opencv():
    done = edgecls("run", "--help", prelude="import sys; sys.modules['cv2'] = None")
    assert done.returncode == 0
    assert "--source" in done.stdout


def test_running_imports_nothing_it_does_not_need(tiny_model, photo):
    heavy = {
        "rich",
        "jinja2",
        "tensorflow",
        "keras",
        "onnx",
        "urllib.request",
        "http.client",
        "email",
    }
    text = f"import atexit, sys; atexit.register(lambda: print(sorted({heavy} & set(sys.modules))))"
    done = edgecls("run", tiny_model, "--source", photo, prelude=text)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.fixture
def golden_model(tiny_model):
    """The tiny model with golden samples that its own runtime gave."""
    with Classifier.open(tiny_model) as classifier:
        batches = golden_inputs(3, 8, 8)
        scores = np.stack([classifier.raw_scores(batch[None]) for batch in batches])
    rows = tuple(tuple(map(float, row)) for row in scores)
    return tiny_model, GoldenSamples(seed=3, scores=rows)


def write_again(path, golden):
    make = tflite_model if path.suffix == ".tflite" else onnx_model
    path.write_bytes(make(spec=tiny_spec(golden=golden)))


def test_verify_passes_where_the_scores_are_the_same(golden_model):
    path, golden = golden_model
    write_again(path, golden)
    done = edgecls("verify", path, "--json")
    record = json.loads(done.stdout)
    assert done.returncode == 0
    assert (record["is_passed"], record["samples"], record["same_best"]) == (True, 4, 4)
    assert "passed" in edgecls("verify", path).stdout


def test_verify_fails_where_a_score_is_off(golden_model):
    path, golden = golden_model
    rows = [list(row) for row in golden.scores]
    rows[2][1] += 0.01
    write_again(path, GoldenSamples(seed=3, scores=tuple(map(tuple, rows))))
    done = edgecls("verify", path, "--json")
    check_typed_error(done, 5)
    assert json.loads(done.stdout)["worst_error"] == pytest.approx(0.01, abs=1e-4)


def test_verify_says_when_there_is_nothing_to_verify(tiny_model):
    check_typed_error(edgecls("verify", tiny_model), 4)


def test_inspect_shows_what_our_model_says(tiny_model):
    done = edgecls("inspect", tiny_model)
    assert "red, green, blue" in done.stdout
    assert "made by edgecls   yes" in done.stdout
    record = json.loads(edgecls("inspect", tiny_model, "--json").stdout)
    assert record["has_spec"]
    assert record["input"]["shape"] == [1, 8, 8, 3]


def test_inspect_says_what_a_model_made_elsewhere_must_be_told(tiny_model):
    make = tflite_model if tiny_model.suffix == ".tflite" else onnx_model
    tiny_model.write_bytes(make())
    done = edgecls("inspect", tiny_model)
    assert done.returncode == 0
    assert "made by edgecls   no" in done.stdout
    assert "run must be told  --labels" in done.stdout
    record = json.loads(edgecls("inspect", tiny_model, "--json").stdout)
    assert {question["option"] for question in record["questions"]} == {
        "--labels",
        "--color",
        "--resize",
    }
