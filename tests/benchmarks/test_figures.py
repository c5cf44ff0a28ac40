"""The figure scripts are no package; they are loaded from where they lie."""

import importlib.util
import sys
from pathlib import Path

import pytest
from edgecls_bench.bench import bench
from edgecls_bench.cases import plan_cases
from edgecls_bench.compare import LabelledPhoto, compare
from edgecls_device.errors import BenchmarkError
from edgecls_device.records import encode, from_json

from tests.benchmarks.bench_runs import SHORT
from tests.benchmarks.color_models import LABELS

FIGURES = Path(__file__).resolve().parents[2] / "benchmarks" / "figures"
SCRIPTS = [
    "training",
    "diagnosis",
    "export_all",
    "first_label",
    "demo",
    "readable",
    "seeds",
    "thousand_classes",
    "recipes",
    "backbones",
    "scratch",
    "crops",
    "in_turn",
    "gate_table",
    "compare_speed",
]


def script(name, monkeypatch):
    if name in sys.modules:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(FIGURES))
    spec = importlib.util.spec_from_file_location(name, FIGURES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


def test_export_figures_read_what_compare_and_bench_write(artifacts, photos_dir, monkeypatch):
    pytest.importorskip("onnxruntime")
    export_all = script("export_all", monkeypatch)
    photos = [
        LabelledPhoto(path=path, class_id=i)
        for i, label in enumerate(LABELS)
        for path in (photos_dir / label).iterdir()
    ]
    cases = encode(compare(artifacts, photos, labels=LABELS, data=photos_dir, split="all"))["cases"]
    rows = {row.what: row for row in export_all.accuracy_rows(cases, cases)}
    assert rows["onnx float32 onnxruntime: agreement"].value == 100
    assert rows["onnx int8 onnxruntime: agreement"].verdict == "no"
    assert rows["onnx int8 onnxruntime: difference of top-1"].value == pytest.approx(100 / 3)
    run = bench(artifacts, threads=[1], settings=SHORT)
    rows = {row.what: row for row in export_all.latency_rows(encode(run)["cases"])}
    assert rows["onnx int8 onnxruntime x1: size of float32's"].value == pytest.approx(100, abs=2)
    assert rows["onnx float32 onnxruntime x1: p50"].value > 0


@pytest.mark.parametrize(
    ("limits", "verdict", "target"),
    [
        ({"at_most": 2}, "yes", "at most 2"),
        ({"at_most": 1}, "no", "at most 1"),
        ({"at_least": 3}, "no", "at least 3"),
        ({}, "", ""),
    ],
)
def test_a_number_is_held_to_its_target(monkeypatch, limits, verdict, target):
    row = script("figure", monkeypatch).Row(what="x", value=2.0, unit="s", **limits)
    assert (row.verdict, row.target) == (verdict, target)


def test_a_command_is_timed_in_a_process_of_its_own(monkeypatch):
    figure = script("figure", monkeypatch)
    code = "import time; print('a', flush=True); time.sleep(0.2); print('b')"
    done = figure.run([sys.executable, "-c", code])
    assert done.output == "a\nb\n"
    assert done.first_line_s < done.seconds
    assert done.peak_bytes > 1_000_000


def test_a_command_that_fails_is_an_error(monkeypatch):
    with pytest.raises(BenchmarkError, match="exit code 3"):
        script("figure", monkeypatch).run([sys.executable, "-c", "raise SystemExit(3)"])


def test_a_figure_is_kept_and_written_as_markdown(monkeypatch, tmp_path, capsys):
    figure, readable = script("figure", monkeypatch), script("readable", monkeypatch)
    row = figure.Row(what="size", value=2.0, unit="MB", at_most=3)
    one = figure.figure_of("Sizes", figure.describe_machine(), [row])
    figure.show(one, tmp_path / "sizes.json")
    assert "(at most 3: yes)" in capsys.readouterr().out
    assert from_json(figure.Figure, (tmp_path / "sizes.json").read_bytes(), name="x") == one
    assert "| size | 2 MB | at most 3 | yes |" in readable.section(tmp_path / "sizes.json")


def test_the_speed_of_compare_is_held_against_the_same_models_bare(
    artifacts, photos_dir, monkeypatch
):
    pytest.importorskip("onnxruntime")
    compare_speed = script("compare_speed", monkeypatch)
    paths = sorted(photos_dir.rglob("*.png"))
    assert compare_speed.look_bare(plan_cases(artifacts[:1]), paths) == [0] * 6 + [1] * 6 + [2] * 6
    rows = list(compare_speed.speed_rows("both", artifacts, paths, 1))
    assert [row.unit for row in rows] == ["photos/s", "photos/s", "%", "%"]
    assert rows[2].at_least == 90
    assert all(row.value > 0 for row in rows)


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_figure_script_loads_and_names_its_command(monkeypatch, name):
    module = script(name, monkeypatch)
    assert callable(module.main)
    assert f"python benchmarks/figures/{name}.py" in module.__doc__
