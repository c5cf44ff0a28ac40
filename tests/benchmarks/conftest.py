"""Color models and photos on disk."""

import cv2
import numpy as np
import pytest
from edgecls_bench.machine import describe_machine
from edgecls_bench.sensors import Sensors
from edgecls_device.artifact import read_artifact
from edgecls_device.records import to_json

from edgecls.data.load import load_photos
from edgecls.data.split import split_photos, write_split
from edgecls.run_directory import RunDirectory
from tests.benchmarks.color_models import COLORS, color_spec, write_color_model
from tests.benchmarks.fake_machines import FakeMachine


@pytest.fixture
def quiet(tmp_path, monkeypatch):
    """Sensors on which nothing else happens, whatever this machine does."""
    machine = FakeMachine(tmp_path / "quiet-machine")
    monkeypatch.setattr("edgecls_bench.bench.Sensors", lambda: Sensors(machine.root))
    monkeypatch.setattr("edgecls_bench.bench.describe_machine", lambda root: describe_machine())
    return machine


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    """A machine on which other programs keep one of two cores busy."""
    machine = FakeMachine(tmp_path / "loaded-machine")

    class LoadedSensors(Sensors):
        def read(self, *args, **options):
            machine.pass_time(user_s=100.0, idle_s=100.0)
            return super().read(*args, **options)

    monkeypatch.setattr("edgecls_bench.bench.Sensors", lambda: LoadedSensors(machine.root))
    return machine


@pytest.fixture
def float_model(tmp_path):
    return write_color_model(tmp_path / "exports" / "colors.float32.onnx", color_spec())


@pytest.fixture
def int8_model(tmp_path):
    """Less sure than the float model, and blind for red: it takes red for green."""
    weights = 4 / 255 * np.array([[0, 1, 0.5], [0, 1, 0], [1, 0, 0]])
    path = tmp_path / "exports" / "colors.int8.onnx"
    return write_color_model(path, color_spec("int8"), weights=weights)


@pytest.fixture
def artifacts(float_model, int8_model):
    return [read_artifact(float_model), read_artifact(int8_model)]


@pytest.fixture
def photos_dir(tmp_path):
    """Six photos of each colour, in class folders; no two are the same."""
    root = tmp_path / "photos"
    for label, color in COLORS.items():
        (root / label).mkdir(parents=True)
        for i in range(6):
            picture = np.full((20 + i, 30, 3), color, np.uint8)
            picture[:2] = 10 * i
            cv2.imwrite(str(root / label / f"{i}.png"), picture)
    return root


@pytest.fixture
def run(tmp_path, float_model, int8_model, photos_dir):
    """A run with a spec, a split and two exported files, of which one takes red for green."""
    run = RunDirectory(tmp_path)
    run.spec.write_text(to_json(color_spec()))
    run.model.write_bytes(b"")
    write_split(split_photos(load_photos(photos_dir)), run)
    return run
