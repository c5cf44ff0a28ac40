import numpy as np
import pytest
from edgecls_device.artifact import read_artifact
from edgecls_device.classifier import Classifier
from edgecls_device.errors import ArtifactError, SpecError
from edgecls_device.images import read_image
from edgecls_device.spec import InputTensor, ModelSpec, Preprocessing
from edgecls_device.tensors import TensorInfo


class FakeBackend:
    name = "fake"

    def __init__(self, output):
        self.result = np.asarray([output], np.float32)
        self.input = TensorInfo(name="image", shape=(1, 8, 8, 3), dtype="uint8")
        self.output = TensorInfo(name="scores", shape=self.result.shape, dtype="float32")

    def input_memory(self):
        return None

    def run(self, batch=None):
        assert batch.shape == (1, 8, 8, 3)
        return self.result

    def close(self):
        self.result = None


def spec(labels=("cat", "dog"), **changes):
    return ModelSpec(
        name="t", labels=labels, preprocessing=Preprocessing(height=8, width=8), **changes
    )


FRAME = np.zeros((20, 30, 3), np.uint8)


def test_classify_gives_the_best_label():
    prediction = Classifier(spec(), FakeBackend([0.25, 0.75])).classify(FRAME)
    assert (prediction.label, prediction.score, prediction.class_id) == ("dog", 0.75, 1)


def test_a_score_below_the_threshold_is_unknown():
    prediction = Classifier(spec(unknown_threshold=0.8), FakeBackend([0.25, 0.75])).classify(FRAME)
    assert prediction.label == "unknown"
    assert prediction.is_unknown
    assert prediction.top[0].label == "dog"


def test_scores_that_are_not_numbers_are_an_error():
    with pytest.raises(ArtifactError, match="NaN"):
        Classifier(spec(), FakeBackend([np.nan, 1])).classify(FRAME)


def test_labels_that_do_not_match_the_outputs_are_refused():
    with pytest.raises(ArtifactError, match="for its labels"):
        Classifier(spec(labels=("a", "b", "c")), FakeBackend([0.5, 0.5]))


@pytest.mark.parametrize(("dtype", "scale"), [("int64", 0.0), ("uint8", 0.0), ("int32", 0.1)])
def test_an_output_that_holds_no_scores_is_refused(dtype, scale):
    backend = FakeBackend([0.5, 0.5])
    backend.output = TensorInfo(name="scores", shape=(1, 2), dtype=dtype, scale=scale)
    with pytest.raises(ArtifactError, match="Expected scores of float32"):
        Classifier(spec(), backend)


def test_quantized_scores_become_real_ones():
    backend = FakeBackend([0, 0])
    backend.result = np.array([[0, 192]], np.uint8)
    backend.output = TensorInfo(name="scores", shape=(1, 2), dtype="uint8", scale=1 / 256)
    assert Classifier(spec(), backend).classify(FRAME).score == 0.75


def test_a_file_that_is_no_model_is_refused(tmp_path):
    path = tmp_path / "x.tflite"
    path.write_bytes(b"not a model at all")
    with pytest.raises(ArtifactError, match="neither"):
        read_artifact(path)


def test_a_model_with_our_spec_runs_on_a_real_runtime(foreign_model, parrot):
    pytest.importorskip("ai_edge_litert")
    labels = tuple(f"class {i}" for i in range(1001))
    model = ModelSpec(
        name="m",
        labels=labels,
        preprocessing=Preprocessing(height=128, width=128, resize="stretch"),
    )
    with Classifier.from_artifact(read_artifact(foreign_model), spec=model) as classifier:
        assert classifier.classify(read_image(parrot)).class_id == 89  # macaw, line 0 is background


@pytest.mark.parametrize(
    "label", ["<b>x</b>", "x" * 101, "", " x", "a\nb", "a\u202eb", "e\u0301"], ids=ascii
)
def test_a_label_that_cannot_be_shown_is_refused(label):
    with pytest.raises(SpecError, match="Expected a label"):
        spec(labels=("ok", label))


def test_an_impossible_input_is_refused():
    with pytest.raises(SpecError, match="std"):
        InputTensor(mean=(0.0,), std=(0.0,))
