import pytest
from edgecls_device.artifact import read_artifact
from edgecls_device.errors import ArtifactError, OptionError, StorageError
from edgecls_device.foreign import ForeignOptions, foreign_spec
from edgecls_device.foreign_labels import parse_labels
from edgecls_device.images import read_image
from edgecls_device.input_range import parse_input_range, quantized_range
from edgecls_device.opening import open_model
from edgecls_device.tensors import TensorInfo

from tests.device.conftest import FakeBackend, picture
from tests.device.tiny_models import (
    FLOAT,
    onnx_model,
    tflite_metadata,
    tflite_model,
    tiny_spec,
)


@pytest.fixture
def labels(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text("red\ngreen\nblue\n")
    return path


@pytest.fixture
def write(tmp_path):
    def to_file(name, data):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return to_file


def shown(path, seen, **options):
    with open_model(path, foreign=ForeignOptions(**options)).classifier as classifier:
        return classifier.classify(picture(seen)).label


@pytest.fixture
def tflite():
    from edgecls_device.backends.table import installed_backends

    if not installed_backends("tflite"):
        pytest.skip("needs a runtime for .tflite files")


@pytest.fixture
def onnx():
    pytest.importorskip("onnxruntime")


def test_everything_that_is_not_known_is_asked_for_at_once(tflite, write):
    path = write("my model.tflite", tflite_model())
    with pytest.raises(ArtifactError) as caught:
        open_model(path)
    for option in ("--labels", "--color (rgb or bgr)", "--resize (crop, stretch or letterbox)"):
        assert option in caught.value.message
    assert "--input-range" not in caught.value.message  # uint8 pixels go in as they are
    assert "--output" not in caught.value.message  # they add up to 1
    assert f"edgecls run '{path}' --labels" in caught.value.hint


def test_what_was_said_already_stands_in_the_example(tflite, write, labels):
    path = write("m.tflite", tflite_model())
    with pytest.raises(ArtifactError) as caught:
        open_model(path, foreign=ForeignOptions(labels=labels, color="bgr"))
    assert "--color (" not in caught.value.message
    assert f"--labels {labels} --color bgr --resize crop" in caught.value.hint


def test_a_model_runs_with_what_the_user_says(tflite, write, labels):
    path = write("m.tflite", tflite_model())
    assert shown(path, "red", labels=labels, color="rgb", resize="crop") == "red"
    assert shown(path, "red", labels=labels, color="bgr", resize="crop") == "blue"


def test_metadata_is_honoured(tflite, write):
    data = tflite_model(
        metadata=tflite_metadata(), files={"labels.txt": b"red\ngreen\nblue"}, dtype=FLOAT
    )
    path = write("m.tflite", data)
    opened = open_model(path, foreign=ForeignOptions(resize="stretch"))
    spec = opened.classifier.spec
    assert spec.labels == ("red", "green", "blue")
    assert (spec.input.color, spec.input.mean, spec.input.std) == ("rgb", (127.5,), (127.5,))
    assert spec.preprocessing.resize == "stretch"


def test_an_option_against_the_metadata_is_refused(tflite, write):
    data = tflite_model(metadata=tflite_metadata(), files={"labels.txt": b"red\ngreen\nblue"})
    with pytest.raises(OptionError, match="--color rgb"):
        open_model(write("m.tflite", data), foreign=ForeignOptions(resize="crop", color="bgr"))


def test_metadata_of_a_grey_model_is_refused(tflite, write):
    data = tflite_model(metadata=tflite_metadata(color=2), files={"labels.txt": b"a\nb\nc"})
    with pytest.raises(ArtifactError, match="grey"):
        open_model(write("m.tflite", data))


def test_metadata_whose_labels_are_gone_is_refused(tflite, write):
    data = tflite_model(metadata=tflite_metadata())
    with pytest.raises(ArtifactError, match=r"labels\.txt"):
        open_model(write("m.tflite", data))


def test_a_float_model_is_asked_for_its_range_and_layout_is_read_from_the_shape(
    onnx, write, labels
):
    path = write("m.onnx", onnx_model(dtype=1, shape=(1, 3, 8, 8), axes=(2, 3)))
    said = {"labels": labels, "color": "rgb", "resize": "crop"}
    with pytest.raises(ArtifactError, match="--input-range"):
        open_model(path, foreign=ForeignOptions(**said))
    for label in ("red", "green", "blue"):
        assert shown(path, label, **said, input_range="0..255") == label


def test_an_open_input_size_is_asked_for(onnx, write, labels):
    path = write("m.onnx", onnx_model(shape=(1, -1, -2, 3)))
    said = {"labels": labels, "color": "rgb", "resize": "crop"}
    with pytest.raises(ArtifactError, match="--input-size"):
        open_model(path, foreign=ForeignOptions(**said))
    assert shown(path, "green", **said, input_size=(16, 24)) == "green"


def test_an_input_size_against_the_model_is_refused(tflite, write):
    with pytest.raises(OptionError, match="--input-size 8x8"):
        open_model(write("m.tflite", tflite_model()), foreign=ForeignOptions(input_size=(16, 16)))


def test_outputs_that_do_not_add_up_to_one_are_asked_about(onnx, write, labels):
    path = write("m.onnx", onnx_model(softmax=False))
    said = {"labels": labels, "color": "rgb", "resize": "crop"}
    with pytest.raises(ArtifactError, match="--output"):
        open_model(path, foreign=ForeignOptions(**said))
    with open_model(path, foreign=ForeignOptions(**said, output="logits")).classifier as opened:
        assert sum(item.score for item in opened.classify(picture("red")).top) == pytest.approx(1)


@pytest.mark.parametrize("count", [2, 4])
def test_labels_that_do_not_match_the_outputs_name_both_counts(tflite, write, tmp_path, count):
    path = tmp_path / "labels.txt"
    path.write_text("".join(f"label {i}\n" for i in range(count)))
    with pytest.raises(ArtifactError, match=f"3 labels for 3 outputs, got {count}"):
        open_model(write("m.tflite", tflite_model()), foreign=ForeignOptions(labels=path))


def test_a_labels_file_that_is_missing_is_an_error(tflite, write, tmp_path):
    with pytest.raises(StorageError):
        open_model(write("m.tflite", tflite_model()), foreign=ForeignOptions(labels=tmp_path / "x"))


def test_options_for_a_model_with_our_spec_are_refused(tflite, write):
    path = write("m.tflite", tflite_model(spec=tiny_spec()))
    with pytest.raises(OptionError, match="Expected no --color") as caught:
        open_model(path, foreign=ForeignOptions(color="rgb", resize="crop"))
    assert "--color, --resize" in caught.value.hint


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shape": (1, 3, 8, 8, 3), "axes": (1, 2, 3)}, "one colour picture"),
        ({"shape": (1, 8, 8, 4)}, "one colour picture"),
        ({"shape": (4, 8, 8, 3), "outputs": (("scores", (4, 3)),)}, "one score per class"),
        ({"outputs": (("scores", (1, 1, 1, 3)),), "keep": 1, "softmax": False}, None),
        ({"axes": (1,), "outputs": (("scores", (1, 8, 3)),)}, "one score per class"),
    ],
    ids=["5-D input", "four channels", "batch of 4", "flat spatial output", "spatial output"],
)
def test_what_is_no_classifier_is_refused(onnx, write, changes, message):
    path = write("m.onnx", onnx_model(**changes))
    with pytest.raises(ArtifactError, match=message or "Expected to know"):
        open_model(path)


def test_labels_are_cleaned_and_it_is_said():
    content = "crane\ne\u0301t\u00e9\ncrane\r\n" + "a, b" * 40 + "\n\n"
    found, notes = parse_labels(content.encode("utf-8-sig"), name="labels.txt")
    assert found[:3] == ("crane", "\u00e9t\u00e9", "crane (2)")
    assert len(found[3]) <= 100
    assert "crane" in notes[0]
    assert "1 labels" in notes[1]


def test_a_number_that_is_taken_is_passed_over():
    assert parse_labels(b"a\na (2)\na", name="x")[0] == ("a", "a (2)", "a (3)")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "got 0"),
        (b"a\n\nb", "line 2"),
        (b"a\n<b>", "line 2"),
        (b"\xff\xfe", "UTF-8"),
        ("a\nb\u202e".encode(), "line 2"),
    ],
)
def test_labels_that_cannot_be_shown_name_their_line(content, message):
    with pytest.raises(ArtifactError, match=message):
        parse_labels(content, name="labels.txt")


def test_input_ranges_by_name_and_by_number():
    assert parse_input_range("-1..1").mean == (127.5,)
    assert parse_input_range("127/128").std == (128.0,)
    assert parse_input_range("1,2,3/4,5,6").mean == (1.0, 2.0, 3.0)
    assert parse_input_range("imagenet").mean[0] == pytest.approx(0.485 * 255)


@pytest.mark.parametrize("text", ["", "0..2", "1/0", "1,2/3,4", "1,2,3/4", "a/b", "1/-1", "1/1/1"])
def test_other_input_ranges_are_refused(text):
    with pytest.raises(OptionError, match="--input-range"):
        parse_input_range(text)


@pytest.mark.parametrize(
    ("tensor", "name"),
    [
        (("uint8", 1 / 128, 128), "-1..1"),
        (("uint8", 1 / 255, 0), "0..1"),
        (("int8", 1 / 255, -128), "0..1"),
        (("int8", 1.0, -128), "0..255"),
        (("int8", 2 / 255, -1), "-1..1"),
        (("uint8", 0.0187, 114), ""),
        (("uint8", 0.0, 0), ""),
        (("float32", 0.0, 0), ""),
    ],
)
def test_the_quantization_says_the_range(tensor, name):
    assert quantized_range(*tensor) == name


def test_a_real_model_made_elsewhere_sees_a_macaw(tflite, foreign_model, parrot):
    opened = open_model(foreign_model, foreign=ForeignOptions(resize="crop"))
    with opened.classifier as classifier:
        assert classifier.classify(read_image(parrot)).label == "macaw"
    assert any("crane" in note for note in opened.notes)


def test_a_real_model_takes_labels_from_a_file_too(tflite, foreign_model, parrot):
    labels = foreign_model.parent / "imagenet_labels.txt"
    options = ForeignOptions(resize="stretch", labels=labels)
    with open_model(foreign_model, foreign=options).classifier as classifier:
        best = classifier.classify(read_image(parrot)).top[0]
    assert (best.label, best.class_id) == ("macaw", 89)


def test_options_are_written_as_the_user_writes_them():
    options = ForeignOptions(color="rgb", input_size=(2, 3), input_range="-1..1")
    assert options.given == ("--input-range", "--color", "--input-size")
    assert "--input-size 2x3" in options.arguments


@pytest.mark.parametrize(
    ("dtype", "message"), [("int64", "uint8, int8 or float32"), ("int8", "its scale")]
)
def test_an_input_of_another_type_is_refused(tflite, write, dtype, message):
    path = write("m.tflite", tflite_model())
    backend = FakeBackend()
    backend.input = TensorInfo(name="image", shape=(1, 8, 8, 3), dtype=dtype)
    with pytest.raises(ArtifactError, match=message):
        foreign_spec(read_artifact(path), backend, ForeignOptions())
