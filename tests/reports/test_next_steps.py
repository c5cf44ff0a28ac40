import json
from dataclasses import replace

import pytest

from edgecls.reports.content import report_content
from edgecls.reports.run_records import read_run
from tests.reports.synthetic_run import write_run


@pytest.fixture
def steps_of(tmp_path):
    def steps(*, weights="ImageNet", exported=False, **options):
        run = write_run(tmp_path / "pets", **options)
        if run.training.is_file():
            body = json.loads(run.training.read_text("utf-8"))
            run.training.write_text(json.dumps({**body, "weights": weights}), "utf-8")
        if exported:
            run.exports.mkdir()
            (run.exports / "pets.int8.tflite").write_bytes(b"x")
            (run.exports / "pets.int8.onnx").write_bytes(b"x")
        return {step.title: step for step in report_content(read_run(run)).steps}

    return steps


def test_missing_stages_come_first_and_in_the_order_of_work(steps_of):
    titles = list(steps_of(stages=("spec", "split", "training")))
    assert titles == [
        "Export the model",
        "Measure the accuracy of each file",
        "Measure the speed",
    ]


def test_a_run_without_photos_of_its_own_is_asked_for_some(steps_of):
    step = steps_of(stages=("spec",))["Measure the accuracy of each file"]
    assert step.commands[0].endswith(" --data PHOTOS")


def test_a_weak_frozen_model_is_advised_to_fine_tune(steps_of):
    step = steps_of(error=0.5, fine_tune=False)["Try fine-tuning"]
    assert step.commands[0].endswith("--fine-tune 2")


def test_a_weak_model_from_scratch_is_advised_to_take_a_trained_backbone(steps_of):
    steps = steps_of(error=0.5, weights="none: trained from scratch")
    assert steps["Start from a trained backbone"].commands[0].endswith("efficientnet_lite0")
    assert "Try fine-tuning" not in steps


@pytest.mark.parametrize("options", [{"error": 0.0}, {"error": 0.5, "fine_tune": True}])
def test_a_good_or_tuned_model_is_not_advised_to_fine_tune(steps_of, options):
    assert "Try fine-tuning" not in steps_of(**options)


def test_the_weakest_class_is_named_where_it_stands_out(steps_of, tmp_path):
    assert not [title for title in steps_of(error=0.0) if title.startswith("Collect more")]
    run = write_run(tmp_path / "pets", error=0.0, per_class=400)
    body = json.loads(run.compare.read_text("utf-8"))
    for case in body["cases"]:
        case["predicted"] = [0 if i % 2 else true for i, true in enumerate(body["class_ids"])]
        case["top1"] = 0.75
    run.compare.write_text(json.dumps(body), "utf-8")
    steps = report_content(read_run(run)).steps
    step = next(step for step in steps if step.title == "Collect more photos of dog")
    assert "most often taken for cat" in step.why


def test_the_recommended_file_is_the_one_to_put_on_a_pi(steps_of):
    step = steps_of(error=0.0, exported=True)["Put it on a Raspberry Pi"]
    assert step.commands[0].startswith("scp ")
    assert "pets.int8." in step.commands[0]
    assert step.commands[-1].endswith("--source 0")


def test_files_of_an_earlier_training_are_to_be_exported_again(tmp_path):
    run = write_run(tmp_path / "pets")
    records = replace(read_run(run), outdated=("pets.int8.onnx",), exported={"pets.int8.onnx": "a"})
    step = report_content(records).steps[0]
    assert step.title == "Export again"
    assert "pets.int8.onnx" in step.why
    assert step.commands == (f"edgecls export {run.path}",)
