"""Two processes on JAX train what one does, with the same photos per step."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from edgecls_device.errors import OptionError

from edgecls.run_directory import RunDirectory
from edgecls.training.quiet_keras import BACKEND_VARIABLE
from edgecls.training.train import train
from tests.distributed.ports import free_address
from tests.training.conftest import write_photos

pytest.importorskip("jax")
pytestmark = pytest.mark.slow

TRAINER = Path(__file__).resolve().parents[1] / "_apps" / "group_trainer.py"
PATIENT_S = 400.0
SCRATCH = {"backbone": "small_cnn", "size": 32, "epochs": 3}
FINE = {"backbone": "drawn", "size": 32, "epochs": 2, "fine_tune": 2}


def start(folder, jobs, compiled, *, rank, size, coordinator, devices):
    path = folder / "jobs.json"
    path.write_text(json.dumps(jobs))
    environment = {
        **os.environ,
        BACKEND_VARIABLE: "jax",
        "CUDA_VISIBLE_DEVICES": "",
        "JAX_PLATFORMS": "cpu",
        "JAX_COMPILATION_CACHE_DIR": str(compiled),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
    }
    return subprocess.Popen(
        [sys.executable, str(TRAINER), str(path), str(rank), str(size), str(coordinator)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def jobs_of_two(folder, photos):
    """Return the jobs of one of two processes: half of the photos per step are its own."""

    def job(name, options, *, data=photos, out=None, **more):
        own = {"data": str(data), "out": str(folder / (out or name)), "cache": str(folder / "c")}
        return {"name": name, "options": {**options, **own, "batch_size": 10}, **more}

    return [
        job("scratch", SCRATCH),
        job("stopped scratch", SCRATCH, out="resumed", stop_after=2),
        job("resumed", {**SCRATCH, "resume": True}),
        job("fine", FINE),
        job("stopped fine", FINE, out="resumed fine", stop_after=1),
        job("resumed fine", {**FINE, "resume": True}),
        job("other photos", SCRATCH, data=folder / "others"),
    ]


def jobs_of_one(folder, photos):
    """Return the jobs of one process with two devices."""

    def job(name, options, **more):
        own = {"data": str(photos), "out": str(folder / name), "cache": str(folder / "c")}
        return {"name": name, "options": {**options, **own}, **more}

    return [
        job("scratch", {**SCRATCH, "batch_size": 20}, alone=True),
        job("fine", {**FINE, "batch_size": 20}, alone=True),
        job("devices", {**SCRATCH, "batch_size": 10}),
        job("stopped", {**SCRATCH, "batch_size": 10}, stop_after=1),
    ]


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """The folders of one process and of two, and what each of the three said."""
    one, first, second = (tmp_path_factory.mktemp(name) for name in ("one", "first", "second"))
    photos = write_photos(one / "photos", {"disc": 26, "square": 26, "stripes": 26})
    shutil.copytree(photos, second / "photos")  # as on a machine of its own
    for folder in (first, second):
        shutil.copytree(photos, folder / "others")
    (second / "others" / "disc" / "3.png").unlink()
    write_photos(second / "others", {"square": 1}, seed=7)
    pair = {"size": 2, "coordinator": free_address(), "devices": 1}
    compiled = first / "compiled"
    processes = [
        start(first, jobs_of_two(first, photos), compiled, rank=0, **pair),
        start(second, jobs_of_two(second, second / "photos"), compiled, rank=1, **pair),
        start(
            one,
            jobs_of_one(one, photos),
            one / "compiled",
            rank=0,
            size=1,
            coordinator="",
            devices=2,
        ),
    ]
    try:
        said = [process.communicate(timeout=PATIENT_S) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert [process.returncode for process in processes] == [0, 0, 0], said
    return one, first, second, [answers(out) for out, _ in said[2:] + said[:2]]


def answers(printed):
    lines = [
        json.loads(line) for line in printed.splitlines() if line.startswith("{")
    ]  # not Gloo's
    return {line["name"]: line for line in lines}


def model_of(folder, name):
    import keras

    return keras.models.load_model(RunDirectory(folder / name).model, safe_mode=True)


def difference(one, other):
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    return max(np.abs(a - b).max() for a, b in pairs)


def history(folder, name):
    return json.loads(RunDirectory(folder / name).training.read_text())["history"]


@pytest.mark.parametrize("name", ["scratch", "fine"])
def test_two_processes_give_the_weights_of_one_with_the_same_photos_per_step(together, name):
    one, first, _, _ = together
    assert difference(model_of(one, name), model_of(first, name)) <= 1e-5
    numbers = [
        [[epoch[key] for key in ("loss", "accuracy", "val_loss", "val_accuracy")] for epoch in run]
        for run in (history(one, name), history(first, name))
    ]
    assert np.abs(np.array(numbers[0]) - np.array(numbers[1])).max() <= 1e-4


def test_two_devices_of_one_process_do_so_too(together):
    one, first, _, said = together
    assert difference(model_of(one, "devices"), model_of(first, "scratch")) <= 1e-5
    assert said[0]["devices"]["settings"]["devices"] == "2"


@pytest.mark.parametrize(("whole", "name"), [("scratch", "resumed"), ("fine", "resumed fine")])
def test_a_resumed_training_of_two_is_an_uninterrupted_one_bit_for_bit(together, whole, name):
    _, first, _, said = together
    for answer in said[1:]:
        assert answer[f"stopped {whole}"]["error"] == "InterruptedRunError"
    assert difference(model_of(first, whole), model_of(first, name)) == 0
    assert history(first, whole) == history(first, name)


def test_what_was_stopped_on_jax_is_not_resumed_on_tensorflow(together):
    """Keras has the same variables on both, so that nothing else would notice."""
    one, *_ = together
    out = one / "stopped"
    before = RunDirectory(out).checkpoint.read_bytes()
    with pytest.raises(OptionError, match=r"with Keras on jax, .*, got tensorflow") as caught:
        train(one / "photos", out=out, **SCRATCH, batch_size=20, resume=True)
    assert "with --distributed" in caught.value.hint
    assert RunDirectory(out).checkpoint.read_bytes() == before


def test_fine_tuning_changed_the_drawn_network(together):
    _, first, _, _ = together
    assert json.loads(RunDirectory(first / "fine").training.read_text())["is_fine_tuned"]


def test_only_the_first_process_writes(together):
    _, first, second, said = together
    assert not [
        path for path in second.iterdir() if path.name not in {"photos", "others", "c", "jobs.json"}
    ]
    assert (first / "scratch" / "model.keras").is_file()
    settings = said[1]["scratch"]["settings"]
    assert settings == said[2]["scratch"]["settings"]
    shown = {
        name: settings[name] for name in ("batch_size", "keras_backend", "processes", "devices")
    }
    assert shown == {
        "batch_size": "20",
        "keras_backend": "jax",
        "processes": "2",
        "devices": "2",
    }


def test_other_photos_on_one_machine_are_named_by_both(together):
    *_, said = together
    for answer in said[1:]:
        assert answer["other photos"]["error"] == "DataError"
        message = answer["other photos"]["message"]
        assert "rank 1 lacks 'disc/3.png'" in message
        assert "'square/0.png' is another photo on rank 1" in message


def test_what_was_trained_on_jax_says_the_same_on_tensorflow(together):
    from edgecls_device.golden import golden_inputs

    _, first, _, _ = together
    for name in ("scratch", "fine"):
        golden = RunDirectory(first / name).read_spec().golden
        inputs = golden_inputs(golden.seed, 32, 32, count=len(golden.scores))
        scores = model_of(first, name).predict_on_batch(inputs.astype(np.float32))
        assert np.abs(np.asarray(scores) - np.array(golden.scores)).max() < 1e-4
