import re
import subprocess
import sys
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path

import edgecls_export
import pytest
from edgecls_device.errors import MissingDependencyError, OptionError
from edgecls_export import EXPORTERS, choose_exporters, table

DOCS = Path(__file__).resolve().parents[2] / "docs"
DEFAULTS = (
    ("tflite", "float32"),
    ("tflite", "float16"),
    ("tflite", "int8"),
    ("onnx", "float32"),
    ("onnx", "int8"),
)


def test_without_names_the_default_recipes_are_meant():
    assert choose_exporters() == DEFAULTS
    assert choose_exporters(["onnx"]) == DEFAULTS[3:]


def test_one_named_recipe_means_every_format_that_has_it():
    assert choose_exporters([], ["int8"]) == (("tflite", "int8"), ("onnx", "int8"))
    assert choose_exporters([], ["int8-io"]) == (("tflite", "int8-io"),)


def test_a_pair_that_does_not_exist_is_refused_by_name():
    with pytest.raises(
        OptionError, match=r"recipe of onnx \(float32, int8, .*\), got 'int8-io'"
    ) as error:
        choose_exporters(["onnx"], ["int8-io"])
    assert "tflite" in error.value.hint


@pytest.mark.parametrize(
    ("formats", "recipes", "got", "near"),
    [
        (["tflit"], [], "tflit", "tflite"),
        ([], ["int_8"], "int_8", "int8"),
        ([], ["int8-percentil"], "int8-percentil", "int8-percentile"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(formats, recipes, got, near):
    with pytest.raises(OptionError, match=repr(got)) as error:
        choose_exporters(formats, recipes)
    assert error.value.hint == f"did you mean {near}?"


def test_an_unknown_name_like_no_other_points_to_the_help():
    with pytest.raises(OptionError, match="tflite, onnx") as error:
        choose_exporters(["coreml-package"])
    assert "--help" in error.value.hint


@pytest.mark.parametrize("entry", EXPORTERS.values(), ids=map("-".join, EXPORTERS))
def test_a_missing_package_names_the_extra(monkeypatch, entry):
    missing = entry.packages[-1]
    monkeypatch.setattr(table, "find_spec", lambda name: None if name == missing else sys)
    assert not entry.is_installed
    with pytest.raises(MissingDependencyError, match=missing) as error:
        entry.load()
    assert error.value.hint == f"pip install 'edgecls[{entry.extra}]'"


@pytest.mark.parametrize("entry", EXPORTERS.values(), ids=map("-".join, EXPORTERS))
def test_every_entry_has_a_function(entry):
    missing = [package for package in entry.packages if find_spec(package) is None]
    if missing:
        pytest.skip(f"needs {missing}")
    assert callable(entry.load())


def times_of_float32():
    """Return (format, recipe) -> times of float32's that our pages show, on LiteRT and ONNX Runtime."""
    found = defaultdict(list)
    for page in ("recipes.md", "backbones.md"):
        columns = []
        for line in (DOCS / page).read_text("utf-8").splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if "time %" in cells:
                columns = cells
            row = dict(zip(columns, cells, strict=False))
            recipe, _, file_format = row.get("file", "").rpartition(".")
            is_other_runtime = row.get("runtime") == "tflite-runtime"
            if recipe and row.get("time %", "").isdecimal() and not is_other_runtime:
                found[file_format, recipe].append(int(row["time %"]) / 100)
    return found


def test_those_that_are_slower_than_float_on_cpus_say_how_much_as_our_pages_do():
    measured = times_of_float32()
    for key, entry in EXPORTERS.items():
        if key[1] in {"dynamic", "int16"}:
            said = re.match(r"([\d.]+) to ([\d.]+) times the time of float32 on CPUs", entry.slow)
            low, high = map(float, said.groups())
            assert low == pytest.approx(min(measured[key]), rel=0.25), key
            assert high == pytest.approx(max(measured[key]), rel=0.25), key
            assert not entry.is_default


def test_importing_the_package_imports_no_converter():
    code = (
        "import sys, edgecls_export\n"
        "edgecls_export.export, edgecls_export.freeze, edgecls_export.EXPORTERS\n"
        "heavy = {'tensorflow', 'keras', 'onnx', 'onnxruntime', 'tf2onnx'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_public_names_are_these():
    names = {"EXPORTERS", "ExportedArtifact", "FrozenModel", "choose_exporters", "export", "freeze"}
    assert set(edgecls_export.__all__) == names | {"load_keras_model"}
    for name in edgecls_export.__all__:
        assert callable(getattr(edgecls_export, name)) or name == "EXPORTERS"
