import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from edgecls_bench.cases import Case, plan_cases
from edgecls_bench.compare import MAX_CONFUSION_LABELS, LabelledPhoto, compare, reference_of
from edgecls_bench.comparison import Comparison, Gate
from edgecls_bench.evaluation import workers_for
from edgecls_device.artifact import read_artifact
from edgecls_device.classifier import Classifier
from edgecls_device.errors import ArtifactError, DataError, MissingDependencyError, OptionError
from edgecls_device.images import read_image
from edgecls_device.records import from_json, to_json
from edgecls_device.spec import Group, ModelSpec, Preprocessing, Provenance

from tests.benchmarks.color_models import LABELS, color_spec, write_color_model

pytest.importorskip("onnxruntime")


def labelled(root, labels=LABELS):
    return [
        LabelledPhoto(path=path, class_id=i)
        for i, label in enumerate(labels)
        for path in sorted((root / label).iterdir())
    ]


def run_compare(artifacts, root, **options):
    options = {"labels": LABELS, "data": root, "split": "all", **options}
    return compare(artifacts, options.pop("photos", None) or labelled(root), **options)


def test_compare_finds_what_an_artifact_gets_wrong(artifacts, photos_dir):
    comparison = run_compare(artifacts, photos_dir)
    exact, blind = comparison.cases
    assert comparison.reference == "colors.float32.onnx"
    assert (exact.top1, exact.agreement, exact.worst_score_error) == (1.0, 1.0, 0.0)
    assert exact.confusion == ((6, 0, 0), (0, 6, 0), (0, 0, 6))
    assert blind.top1 == pytest.approx(2 / 3)
    assert blind.per_class == (1.0, 1.0, 0.0)
    assert blind.confusion == ((6, 0, 0), (0, 6, 0), (0, 6, 0))
    assert blind.agreement == pytest.approx(2 / 3)
    assert blind.recipe == "int8"
    assert exact.top5 is None
    assert comparison.photos[0] == "blue/0.png"


def test_scores_are_those_of_the_classifier(artifacts, photos_dir):
    comparison = run_compare(artifacts, photos_dir)
    for artifact, case in zip(artifacts, comparison.cases, strict=True):
        with Classifier.from_artifact(artifact) as classifier:
            for i, photo in enumerate(comparison.photos):
                seen = classifier.classify(read_image(photos_dir / photo))
                assert case.predicted[i] == seen.class_id
                assert case.confidence[i] == pytest.approx(seen.score, abs=1e-6)


def test_score_errors_are_the_differences_to_the_reference(artifacts, photos_dir):
    comparison = run_compare(artifacts, photos_dir)
    exact, blind = comparison.cases
    differences = np.abs(np.subtract(exact.true_score, blind.true_score))
    assert blind.worst_score_error >= differences.max() - 1e-6
    assert blind.mean_score_error <= blind.worst_score_error
    assert blind.worst_score_error == pytest.approx(
        0.88, abs=0.02
    )  # softmax(8,0,0) - softmax(2,4,0)


def test_the_result_does_not_depend_on_threads(artifacts, photos_dir):
    one, many = (run_compare(artifacts, photos_dir, threads=n) for n in (1, 4))
    assert one.cases == many.cases


def test_photos_that_do_not_decode_are_left_out_and_counted(artifacts, photos_dir):
    (photos_dir / "blue" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    missing = LabelledPhoto(path=photos_dir / "gone.png", class_id=0)
    comparison = run_compare(artifacts, photos_dir, photos=[*labelled(photos_dir), missing])
    assert comparison.skipped == 2
    assert len(comparison.photos) == len(comparison.class_ids) == 17
    assert sum(map(sum, comparison.cases[0].confusion)) == 17


def test_only_broken_photos_are_an_error(artifacts, photos_dir):
    photo = LabelledPhoto(path=photos_dir / "gone.png", class_id=0)
    with pytest.raises(DataError, match="none of 1: Cannot read"):
        run_compare(artifacts, photos_dir, photos=[photo])


def test_groups_are_what_is_compared(tmp_path, photos_dir):
    groups = (Group(label="cold", members=(0, 1)), Group(label="red", members=(2,)))
    path = write_color_model(tmp_path / "g.onnx", color_spec(groups=groups))
    photos = [
        LabelledPhoto(path=photo.path, class_id=0 if photo.class_id < 2 else 1)
        for photo in labelled(photos_dir)
    ]
    comparison = run_compare(
        [read_artifact(path)], photos_dir, photos=photos, labels=("cold", "red")
    )
    assert comparison.cases[0].confusion == ((12, 0), (0, 6))


def test_top5_is_given_for_more_than_five_labels(tmp_path, photos_dir):
    labels = (*LABELS, "a", "b", "c")
    weights = np.zeros((3, 6))
    weights[0, [3, 4, 5, 0, 1]] = 0.05  # red is last of six
    weights[1, [1, 3]] = 0.02, 0.05  # green is second
    weights[2, 0] = 0.05
    path = write_color_model(tmp_path / "six.onnx", color_spec(labels=labels), weights=weights)
    case = run_compare([read_artifact(path)], photos_dir, labels=labels).cases[0]
    assert case.top1 == pytest.approx(6 / 18)
    assert case.top5 == pytest.approx(12 / 18)
    assert case.per_class == (1.0, 0.0, 0.0, None, None, None)


def test_many_labels_have_no_confusion_matrix(tmp_path, photos_dir):
    labels = (*LABELS, *(f"other {i}" for i in range(MAX_CONFUSION_LABELS)))
    weights = np.zeros((3, len(labels)))
    path = write_color_model(tmp_path / "many.onnx", color_spec(labels=labels), weights=weights)
    assert run_compare([read_artifact(path)], photos_dir, labels=labels).cases[0].confusion == ()


def test_without_a_float32_artifact_nothing_agrees(int8_model, photos_dir):
    comparison = run_compare([read_artifact(int8_model)], photos_dir)
    assert comparison.reference == ""
    case = comparison.cases[0]
    assert (case.agreement, case.mean_score_error, case.worst_score_error) == (None, None, None)


def test_a_foreign_tflite_model_is_compared_with_its_spec(foreign_model, parrot):
    pytest.importorskip("ai_edge_litert")
    labels = tuple(f"class {i}" for i in range(1001))
    spec = ModelSpec(
        name="m",
        labels=labels,
        preprocessing=Preprocessing(height=128, width=128, resize="stretch"),
    )
    artifact = replace(read_artifact(foreign_model), spec=spec)
    photo = LabelledPhoto(path=parrot, class_id=89)
    comparison = compare(
        [artifact], [photo], labels=labels, data=parrot.parent, split="all", backends=["litert"]
    )
    assert (comparison.cases[0].top1, comparison.cases[0].top5) == (1.0, 1.0)


def test_a_comparison_survives_json(artifacts, photos_dir):
    comparison = run_compare(artifacts, photos_dir)
    assert from_json(Comparison, to_json(comparison, indent=None), name="x") == comparison


def test_artifacts_with_other_labels_are_refused(artifacts, tmp_path, photos_dir):
    path = write_color_model(tmp_path / "other.onnx", color_spec(labels=("a", "b", "c")))
    with pytest.raises(DataError, match=r"others in 'other\.onnx': a, b, c"):
        run_compare([*artifacts, read_artifact(path)], photos_dir)


def test_a_model_without_a_spec_is_refused(artifacts, photos_dir):
    with pytest.raises(ArtifactError, match="without one"):
        run_compare([replace(artifacts[0], spec=None)], photos_dir)


def test_a_model_that_gives_no_numbers_is_named(tmp_path, photos_dir):
    path = write_color_model(tmp_path / "nan.onnx", color_spec(), weights=np.full((3, 3), np.nan))
    with pytest.raises(ArtifactError, match=r"nan\.onnx on onnxruntime: .*NaN"):
        run_compare([read_artifact(path)], photos_dir)


@pytest.mark.parametrize(
    ("backends", "match"), [(["onnxruntim"], "got 'onnxruntim'"), (["litert"], "runs .tflite")]
)
def test_a_backend_that_runs_nothing_is_refused(artifacts, backends, match):
    with pytest.raises(OptionError, match=match):
        plan_cases(artifacts, backends)


def test_no_runtime_at_all_names_the_extra(artifacts, monkeypatch):
    monkeypatch.setattr("edgecls_bench.cases.installed_backends", lambda name: ())
    with pytest.raises(MissingDependencyError, match="onnxruntime") as caught:
        plan_cases(artifacts)
    assert caught.value.hint == "pip install 'edgecls[onnx]'"


def test_few_workers_are_used_where_memory_is_small(artifacts):
    cases = plan_cases(artifacts)
    size = sum(len(case.artifact.data) for case in cases)
    assert workers_for(cases, cores=4, memory_bytes=2**34) == 4
    assert workers_for(cases, cores=4, memory_bytes=size * 3 * 4 * 2) == 2
    assert workers_for(cases, cores=4, memory_bytes=1) == 1


def test_paths_outside_of_the_folder_stay_whole(artifacts, photos_dir, tmp_path):
    comparison = run_compare(artifacts, photos_dir, data=tmp_path / "elsewhere")
    assert Path(comparison.photos[0]) == photos_dir / "blue" / "0.png"


def test_each_photo_is_decoded_once_for_all_artifacts(artifacts, photos_dir, monkeypatch):
    read = []

    def counting(path):
        read.append(path)
        return read_image(path)

    monkeypatch.setattr("edgecls_bench.evaluation.read_image", counting)
    run_compare(artifacts, photos_dir)
    assert sorted(read) == sorted(photo.path for photo in labelled(photos_dir))


def test_every_artifact_sees_pixels_of_its_own_spec(artifacts, photos_dir, tmp_path):
    whole = Preprocessing(height=8, width=8, resize="stretch")
    small = Preprocessing(height=8, width=8, crop_fraction=0.5)
    others = [
        read_artifact(write_color_model(tmp_path / f"{i}.onnx", color_spec(preprocessing=p)))
        for i, p in enumerate((whole, small))
    ]
    for picture in photos_dir.rglob("*.png"):
        image = np.zeros((20, 30, 3), np.uint8)
        image[5:15, 10:20] = cv2.imread(str(picture))[10, 15]
        cv2.imwrite(str(picture), image)
    comparison = run_compare([*artifacts, *others], photos_dir)
    assert comparison.cases[3].confidence != comparison.cases[2].confidence
    for artifact, case in zip([*artifacts, *others], comparison.cases, strict=True):
        with Classifier.from_artifact(artifact) as classifier:
            seen = [classifier.classify(read_image(photos_dir / p)) for p in comparison.photos]
        assert case.confidence == pytest.approx([one.score for one in seen], abs=1e-6)


def test_temperature_changes_the_scores_that_are_compared(tmp_path, photos_dir):
    path = write_color_model(tmp_path / "t.onnx", color_spec(temperature=4.0))
    case = run_compare([read_artifact(path)], photos_dir).cases[0]
    assert max(case.confidence) < 0.85  # softmax(8, 0, 0) is 0.999, softmax(2, 0, 0) is 0.79


def test_float32_tflite_is_the_reference_before_onnx(artifacts):
    as_tflite = replace(artifacts[0], format="tflite")
    cases = [Case(artifact=a, backend="x") for a in (artifacts[1], artifacts[0], as_tflite)]
    assert reference_of(cases) == 2
    assert reference_of(cases[:2]) == 1
    assert reference_of(cases[:1]) is None


def test_every_artifact_but_the_reference_is_held_against_it(artifacts, photos_dir):
    gate = Gate(max_drop=0.005, min_agreement=0.99)
    comparison = run_compare(artifacts, photos_dir, gate=gate)
    exact, blind = comparison.cases
    assert (exact.paired, exact.agreement_interval, exact.judgement) == (None, None, None)
    assert (blind.paired.losses, blind.paired.gains) == (6, 0)
    assert blind.paired.p_value == pytest.approx(2 / 64)
    assert blind.paired.drop == pytest.approx(1 / 3)
    assert 0.05 < blind.paired.low < 1 / 3 < blind.paired.high < 0.6
    assert blind.agreement_interval == pytest.approx((0.4375, 0.8372), abs=1e-4)
    assert blind.judgement.verdict == comparison.verdict == "fails"
    assert comparison.gate == gate


def test_a_harmless_artifact_on_a_handful_of_photos_is_not_called_good(
    artifacts, tmp_path, photos_dir
):
    same = read_artifact(write_color_model(tmp_path / "same.onnx", color_spec("float16")))
    comparison = run_compare([artifacts[0], same], photos_dir, gate=Gate(max_drop=0.005))
    assert comparison.verdict == "too few photos"
    assert comparison.cases[1].judgement.photos_needed > 700


def test_each_backend_of_a_file_is_judged(artifacts, photos_dir, monkeypatch):
    monkeypatch.setattr(
        "edgecls_bench.compare.plan_cases",
        lambda *_: [
            Case(artifact=artifact, backend="onnxruntime")
            for artifact in [*artifacts, artifacts[0]]
        ],
    )
    comparison = run_compare(artifacts, photos_dir, gate=Gate(min_agreement=0.5))
    judged = [case.judgement and case.judgement.verdict for case in comparison.cases]
    assert judged == [None, "too few photos", "holds"]


@pytest.mark.parametrize(
    ("chosen", "gate", "match"),
    [
        (
            slice(1, 2),
            Gate(max_drop=0.01),
            "float32 artifact to hold the others against, got colors",
        ),
        (slice(0, 1), Gate(max_drop=0.01), "beside the reference"),
        (slice(0, 2), Gate(), "got neither"),
        (slice(0, 2), Gate(max_drop=2), "as a share"),
    ],
)
def test_a_gate_that_cannot_be_asked_is_refused(artifacts, photos_dir, chosen, gate, match):
    with pytest.raises(OptionError, match=match):
        run_compare(artifacts[chosen], photos_dir, gate=gate)


def without_classes(root):
    return [replace(photo, class_id=None) for photo in labelled(root)]


def test_photos_without_classes_give_agreement_and_score_errors_alone(artifacts, photos_dir):
    known = run_compare(artifacts, photos_dir)
    comparison = run_compare(artifacts, photos_dir, photos=without_classes(photos_dir))
    assert comparison.class_ids == ()
    for case, with_classes in zip(comparison.cases, known.cases, strict=True):
        assert (case.top1, case.top5, case.paired, case.calibration_error) == (None,) * 4
        assert (case.per_class, case.confusion, case.true_score) == ((), (), ())
        assert case.agreement == with_classes.agreement
        assert case.worst_score_error == with_classes.worst_score_error
        assert case.predicted == with_classes.predicted
    assert from_json(Comparison, to_json(comparison, indent=None), name="x") == comparison


def test_photos_without_classes_can_be_asked_for_agreement_alone(artifacts, photos_dir):
    photos = without_classes(photos_dir)
    agreement = Gate(min_agreement=0.99)
    assert run_compare(artifacts, photos_dir, photos=photos, gate=agreement).verdict == "fails"
    with pytest.raises(OptionError, match="photos with classes"):
        run_compare(artifacts, photos_dir, photos=photos, gate=Gate(max_drop=0.01))


def test_some_photos_with_and_some_without_classes_are_refused(artifacts, photos_dir):
    photos = [*labelled(photos_dir), *without_classes(photos_dir)]
    with pytest.raises(DataError, match="got 18 of 36 without"):
        run_compare(artifacts, photos_dir, photos=photos)


def test_photos_of_no_class_count_as_unknown_below_the_threshold(tmp_path, photos_dir):
    path = write_color_model(tmp_path / "m.onnx", color_spec(unknown_threshold=0.9))
    outside = tmp_path / "outside"
    outside.mkdir()
    for i, color in enumerate([(128, 128, 128), (90, 90, 100), (255, 0, 0)]):  # grey, grey, blue
        cv2.imwrite(str(outside / f"{i}.png"), np.full((20, 30, 3), color, np.uint8))
    (outside / "3.png").write_bytes(b"broken")
    comparison = run_compare(
        [read_artifact(path)],
        photos_dir,
        out_of_set=sorted(outside.iterdir()),
        out_of_set_folder=outside,
    )
    assert comparison.cases[0].out_of_set_unknown == pytest.approx(2 / 3)
    assert (comparison.out_of_set, comparison.out_of_set_photos) == (str(outside), 3)
    assert len(comparison.photos) == len(comparison.class_ids) == 18
    with pytest.raises(DataError, match="none of 1"):
        run_compare([read_artifact(path)], photos_dir, out_of_set=[outside / "3.png"])


def test_confidence_is_kept_as_before_it_was_refitted(tmp_path, photos_dir):
    refitted = color_spec(temperature=4.0, provenance=Provenance(keras_temperature=1.0))
    same = color_spec(temperature=4.0, provenance=Provenance(keras_temperature=4.0))
    first, second, before = (
        read_artifact(write_color_model(tmp_path / f"{i}.onnx", spec))
        for i, spec in enumerate([refitted, same, color_spec()])
    )
    cases = run_compare([first, second, before], photos_dir).cases
    assert cases[0].keras_confidence == cases[2].confidence
    assert cases[0].confidence == cases[1].confidence != cases[2].confidence
    assert cases[1].keras_confidence == cases[2].keras_confidence == ()


def test_calibration_error_is_that_of_the_shown_confidence(artifacts, photos_dir):
    case = run_compare(artifacts, photos_dir).cases[0]
    assert case.calibration_error == pytest.approx(1 - np.mean(case.confidence), abs=1e-5)


def test_what_compares_and_benches_needs_no_workstation():
    code = (
        "import sys, edgecls_bench.bench, edgecls_bench.compare\n"
        "found = {name.split('.')[0] for name in sys.modules}\n"
        "print(*(found & {'rich', 'click', 'edgecls', 'tensorflow', 'onnx', 'edgecls_export'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
