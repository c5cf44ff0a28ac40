import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from edgecls_device.errors import OptionError

from edgecls.run_directory import RunDirectory
from edgecls.training.train import train

pytestmark = pytest.mark.slow


def weights(run):
    import keras

    return keras.models.load_model(run.model, safe_mode=True).get_weights()


def command(*arguments):
    code = "from edgecls.cli import main; main()"
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)  # JAX sets it in whoever imports it
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def test_ctrl_c_leaves_a_run_that_resume_continues(photos, tmp_path):
    options = ["--backbone", "small_cnn", "--size", "48", "--epochs", "40"]
    stopped, whole = RunDirectory(tmp_path / "shapes"), RunDirectory(tmp_path / "whole" / "shapes")
    process = command("train", photos, "--out", stopped.path, *options)
    deadline = time.monotonic() + 120
    while not stopped.checkpoint.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped by Ctrl-C" in printed
    assert "--resume" in printed
    assert "Traceback" not in printed
    assert [path.name for path in stopped.path.iterdir()] == ["checkpoint.npz"]

    small = {"backbone": "small_cnn", "size": 48}
    with pytest.raises(OptionError, match="options and photos of the stopped training"):
        train(photos, out=stopped.path, epochs=39, resume=True, **small)
    process = command("train", photos, "--out", stopped.path, *options, "--resume", "--json")
    result, printed = process.communicate(timeout=300)
    assert process.returncode == 0, printed
    history = json.loads(result)["history"]
    assert [epoch["epoch"] for epoch in history] == list(range(1, 41))
    resumed = printed.count("Epoch ")
    assert resumed < 2 * 40  # those before the signal were not repeated

    record = train(photos, out=whole.path, epochs=40, **small)
    assert [e.loss for e in record.history] == pytest.approx([e["loss"] for e in history], abs=0.02)
    for first, second in zip(weights(stopped), weights(whole), strict=True):
        assert np.abs(first - second).max() <= 0.05


def test_only_our_own_lines_are_printed(photos, tmp_path):
    process = command(
        "train",
        photos,
        "--out",
        tmp_path / "shapes",
        "--size",
        "64",
        "--epochs",
        "2",
        "--cache",
        tmp_path,
    )
    result, printed = process.communicate(timeout=300)
    assert process.returncode == 0, printed
    ours = ("Hashing photos:", "Computing features:", "Head:", "note: ")
    assert [line for line in printed.splitlines() if not line.startswith(ours)] == []
    assert "Accuracy on the test photos" in result
    assert "Next: edgecls export" in result
