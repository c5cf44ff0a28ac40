"""edgecls train --distributed, as it is typed: two processes, one killed in the middle, and the resume."""

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from edgecls_device.errors import DataError, DistributedError, OptionError

from edgecls.cli import distributed_options
from edgecls.distributed.place import VARIABLE, Place
from tests.command_line import edgecls
from tests.distributed import processes
from tests.distributed.ports import free_address
from tests.training.conftest import write_photos

if not find_spec("jax") or not find_spec("tensorflow"):  # importing them here would slow collection
    pytest.skip("needs the extra distributed", allow_module_level=True)

PATIENT_S = 400.0
EPOCHS = 15
OPTIONS = ("--backbone", "small_cnn", "--size", "32", "--epochs", str(EPOCHS), "--distributed")


def started(*commands, devices=()):
    """Start ``edgecls train`` with each set of arguments, on one device of the processor or on so many."""
    train = (sys.executable, "-m", "edgecls", "train")
    arguments = [[*train, *map(str, one), *OPTIONS] for one in commands]
    counts = devices or [1] * len(commands)
    return processes.started(arguments, [on_devices(count) for count in counts])


def on_devices(count):
    """Return an environment in which JAX has so many devices."""
    flags = f"--xla_force_host_platform_device_count={count}"
    return {**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}


def ends(running):
    return processes.ends(running, PATIENT_S)


def pair(photos, out, *options):
    """Return the arguments of two processes; each has photos of its own, as on two machines."""
    where = free_address()
    together = ("--batch-size", 8, "--coordinator", where, "--processes", 2, *options)
    return [
        (photos[0], "--out", out, "--rank", 0, *together),
        (photos[1], "--out", out.parent / "never-written", "--rank", 1, *together),
    ]


def child_of(number):
    """Return the number of a process's one child; 0 while it has none."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        if int(after_name[1]) == number:
            return int(stat.parent.name)
    return 0


def wait_for(is_so, processes):
    until = time.monotonic() + PATIENT_S
    while time.monotonic() < until:
        if is_so():
            return
        assert all(process.poll() is None for process in processes), ends(processes)
        time.sleep(0.01)
    pytest.fail("it did not happen")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """The same photos twice, as two machines have them."""
    counts = {"disc": 14, "square": 14, "stripes": 14}
    return [write_photos(tmp_path_factory.mktemp(name), counts) for name in ("here", "there")]


@pytest.mark.slow
def test_a_process_that_is_killed_costs_nothing_that_was_finished(photos, tmp_path):
    """Resumed by two, it ends as one process with two devices does that was never stopped, bit for bit.

    With one device it would add up the same sums in another order, and 45 steps make much of that.
    """
    out, alone = tmp_path / "shapes", tmp_path / "alone"
    reference = (photos[0], "--out", alone, "--batch-size", 8, "--json")
    with started(*pair(photos, out), reference, devices=(1, 1, 2)) as (first, second, other):
        wait_for((out / "checkpoint.npz").exists, [first, second])
        os.kill(child_of(second.pid), signal.SIGKILL)
        found = ends([first, second])
        ((code, printed, errors),) = ends([other])
    assert code == 0, errors
    record = json.loads(printed)
    assert (record["settings"]["batch_size"], record["settings"]["devices"]) == ("16", "2")
    for code, printed, errors in found:
        assert (code, printed) == (DistributedError.exit_code, "")
        assert "error: Rank 1 (" in errors
        assert "was killed by SIGKILL" in errors
        assert "hint: start all of them again with --resume" in errors
        assert "Traceback" not in errors

    with started(*pair(photos, out, "--resume")) as processes:
        (code, printed, errors), (other_code, other_printed, other_errors) = ends(processes)
    assert (code, other_code) == (0, 0), errors + other_errors
    assert "Accuracy on the test photos" in printed
    assert other_printed == ""
    assert "Epoch 1/" not in errors  # it went on
    assert "rank 0 wrote the run" in other_errors
    assert "Epoch" not in other_errors  # rank 0 speaks for all
    assert f"Epoch {EPOCHS}:" in errors
    assert not (tmp_path / "never-written").exists()
    written = json.loads((out / "training.json").read_text())
    assert len(written["history"]) == EPOCHS
    assert written["history"] == record["history"]  # also of epochs after the best
    assert written["settings"]["processes"] == "2"
    for one, another in zip(weights_of(out), weights_of(alone), strict=True):
        np.testing.assert_array_equal(one, another)


def weights_of(run):
    from edgecls.training.quiet_keras import import_keras

    return import_keras().models.load_model(run / "model.keras").get_weights()


@pytest.mark.slow
def test_other_photos_are_refused_on_every_process(photos, tmp_path):
    other = write_photos(tmp_path / "other", {"disc": 14, "square": 14, "stripes": 14}, seed=1)
    with started(*pair([photos[0], other], tmp_path / "out")) as processes:
        found = ends(processes)
    for code, _, errors in found:
        assert code == DataError.exit_code, errors
        assert "Expected the same photos in every process" in errors
        assert "'disc/0.png'" in errors
    assert not (tmp_path / "out").exists()


def test_other_options_are_refused_before_anything_is_trained(photos, tmp_path):
    first, second = pair(photos, tmp_path / "out")
    with started(first, (*second, "--seed", 7)) as processes:
        found = ends(processes)
    for code, _, errors in found:
        assert code == DistributedError.exit_code
        assert "other options" in errors
        assert "--seed 7 instead of --seed 0" in errors


def test_a_child_whose_guard_is_gone_before_it_begins_does_not_begin():
    lifeline, held = os.pipe()
    os.close(held)
    gone = Place(guard=0, words=0, lifeline=lifeline, output=1, errors=2, hosts=("here",))
    arguments = ("train", "photos", "--out", "out", "--distributed", "--rank", "-1")
    try:
        done = subprocess.run(
            [sys.executable, "-c", distributed_options._START.format(path=sys.path), *arguments],
            env={**os.environ, VARIABLE: gone.as_text()},
            pass_fds=[lifeline],
            check=False,
            capture_output=True,
        )
    finally:
        os.close(lifeline)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_guard_imports_nothing_that_trains():
    heavy = {"jax", "jaxlib", "keras", "tensorflow"}
    code = f"import sys, edgecls.cli.train; print(sorted({heavy} & {{*sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--rank", "1"], "Expected --rank with --distributed"),
        (["--distributed", "--rank", "1"], "--coordinator and --processes are missing"),
        (["--distributed", "--batch-size", "0"], "--batch-size to be 1..4096"),
    ],
)
def test_options_that_cannot_be_honoured_are_refused_at_once(tmp_path, capsys, options, said):
    code = edgecls("train", tmp_path, "--out", tmp_path / "out", *options)
    assert code == OptionError.exit_code
    assert said in capsys.readouterr().err
