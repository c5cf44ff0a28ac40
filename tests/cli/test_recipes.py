import json
import subprocess
import sys

import pytest
from edgecls_export import EXPORTERS, table

from edgecls.cli import main


def run(capsys, *arguments):
    main(["recipes", *arguments])
    return capsys.readouterr().out


def test_every_recipe_is_listed_with_what_it_is_good_for(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "500")
    shown = " ".join(run(capsys).split())
    for (_, recipe), entry in EXPORTERS.items():
        assert f"{recipe} {entry.summary}" in shown
        assert f"fast: {entry.fast}" in shown
        assert f"slow: {entry.slow}" in shown


@pytest.mark.parametrize("columns", [80, 120])
def test_lines_fit_the_terminal(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = run(capsys).splitlines()
    assert columns - 30 < max(map(len, lines)) <= columns
    assert not any(line.endswith(" ") for line in lines)


def test_one_format_can_be_asked_for(capsys):
    shown = run(capsys, "--format", "onnx")
    assert "int8-entropy" in shown
    assert "int8-io" not in shown


def test_json_has_a_record_for_each_pair(capsys):
    record = json.loads(run(capsys, "--json"))
    assert record["kind"] == "edgecls.recipes"
    assert [(r["format"], r["recipe"]) for r in record["recipes"]] == list(EXPORTERS)
    of = {(r["format"], r["recipe"]): r for r in record["recipes"]}
    assert of["tflite", "int8"]["is_default"]
    assert not of["tflite", "int8-io"]["is_default"]
    assert of["tflite", "int8-litert"]["extra"] == "litert-quantizer"


def test_what_is_not_installed_is_shown_with_the_command_that_installs_it(capsys, monkeypatch):
    monkeypatch.setattr(
        table, "find_spec", lambda name: None if name == "litert_quantizer" else sys
    )
    shown = run(capsys, "--format", "tflite")
    assert shown.count("not installed") == 2
    assert "pip install 'edgecls[litert-quantizer]'" in shown
    missing = [r for r in json.loads(run(capsys, "--json"))["recipes"] if not r["is_installed"]]
    assert [r["recipe"] for r in missing] == ["int8-litert", "int8-mixed"]


def test_an_unknown_format_is_refused(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["recipes", "--format", "onx"])
    assert exit_.value.code == 2
    assert "did you mean onnx?" in capsys.readouterr().err


def test_listing_imports_no_converter():
    code = (
        "import sys; from edgecls.cli import main\n"
        "try: main(['recipes'])\n"
        "except SystemExit: pass\n"
        "heavy = {'tensorflow', 'keras', 'onnx', 'onnxruntime', 'litert_quantizer', 'numpy.testing'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
