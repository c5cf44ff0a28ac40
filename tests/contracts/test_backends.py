"""What every backend promises, on every backend that is installed."""

import tracemalloc
from importlib.util import find_spec

import numpy as np
import pytest
from edgecls_device.backends.protocol import BackendOptions
from edgecls_device.backends.table import BACKENDS, choose_backend, open_backend
from edgecls_device.classifier import Classifier
from edgecls_device.errors import (
    ArtifactError,
    FrameError,
    MissingDependencyError,
    OptionError,
)
from edgecls_device.postprocessing import shown_scores
from edgecls_device.preprocessing import Preprocessor

from tests.device.tiny_models import onnx_model, tflite_model, tiny_spec

MAKERS = {"tflite": tflite_model, "onnx": onnx_model}
OPTIONS = BackendOptions(threads=1)
GREEN = np.full((1, 8, 8, 3), (0, 255, 0), np.uint8)  # RGB


@pytest.fixture(params=BACKENDS)
def name(request):
    package = BACKENDS[request.param].package
    if find_spec(package) is None:
        pytest.skip(f"needs {package}, which is not installed")
    return request.param


@pytest.fixture
def make(name):
    return MAKERS[BACKENDS[name].format]


@pytest.fixture
def backend(name, make):
    opened = open_backend(name, make(), OPTIONS)
    yield opened
    opened.close()


def test_it_names_itself_and_its_tensors(name, backend):
    assert backend.name == name
    assert (backend.input.shape, backend.input.dtype) == ((1, 8, 8, 3), "uint8")
    assert (backend.output.shape, backend.output.dtype) == ((1, 3), "float32")


def test_it_computes_the_model(backend):
    scores = backend.run(GREEN)
    assert scores.shape == (1, 3)
    assert scores[0].argmax() == 1
    assert scores.sum() == pytest.approx(1, abs=1e-5)


def test_the_caller_owns_the_result(backend):
    first = backend.run(GREEN)
    kept = first.copy()
    backend.run(255 - GREEN)
    assert (first == kept).all()


def test_it_takes_any_number_of_threads(name, make):
    for threads in (1, 2, 4):
        opened = open_backend(name, make(), BackendOptions(threads=threads))
        assert opened.run(GREEN)[0].argmax() == 1
        opened.close()


def test_closing_twice_is_harmless_and_running_after_it_an_error(backend):
    backend.close()
    backend.close()
    with pytest.raises(ArtifactError, match="open backend"):
        backend.run(GREEN)


def test_an_input_of_another_shape_is_an_error(backend):
    with pytest.raises(ArtifactError, match="to compute the model"):
        backend.run(GREEN[:, :4])


def test_the_bare_call_runs_on_the_prepared_input(backend):
    backend.bare_call(GREEN)()


def test_what_was_written_to_its_input_memory_is_computed(backend):
    for picture in (GREEN, 255 - GREEN):
        wanted = backend.run(picture)
        backend.run(255 - picture)
        backend.input_memory()[:] = picture
        assert (backend.run() == wanted).all()


def test_a_classifier_and_a_batch_of_its_own_agree(name, make, tmp_path):
    path = tmp_path / f"tiny.{BACKENDS[name].format}"
    path.write_bytes(make(spec=tiny_spec()))
    frame = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    with Classifier.open(path, backend=name) as classifier:
        batch = Preprocessor(classifier.spec.preprocessing, classifier.spec.input)(frame)
        wanted = shown_scores(classifier.raw_scores(batch), classifier.spec)
        assert (classifier.classify(frame).scores == wanted).all()


def test_a_refused_frame_leaves_the_classifier_usable(name, make, tmp_path):
    path = tmp_path / f"tiny.{BACKENDS[name].format}"
    path.write_bytes(make(spec=tiny_spec()))
    with Classifier.open(path, backend=name) as classifier:
        with pytest.raises(FrameError) as kept:
            classifier.classify(np.zeros((0, 0, 3), np.uint8))
        assert classifier.classify(np.full((9, 9, 3), (0, 255, 0), np.uint8)).class_id == 1
        assert kept.value.__traceback__ is not None


@pytest.mark.parametrize("size", [(480, 640), (1080, 1920)])
def test_a_frame_allocates_next_to_nothing(name, make, tmp_path, size):
    path = tmp_path / f"tiny.{BACKENDS[name].format}"
    path.write_bytes(make(spec=tiny_spec()))
    frame = np.zeros((*size, 3), np.uint8)
    with Classifier.open(path, backend=name, threads=1) as classifier:
        for _ in range(3):
            kept = classifier.classify(frame)  # the buffers are made, and the last result is there
        tracemalloc.start()
        try:
            kept = classifier.classify(frame)
            before, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            kept = classifier.classify(frame)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert kept.label
    assert (
        peak - before < 2000
    )  # all of it together; NumPy's arrays count, the frame has 900 kB and more


def test_data_that_is_no_model_is_an_error(name, make):
    with pytest.raises(ArtifactError, match="Expected a"):
        open_backend(name, b"\0\0\0\0TFL3" if make is tflite_model else b"no model", OPTIONS)


def test_a_model_that_is_cut_off_anywhere_is_an_error_and_never_a_crash(name, make, tmp_path):
    data = make(spec=tiny_spec())
    for cut in np.linspace(0, len(data) - 1, 64).astype(int):
        path = tmp_path / f"cut.{BACKENDS[name].format}"
        path.write_bytes(data[:cut])
        with pytest.raises(ArtifactError):
            Classifier.open(path, backend=name)


def test_a_model_with_several_outputs_is_no_classifier(name, make):
    if make is tflite_model:
        model = tflite_model(outputs=(3, 4))
    else:
        model = onnx_model(outputs=(("scores", (1, 3)), ("more", (1, 3))))
    with pytest.raises(ArtifactError, match="one input and one output, got 1 and 2"):
        open_backend(name, model, OPTIONS)


def test_an_unknown_backend_names_the_nearest():
    with pytest.raises(OptionError, match="got 'litter'") as caught:
        choose_backend("tflite", "litter")
    assert "litert" in caught.value.hint


def test_a_backend_for_another_format_is_refused():
    with pytest.raises(OptionError, match=r"for \.tflite files"):
        choose_backend("tflite", "onnxruntime")


def test_a_backend_that_is_not_installed_names_its_extra():
    missing = [key for key, entry in BACKENDS.items() if find_spec(entry.package) is None]
    if not missing:
        pytest.skip("every backend is installed here")
    for key in missing:
        with pytest.raises(MissingDependencyError) as caught:
            open_backend(key, b"", OPTIONS)
        assert f"edgecls[{BACKENDS[key].extra}]" in caught.value.hint


@pytest.mark.parametrize("threads", [0, -1, 257])
def test_an_impossible_number_of_threads_is_refused(threads):
    with pytest.raises(OptionError, match="threads"):
        BackendOptions(threads=threads)


def test_a_model_whose_names_are_not_text_is_an_error(name, make):
    with pytest.raises(ArtifactError, match="Expected a model"):
        open_backend(name, make().replace(b"scores", b"sco\xff\xfes"), OPTIONS)


def test_loading_prints_nothing(name, make, capfd):
    open_backend(name, make(), OPTIONS).close()
    with pytest.raises(ArtifactError):
        open_backend(name, make().replace(b"scores", b"sco\xff\xfes"), OPTIONS)
    assert capfd.readouterr() == ("", "")
