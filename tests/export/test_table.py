import subprocess
import sys

import edgecls_export
import pytest
from edgecls_device.errors import MissingDependencyError, OptionError
from edgecls_export import EXPORTERS, choose_exporters, table


def test_all_exporters_are_the_default():
    assert choose_exporters() == tuple(EXPORTERS)
    assert len(EXPORTERS) == 5


def test_one_named_side_means_every_pair_that_has_it():
    assert choose_exporters(["onnx"]) == (("onnx", "float32"), ("onnx", "int8"))
    assert choose_exporters([], ["int8"]) == (("tflite", "int8"), ("onnx", "int8"))
    assert choose_exporters([], ["float16"]) == (("tflite", "float16"),)


def test_a_pair_that_does_not_exist_is_refused_by_name():
    with pytest.raises(
        OptionError, match=r"recipe of onnx \(float32, int8\), got 'float16'"
    ) as error:
        choose_exporters(["onnx"], ["float16"])
    assert "tflite" in error.value.hint


@pytest.mark.parametrize(
    ("formats", "recipes", "got", "near"),
    [(["tflit"], [], "tflit", "tflite"), ([], ["int_8"], "int_8", "int8")],
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
    found = table.find_spec
    monkeypatch.setattr(table, "find_spec", lambda name: None if name == missing else found(name))
    with pytest.raises(MissingDependencyError, match=missing) as error:
        entry.load()
    assert error.value.hint == "pip install 'edgecls[export]'"


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
