"""The house: arrows point down, heavy packages stay out of start-up, the public names are what they are."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = {
    "edgecls": ROOT / "edgecls",
    "edgecls_export": ROOT / "export" / "edgecls_export",
    "edgecls_bench": ROOT / "benchmarks" / "edgecls_bench",
    "edgecls_device": ROOT / "device" / "edgecls_device",
}
MAY_IMPORT = {
    "edgecls": {"edgecls", "edgecls_export", "edgecls_bench", "edgecls_device"},
    "edgecls_export": {"edgecls_export", "edgecls_device"},
    "edgecls_bench": {"edgecls_bench", "edgecls_device"},
    "edgecls_device": {"edgecls_device"},
}
TRAINING_PACKAGES = {"tensorflow", "keras", "onnx", "tf2onnx"}
HEAVY = TRAINING_PACKAGES | {"numpy", "cv2", "onnxruntime", "ai_edge_litert", "rich", "jinja2"}
HEAVY |= {"aiohttp", "paho", "prometheus_client", "jax", "ray", "pyarrow", "fsspec"}


def imported_packages(path):
    """Every package that a file imports, also inside functions, by its first name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


def files_of(room):
    return sorted(ROOMS[room].rglob("*.py"))


@pytest.mark.parametrize("room", ROOMS)
def test_arrows_point_down(room):
    files = files_of(room)
    assert files
    wrong = {
        (str(path.relative_to(ROOT)), package)
        for path in files
        for package in imported_packages(path)
        if package in ROOMS and package not in MAY_IMPORT[room]
    }
    assert not wrong


@pytest.mark.parametrize("room", ["edgecls_device", "edgecls_bench"])
def test_what_runs_on_a_device_never_imports_training_packages(room):
    wrong = {
        (str(path.relative_to(ROOT)), package)
        for path in files_of(room)
        for package in imported_packages(path)
        if package in TRAINING_PACKAGES
    }
    assert not wrong


def modules_after(statement):
    """Names of the packages that are loaded after a statement in a fresh process."""
    code = f"import json, sys\n{statement}\nprint(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("room", ROOMS)
def test_importing_a_room_imports_nothing_heavy(room):
    assert not modules_after(f"import {room}") & HEAVY


def test_help_imports_nothing_heavy():
    statement = (
        "from edgecls.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass"
    )
    assert not modules_after(statement) & HEAVY


def test_classifying_never_imports_tensorflow_or_rich():
    pytest.importorskip("cv2")
    statement = "\n".join(
        f"import edgecls_device.{path.stem}"
        for path in sorted(ROOMS["edgecls_device"].glob("*.py"))
        if path.stem != "__init__"
    )
    assert not modules_after(statement) & (TRAINING_PACKAGES | {"rich", "jinja2", "edgecls"})


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_exists(room):
    statement = (
        f"import {room}\nfor name in getattr({room}, '__all__', ()):\n    getattr({room}, name)"
    )
    modules_after(statement)


def test_no_file_is_named_for_nothing():
    vague = {"utils", "util", "helpers", "common", "misc", "manager"}
    assert not [path for room in ROOMS for path in files_of(room) if path.stem in vague]
