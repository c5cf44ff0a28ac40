"""``--recipe auto``: rungs made, weighed, and left or kept."""

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from edgecls_bench.comparison import Gate, Judgement
from edgecls_bench.evaluation import LabelledPhoto
from edgecls_device.artifact import read_artifact
from edgecls_device.errors import DataError, MissingDependencyError, OptionError
from edgecls_device.records import from_json
from edgecls_export import fidelity, freeze
from edgecls_export.exported import ExportRun
from edgecls_export.fidelity import Limits
from edgecls_export.table import EXPORTERS

from edgecls.exports import ladder
from edgecls.exports.gate import GatePhotos, Seen, Weighed, look, weigh
from edgecls.exports.ladder import LADDER, export_ladder, is_worth_trying, rungs_of
from tests.export.runs import write_photos, write_run
from tests.export.test_export_command import exit_of
from tests.export.tiny import HEIGHT, LABELS, SPEC, WIDTH, pictures

AGREEMENT = Gate(min_agreement=0.95)  # 100 of 100 photos prove it
PHOTOS = pictures(120, seed=5)
SPLITS = ["train"] * 20 + ["val"] * 100


def far_model(offset):
    """Return a model whose features deviate by about 1 around ``offset``.

    Far out, 8 bits cannot tell them apart. Its answers do not depend on the offset, and are spread over the
    classes of ``PHOTOS``. What float16 must not round is a multiple of 1/16.
    """
    keras = pytest.importorskip("keras")
    layers = keras.layers
    inputs = keras.Input((HEIGHT, WIDTH, 3), dtype="float32", name="image")
    x = layers.Rescaling(1 / 128, -127 / 128)(inputs)
    x = layers.ReLU()(layers.Conv2D(8, 3, strides=2, padding="same", name="first")(x))
    pooled = layers.GlobalAveragePooling2D()(x)
    logits = layers.Dense(4, name="logits")(layers.Dense(8, name="offset")(pooled))
    model = keras.Model(inputs, layers.Softmax(name="scores")(logits))
    rng = np.random.default_rng(3)
    first = model.get_layer("first")
    first.set_weights([rng.normal(0, 1, array.shape) for array in first.get_weights()])
    seen = np.asarray(keras.Model(inputs, pooled)(PHOTOS.astype(np.float32)))
    center = np.rint(seen.mean(axis=0) / seen.std(axis=0))
    model.get_layer("offset").set_weights([np.diag(1 / seen.std(axis=0)), offset - center])
    kernel = np.rint(rng.normal(0, 3, (8, 4)) * 16) / 16
    kernel[-1] -= kernel.sum(axis=0)
    model.get_layer("logits").set_weights([kernel, np.zeros(4)])
    seen = np.asarray(keras.Model(inputs, logits)(PHOTOS.astype(np.float32)))
    model.get_layer("logits").set_weights([kernel, -np.rint(seen.mean(axis=0) * 16) / 16])
    return model


def run_of(model, folder):
    """Write a run whose model is right about all of its photos."""
    class_ids = freeze(model).keras_scores(PHOTOS).argmax(axis=1)
    assert len(set(class_ids)) == 4
    return write_run(folder, model, PHOTOS, class_ids, SPLITS)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    pytest.importorskip("tensorflow")
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def fine(home):
    """A run that int8 does next to nothing to."""
    return run_of(far_model(0), home / "fine")


@pytest.fixture(scope="module")
def broken(home):
    """A run whose int8 file answers otherwise on a fifth of the photos and more."""
    return run_of(far_model(100), home / "broken")


@pytest.fixture(autouse=True)
def two_rungs(monkeypatch):
    """Keep the ladder short: tests of the recipes are elsewhere."""
    short = MappingProxyType({"tflite": ("int8", "float16"), "onnx": ("int8",)})
    monkeypatch.setattr(ladder, "LADDER", short)


@pytest.fixture
def anything_is_exported(monkeypatch):
    loose = Limits(worst=1.0, mean=1.0, flipped=1.0, tolerance=1.0)
    monkeypatch.setattr(fidelity, "LIMITS", {**fidelity.LIMITS, "int8": loose})


def walk(run, gate=AGREEMENT, **options):
    for path in run.artifacts():
        path.unlink()
    return export_ladder(run, gate=gate, formats=["tflite"], stability=False, **options)


def shown(done):
    return [(step.recipe, step.verdict, step.is_kept) for step in done.ladder]


def files(run):
    return sorted(path.name for path in run.exports.iterdir())


def test_the_first_rung_that_holds_is_kept_beside_the_reference(fine):
    done = walk(fine, Gate(min_agreement=0.8))
    assert shown(done) == [("int8", "holds", True)]
    assert "at least" in done.ladder[0].reason
    assert files(fine) == ["shapes.float32.tflite", "shapes.int8.tflite"]
    assert [artifact.recipe for artifact in done.artifacts] == ["float32", "int8"]
    for artifact in done.artifacts:
        assert read_artifact(artifact.path).spec.provenance.recipe == artifact.recipe
    assert done.ladder[0].size_bytes == done.artifacts[1].size_bytes


@pytest.mark.usefixtures("anything_is_exported")
def test_a_rung_that_fails_is_left_for_the_next(broken):
    done = walk(broken)
    assert shown(done) == [("int8", "fails", False), ("float16", "holds", True)]
    assert "limit 95.00 %" in done.ladder[0].reason
    assert files(broken) == ["shapes.float16.tflite", "shapes.float32.tflite"]


def test_a_rung_that_cannot_be_made_is_left_with_its_reason(broken):
    done = walk(broken)
    assert shown(done) == [("int8", "not made", False), ("float16", "holds", True)]
    assert "score as Keras does" in done.ladder[0].reason
    assert done.ladder[0].size_bytes is None


def test_a_rung_whose_package_is_missing_is_left_with_its_reason(fine, monkeypatch):
    def check(key):
        if key == ("tflite", "int8"):
            raise MissingDependencyError("none", hint="pip install it")  # noqa: EM101

    monkeypatch.setattr(ladder, "check_packages", check)
    done = walk(fine)
    assert shown(done) == [("int8", "not made", False), ("float16", "holds", True)]
    assert "pip install it" in done.ladder[0].reason


def test_where_nothing_holds_float32_is_kept(broken, monkeypatch):
    monkeypatch.setattr(ladder, "LADDER", {"tflite": ("int8",)})
    done = walk(broken)
    assert shown(done) == [("int8", "not made", False), ("float32", "holds", True)]
    assert files(broken) == ["shapes.float32.tflite"]


def test_too_few_photos_keep_the_smallest_that_nothing_speaks_against(broken, monkeypatch, capfd):
    monkeypatch.setattr(ladder, "LADDER", {"tflite": ("float16",)})
    for path in broken.artifacts():
        path.unlink()
    arguments = ["export", str(broken.path), "--format", "tflite", "--recipe", "auto", "--json"]
    code, out, err = exit_of(arguments, capfd)
    done = from_json(ExportRun, out, name="output")
    assert code == 14
    assert shown(done) == [("float16", "too few photos", True)]
    assert "765 photos would decide" in done.ladder[0].reason
    assert "765 photos would decide" in err.splitlines()[-2]
    assert "--gate-data" in err.splitlines()[-1]
    assert files(broken) == ["shapes.float16.tflite", "shapes.float32.tflite"]


def test_too_few_photos_that_speak_against_a_rung_leave_it(fine, monkeypatch):
    def weigh_int8(gate, reference, other):
        monkeypatch.setattr(ladder, "weigh", weigh)  # float16 as ever
        judgement = Judgement(verdict="too few photos", reason="It loses 0.1 to 9 points.")
        return Weighed(judgement=judgement, is_within=False)

    monkeypatch.setattr(ladder, "weigh", weigh_int8)
    done = walk(fine)
    assert shown(done) == [("int8", "too few photos", False), ("float16", "holds", True)]
    assert done.ladder[0].reason.endswith("What was seen is past the limit.")


def test_the_table_says_what_was_tried_and_why(broken, capfd):
    options = ["--min-agreement", "95", "--no-stability", "--format", "tflite"]
    code, out, _ = exit_of(["export", str(broken.path), "--recipe", "auto", *options], capfd)
    assert code == 0
    assert "tflite int8: Expected the int8 model to score as Keras does" in out
    assert "tflite float16: It agrees" in out
    assert "96.30 %" in out
    assert "edgecls run" in out.splitlines()[-1]
    assert "shapes.float16.tflite" in out.splitlines()[-1]


def test_photos_to_decide_on_may_be_others(fine, tmp_path, capfd):
    write_photos(tmp_path / "other", PHOTOS, [LABELS[i % 4] for i in range(120)])
    done = walk(fine, Gate(max_drop=0.2), gate_data=tmp_path / "other")
    assert done.ladder[0].verdict == "holds"
    assert "20 of these photos were trained on" in capfd.readouterr().err


def test_photos_of_some_labels_prove_nothing_of_the_others(fine, tmp_path, capfd):
    class_ids = freeze(far_model(0)).keras_scores(PHOTOS).argmax(axis=1)
    pairs = [(image, LABELS[i]) for image, i in zip(PHOTOS, class_ids, strict=True) if i == 0]
    images, labels = zip(*pairs, strict=True)
    write_photos(tmp_path / "some", images, labels)
    done = walk(fine, Gate(max_drop=0.9), gate_data=tmp_path / "some")
    assert shown(done) == [("int8", "too few photos", True)]
    assert "but there is no photo of 3 labels. Nothing seen" in done.ladder[0].reason
    assert "warning: no photo of 3 of 4 labels" in capfd.readouterr().err


def test_ctrl_c_leaves_what_was_there(fine, monkeypatch):
    walk(fine, Gate(min_agreement=0.8))
    before = {path.name: path.read_bytes() for path in fine.exports.iterdir()}

    def stop(path, spec, given):
        if ".int8." in path.name:
            raise KeyboardInterrupt
        return look(path, spec, given)

    monkeypatch.setattr(ladder, "look", stop)
    with pytest.raises(KeyboardInterrupt):
        export_ladder(fine, gate=AGREEMENT, formats=["tflite"])
    assert {path.name: path.read_bytes() for path in fine.exports.iterdir()} == before


def test_older_files_that_are_not_kept_are_named(broken, capfd):
    walk(broken)
    old = broken.exports / "shapes.int8.tflite"
    old.write_bytes(b"from before")
    export_ladder(broken, gate=AGREEMENT, formats=["tflite"], stability=False)
    assert "shapes.int8.tflite" in capfd.readouterr().err
    assert old.read_bytes() == b"from before"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--max-drop", "1"], 2, "--recipe auto with --max-drop"),
        (["--recipe", "int8", "--min-agreement", "99"], 2, "--recipe auto with --min-agreement"),
        (["--gate-data", "."], 2, "--recipe auto with --gate-data"),
        (["--recipe", "auto,int8"], 2, "--recipe auto alone"),
        (["--recipe", "auto", "--max-drop", "101"], 2, "--max-drop"),
        (["--recipe", "auto", "--max-drop", "nan"], 2, "got nan"),
        (["--recipe", "auto", "--format", "onnxx"], 2, "did you mean onnx"),
        (["--recipe", "auto", "--gate-data", "/nowhere"], 3, "/nowhere"),
        (["--recipe", "auto", "--calibration", "/nowhere"], 3, "--calibration FOLDER"),
        (["--recipe", "auto", "--calibration", "0"], 2, "--calibration"),
    ],
)
def test_bad_options_are_found_before_the_model_is_loaded(fine, capfd, arguments, code, message):
    got, out, err = exit_of(["export", str(fine.path), *arguments], capfd)
    assert (got, out) == (code, "")
    assert message in err
    assert "Traceback" not in err
    assert "Loading" not in err


def test_a_run_without_photos_needs_some_to_decide_on(fine, tmp_path):
    model = far_model(0)
    run = write_run(tmp_path, model, PHOTOS[:4], range(4), ["val"] * 4)
    run.split.unlink()
    with pytest.raises(DataError, match="photos to decide on") as error:
        export_ladder(run)
    assert "--gate-data" in error.value.hint


def test_a_gate_without_limits_is_refused(fine):
    with pytest.raises(OptionError):
        export_ladder(fine, gate=Gate())


def seen(wrong, photos=100):
    predicted = tuple(int(i in wrong) for i in range(photos))
    return Seen(predicted=predicted, class_ids=(0,) * photos)


def test_what_was_seen_is_told_from_what_is_proven():
    gate = Gate(max_drop=0.02)
    within = weigh(gate, seen(()), seen((1, 2)))
    assert (within.judgement.verdict, within.is_within) == ("too few photos", True)
    past = weigh(gate, seen(()), seen((1, 2, 3)))
    assert (past.judgement.verdict, past.is_within) == ("too few photos", False)
    both = weigh(Gate(max_drop=0.02, min_agreement=0.99), seen((1,)), seen((2,)))
    assert not both.is_within


def test_rungs_are_recipes_of_the_table_in_order_of_size(monkeypatch):
    monkeypatch.setattr(ladder, "LADDER", LADDER)
    for file_format in ("tflite", "onnx"):
        rungs = rungs_of(file_format)
        assert rungs[0] == (file_format, "int8")
        assert rungs[-1] == (file_format, "float16")
        assert set(rungs) <= set(EXPORTERS)


def test_photos_that_cannot_be_read_decide_nothing(fine, tmp_path):
    artifact = walk(fine, Gate(min_agreement=0.8)).artifacts[0]
    paths = [*write_photos(tmp_path, PHOTOS[:3]), tmp_path / "gone.png"]
    photos = tuple(LabelledPhoto(path=path, class_id=0) for path in paths)
    given = GatePhotos(data=tmp_path, split="all", photos=photos)
    found = look(Path(artifact.path), SPEC, given)
    assert len(found.predicted) == len(found.class_ids) == 3


def test_float16_is_tried_after_a_file_that_is_mostly_float(fine):
    int8 = walk(fine, Gate(min_agreement=0.8)).artifacts[1]
    mixed = replace(int8, recipe="int8-mixed", size_bytes=600)
    assert is_worth_trying("float16", after=mixed, float32_bytes=1000)
    assert not is_worth_trying("int8-qat", after=mixed, float32_bytes=1000)
    assert not is_worth_trying("float16", after=mixed, float32_bytes=1300)
    int8 = replace(mixed, recipe="int8")
    assert not is_worth_trying("float16", after=int8, float32_bytes=1000)


@pytest.mark.parametrize(
    ("verdict", "why"), [("holds", "int8-mixed holds"), ("too few photos", "int8-mixed is kept")]
)
def test_that_tuning_was_not_tried_and_may_be_smaller_is_said(fine, monkeypatch, verdict, why):
    pytest.importorskip("litert_quantizer")
    monkeypatch.setattr(ladder, "LADDER", {"tflite": ("int8-mixed", "int8-qat")})
    judged = Weighed(judgement=Judgement(verdict=verdict, reason="It may."), is_within=True)
    monkeypatch.setattr(ladder, "weigh", lambda *_: judged)
    done = walk(fine)
    assert shown(done) == [("int8-mixed", verdict, True), ("int8-qat", "not tried", False)]
    assert done.ladder[1].reason == (
        f"{why} already, and tuning takes minutes. It may be smaller: "
        f"edgecls export {fine.path} --format tflite --recipe int8-qat"
    )
    assert done.ladder[1].size_bytes is None


def test_nothing_is_said_of_rungs_that_could_not_be_smaller(fine, monkeypatch):
    monkeypatch.setattr(ladder, "LADDER", {"tflite": ("int8", "int8-qat", "float16")})
    assert shown(walk(fine, Gate(min_agreement=0.8))) == [("int8", "holds", True)]


@pytest.mark.slow
def test_every_step_of_tuning_in_the_ladder_is_told(fine, monkeypatch):
    told = {}

    @contextmanager
    def count(description, total):
        told[description] = [total]
        yield lambda steps=1: told[description].append(steps)

    monkeypatch.setattr(ladder, "progress", count)
    monkeypatch.setattr(ladder, "LADDER", {"tflite": ("int8-qat", "float16")})
    done = walk(fine, Gate(min_agreement=0.5))
    total, *steps = told["Ladder of tflite, steps"]
    assert sum(steps) == total
    assert len(steps) > 3 + 2
    assert done.ladder[0].recipe == "int8-qat"
    assert "On 4 photos that were not tuned on, tflite int8 has" in done.ladder[0].reason
