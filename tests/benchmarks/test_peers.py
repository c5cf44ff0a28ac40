"""The peers' command, with those that need nothing but this environment, on a tiny model."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import cv2
import numpy as np
import pytest
from edgecls_bench.machine import describe_machine
from edgecls_bench.watch import Watched
from edgecls_device.artifact import read_artifact
from edgecls_device.classifier import Classifier
from edgecls_device.foreign import ForeignOptions
from edgecls_device.images import read_image
from edgecls_device.opening import open_model

from tests.device.tiny_models import LABELS, onnx_model, tflite_model, tiny_spec

PEERS = Path(__file__).resolve().parents[2] / "benchmarks" / "peers"
OTHERS = ("label-image", "mediapipe", "ultralytics")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with the three exports that are asked for."""
    for package in ("onnx", "onnxruntime", "ai_edge_litert"):
        pytest.importorskip(package)
    run = tmp_path_factory.mktemp("peers") / "tiny"
    exports = run / "exports"
    exports.mkdir(parents=True)
    (exports / "tiny.int8.tflite").write_bytes(tflite_model(spec=tiny_spec()))
    for recipe in ("int8", "float32"):
        (exports / f"tiny.{recipe}.onnx").write_bytes(onnx_model(spec=tiny_spec()))
    return run


@pytest.fixture
def load(monkeypatch):
    """Return a function that loads a module of benchmarks/peers, which are no package."""
    folders = (PEERS.parent / "figures", PEERS, PEERS / "runners")
    for folder in folders:
        monkeypatch.syspath_prepend(str(folder))
    before = dict(sys.modules)
    for name in ("figure", "pages"):  # other tests load them in their own way
        sys.modules.pop(name, None)
    yield import_module
    for name, module in list(sys.modules.items()):
        if Path(getattr(module, "__file__", None) or "").parent in folders:
            del sys.modules[name]
    sys.modules.update(before)


@pytest.fixture(scope="module")
def figure(run, tmp_path_factory):
    """What the very command finds, in few samples."""
    work = tmp_path_factory.mktemp("work")
    out = work / "few.json"
    command = [sys.executable, PEERS / "peers.py", run, "--out", out, "--work", work / "kept"]
    command += ["--rounds", "1", "--samples", "3", "--cold-starts", "2"]
    command += ["--attempts", "1"]  # it is not timed here, and this machine may be busy
    command += [word for name in OTHERS for word in ("--without", name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text()), work / "kept"


@pytest.mark.slow
def test_the_command_measures_every_way_that_is_here(figure):
    record, _ = figure
    rows = {row["what"]: row for row in record["rows"]}
    for name in (
        "invoke, int8.tflite, no frame, 1 thread",
        "bare script, int8.tflite, 1920x1080, 1 thread",
        "edgecls, int8.tflite, 640x480, 1 thread",
    ):
        assert rows[f"{name}: p50"]["value"] > 0
        assert f"{name}: p99" not in rows  # 3 samples tell none
    ways = {name.partition(",")[0] for name in rows if name.endswith(": p50")}
    assert ways == {"invoke", "bare script", "OpenCV DNN", "edgecls"}
    starts = [name for name in rows if name.endswith(": first label")]
    assert len(starts) == 6  # edgecls and its command with a TFLite file and with one of others
    assert rows["disturbed by other programs, heat or a lower clock"]["note"].startswith("of ")


@pytest.mark.slow
def test_ratios_carry_the_targets(figure):
    record, _ = figure
    ratios = {row["what"]: row for row in record["rows"] if ": " not in row["what"]}
    frame = "frame to label, edgecls / invoke, int8.tflite"
    assert ratios[f"{frame}, 640x480, 1 thread"]["at_most"] == 1.05
    assert ratios[f"{frame}, 1920x1080, 1 thread"]["at_most"] == 1.25
    threads = record["machine"]["cores"] > 1
    start = f"edgecls / bare script, int8.tflite, {'2 threads' if threads else '1 thread'}"
    assert ratios[f"first label, {start}"]["at_most"] == 1.15
    assert ratios[f"peak memory, {start}"]["at_most"] == 1.1


@pytest.mark.slow
def test_all_samples_are_kept(figure):
    _, work = figure
    samples = json.loads((work / "samples.json").read_text())
    loop = samples["edgecls, int8.tflite, 640x480, 1 thread"]
    assert [len(one) for one in loop["samples_us"]] == [3]
    cold = [value for name, value in samples.items() if name.endswith("cold start")]
    assert all(len(one["first_label_s"]) == len(one["peak_bytes"]) == 2 for one in cold)


def test_the_file_for_others_gives_our_labels_and_says_what_ultralytics_asks(run, tmp_path, load):
    path = load("foreign_onnx").write_foreign(run / "exports" / "tiny.int8.onnx", tmp_path)
    assert path.name == "tiny.int8.peers.8x8.onnx"
    onnx = pytest.importorskip("onnx")
    told = {prop.key: prop.value for prop in onnx.load(path).metadata_props}
    assert told["task"] == "classify"
    assert told["imgsz"] == "[8, 8]"
    assert told["names"] == "{0: 'red', 1: 'green', 2: 'blue'}"
    assert read_artifact(path).spec is None
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(LABELS))
    options = ForeignOptions(labels=labels, input_range="0..1", color="rgb", resize="crop")
    frame = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    with (
        open_model(path, foreign=options).classifier as others,
        Classifier.open(run / "exports" / "tiny.int8.onnx") as ours,
    ):
        assert others.classify(frame).scores == pytest.approx(ours.classify(frame).scores, abs=1e-5)


def test_a_model_that_does_not_begin_with_a_cast_is_refused(tmp_path, load):
    onnx = pytest.importorskip("onnx")
    path = tmp_path / "tiny.int8.onnx"
    model = onnx.load_model_from_string(onnx_model(spec=tiny_spec()))
    model.graph.node[0].op_type = "Identity"
    path.write_bytes(model.SerializeToString())
    foreign_onnx = load("foreign_onnx")
    with pytest.raises(Exception, match="read by one Cast, got Identity"):
        foreign_onnx.write_foreign(path, tmp_path)


def test_a_first_line_that_is_no_label_is_not_taken_for_a_cold_start(load):
    measuring, plan, figure = load("measuring"), load("plan"), load("figure")
    case = plan.Case(way=plan.WAYS[1], file="int8.tflite", size=None, threads=1)

    def label_in(output):
        done = figure.Finished(seconds=1, first_line_s=1, peak_bytes=1, output=output)
        return measuring._label_in(done, case, ["cat", "dog"])

    assert label_in("0.970000: dog\n0.030000: cat\n") == "dog"
    assert label_in('{"label": "cat"}\n') == "cat"
    with pytest.raises(Exception, match="Expected a label as the first line"):
        label_in("Loading the model...\ncat\n")


class Crowd:
    """A machine that is crowded for a while; in place of a ``Watch``."""

    def __init__(self, times):
        self.machine = describe_machine(samples_load=False)
        self.times, self.looks = times, 0

    def begin(self, cores):
        self.looks += 1

    def end(self, threads):
        return Watched(readings=(), disturbance="crowded" if self.looks <= self.times else "")


@pytest.mark.parametrize(
    ("crowded", "looks", "told"), [(0, 1, []), (2, 3, []), (9, 3, ["crowded"])]
)
def test_what_others_disturb_is_repeated_twice_and_then_told(
    run, tmp_path, load, crowded, looks, told
):
    measuring, plan = load("measuring"), load("plan")
    cv2.imwrite(str(tmp_path / "photo.jpg"), np.full((20, 20, 3), (0, 200, 0), np.uint8))
    (tmp_path / "labels.txt").write_text("\n".join(LABELS))
    prepared = measuring.Prepared(
        files={"int8.tflite": str(run / "exports" / "tiny.int8.tflite")},
        labels=LABELS,
        pythons={"edgecls": Path(sys.executable)},
        work=tmp_path,
    )
    case = plan.Case(way=plan.WAYS[1], file="int8.tflite", size=None, threads=1)
    watch = Crowd(crowded)
    found = measuring.measure(
        [case], prepared, watch, rounds=1, count=1, cold_starts=1, attempts=3, seed=0
    )[case]
    assert (watch.looks, found.disturbed) == (looks, told)
    assert found.label == "green"
    assert len(found.first_label_s) == len(found.peak_bytes) == 1


def test_ultralytics_runs_on_all_cores_and_so_does_what_it_is_compared_with(load):
    plan = load("plan")
    cases = plan.cases_of(plan.WAYS, 4)
    theirs = [case for case in cases if case.way.name == "Ultralytics" and case.size]
    ours = [case for case in cases if case.way.name == "edgecls" and case.file.endswith("onnx")]
    assert {(case.file, case.threads) for case in theirs} == {("int8.onnx", 4), ("float32.onnx", 4)}
    assert {(case.file, case.threads) for case in theirs} <= {(c.file, c.threads) for c in ours}
    assert len(set(cases)) == len(cases)


def test_the_page_gets_a_table_of_ratios_one_of_frames_and_one_of_starts(load, tmp_path):
    rows, page, plan, measuring = map(load, ("rows", "page", "plan", "measuring"))
    figure = load("figure")
    found = {}
    for case in plan.cases_of(plan.WAYS, 2):
        slow = 1 if case.way.name == "edgecls" else 2
        found[case] = measuring.Measured(
            samples_ns=[] if case.size is None else [[slow * 10**6] * 400] * 2,
            busy_cores=[1.0, 1.0],
            first_label_s=[slow * 0.2] * 4 if case.size is None else [],
            peak_bytes=[slow * 10**8] * 4 if case.size is None else [],
            label="cat",
        )
    all_rows = [*rows.ratio_rows(found), *rows.latency_rows(found)]
    machine = figure.describe_machine(samples_load=False)
    page.PAGE = tmp_path / "peers.md"
    marks = ("ratios", "latency", "starts", "versions")
    page.PAGE.write_text("".join(f"<!-- {name} -->\n<!-- end of {name} -->\n" for name in marks))
    page.write_page(figure.figure_of("x", machine, all_rows))
    text = page.PAGE.read_text()
    line = "| frames a second, edgecls / Ultralytics, int8.onnx, 640x480, 2 threads | 2 times | 2 to 2 |"
    assert f"{line} at least 2 | yes |" in text
    assert "| MediaPipe Tasks | int8.tflite | 640x480 | 2 | 2.00 | 2.00 | 500 | 1.00 |" in text
    assert "| bare script | int8.tflite | 2 | 0.40 | 200 |" in text
    one = "frames a second, edgecls / MediaPipe Tasks, int8.tflite, 640x480, 1 thread"
    assert f"| {one} | 2 times | 2 to 2 |  |  |" in text  # MediaPipe's target is for two


def test_the_script_in_the_manner_of_label_image_names_the_best_label(run, tmp_path, load):
    image = pytest.importorskip("PIL.Image")
    label_image = load("label_image")
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(LABELS))
    model = str(run / "exports" / "tiny.int8.tflite")
    photo = tmp_path / "green.png"
    image.new("RGB", (20, 10), (0, 200, 0)).save(photo)
    classify = label_image.open_model(model, labels, 1)
    assert classify(read_image(photo)) == "green"
