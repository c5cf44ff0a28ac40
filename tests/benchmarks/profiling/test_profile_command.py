import json

import pytest
from edgecls_bench.profiling.profile import profile
from edgecls_device.artifact import read_artifact

from tests.command_line import edgecls
from tests.device.tiny_models import onnx_model, tiny_spec

pytest.importorskip("onnxruntime")


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "exports" / "tiny.onnx"
    path.parent.mkdir()
    path.write_bytes(onnx_model(spec=tiny_spec()))
    return path


def test_the_table_names_layers_operations_and_what_they_add_up_to(model, capsys):
    assert edgecls("bench", "profile", model, "--runs", 3) == 0
    out = capsys.readouterr().out
    assert "tiny.onnx on onnxruntime, 1 thread: 4 operations" in out
    assert "ReduceMean" in out
    assert "1x8x8x3" in out
    assert "the whole model" in out
    assert "all operations took the fast path" in out
    assert "how: ONNX Runtime's own profiler" in out


def test_top_shows_the_slowest_and_0_all_in_order(model, capsys):
    assert edgecls("bench", "profile", model, "--runs", 3, "--top", 1) == 0
    out = capsys.readouterr().out
    assert "the slowest of 4 operations" in out
    assert sum(out.count(f"{op}  ") for op in ("1x8x8x3", "1x3")) == 1
    assert edgecls("bench", "profile", model, "--runs", 3, "--top", 0) == 0
    out = capsys.readouterr().out
    assert out.index("Cast") < out.index("ReduceMean") < out.index("Softmax")


def test_a_run_is_profiled_with_all_its_files_as_json(tmp_path, model, capsys):
    model.with_name("other.onnx").write_bytes(model.read_bytes())
    assert edgecls("bench", "profile", tmp_path, "--runs", 3, "--json") == 0
    body = json.loads(capsys.readouterr().out)
    assert (body["kind"], body["version"]) == ("edgecls.profile", 1)
    assert [entry["artifact"] for entry in body["models"]] == ["other.onnx", "tiny.onnx"]
    assert body["models"][0]["operations"][0]["op"] == "Cast"


def test_a_file_that_fails_is_named_beside_those_that_do_not(model, capsys):
    bad = model.with_name("bad.onnx")
    bad.write_bytes(model.read_bytes().replace(b"Softmax", b"Softmix"))
    assert edgecls("bench", "profile", model, bad, "--runs", 3) == 0
    assert "failed: bad.onnx on onnxruntime" in capsys.readouterr().out
    assert edgecls("bench", "profile", bad, "--runs", 3) == 11
    assert "hint: check the file with: edgecls verify" in capsys.readouterr().err


def test_an_emulated_machine_says_that_its_times_mean_nothing(model, capsys, monkeypatch):
    from edgecls.cli import bench_profile

    result = profile([read_artifact(model)], runs=3)
    void = type(result)(
        created=result.created, machine=result.machine, models=result.models, void="emulated"
    )
    monkeypatch.setattr(bench_profile, "profile", lambda *args, **options: void)
    assert edgecls("bench", "profile", model) == 0
    assert "VOID: emulated" in capsys.readouterr().out
