"""Our files as others see them, each with pixels, and the labels and scores that we give for them.

Every recipe of a tiny model, and the files of a run that this version exported: EDGECLS_INTEROP_RUN=runs/demo.
This group has an extra of its own: pip install 'edgecls[interop]', then pytest tests/interop; without it the
group is skipped.
"""

import os
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from edgecls_device.classifier import Classifier
from edgecls_device.errors import MissingDependencyError
from edgecls_device.golden import golden_inputs
from numpy.typing import NDArray

from tests.export.tiny import SPEC, build_model, pictures

HERE = Path(__file__).parent
PHOTOS, CALIBRATION = pictures(40, seed=7), pictures(30, seed=8)
UNSURE_SPEC = replace(SPEC, unknown_threshold=0.9)  # so that some pictures lie below it


@dataclass(frozen=True, kw_only=True, slots=True)
class Exported:
    """A file and what it must give.

    Attributes:
        path: The file.
        spec: Read from it.
        pixels: uint8 RGB ``(N, H, W, 3)``, of exactly the input size, so that nobody's resizing matters.
        scores: What we give for them before temperature and groups, ``(N, C)``, float32.
        tolerance: How far another build of a runtime may be from them; the spec says it for its golden samples.
    """

    path: Path
    spec: object
    pixels: NDArray[np.uint8]
    scores: NDArray[np.float32]
    tolerance: float


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("interop")
            if find_spec("mediapipe") is None:
                item.add_marker(pytest.mark.skip(reason="needs the extra interop"))


def pytest_generate_tests(metafunc):
    for file_format in ("tflite", "onnx"):
        if f"{file_format}_file" in metafunc.fixturenames:
            cases = [*_recipes(file_format), *_files_of_a_run(file_format)]
            names = [case.name if isinstance(case, Path) else case[1] for case in cases]
            metafunc.parametrize(f"{file_format}_file", cases, ids=names, indirect=True)


def _recipes(file_format):
    from edgecls_export import EXPORTERS

    return [key for key in EXPORTERS if key[0] == file_format]


def _files_of_a_run(file_format):
    run = os.environ.get("EDGECLS_INTEROP_RUN")
    return sorted(Path(run).glob(f"exports/*.{file_format}")) if run else []


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """Return a function that gives a file; a recipe of the tiny model is exported once."""
    folder, made = tmp_path_factory.mktemp("interop"), {}

    def give(case):
        if case not in made:
            is_of_a_run = isinstance(case, Path)
            path = case if is_of_a_run else _export(case, folder, made)
            made[case] = _described(path, pictures=8 if is_of_a_run else len(PHOTOS))
        return made[case]

    return give


@pytest.fixture
def tflite_file(request, exported):
    return exported(request.param)


@pytest.fixture
def onnx_file(request, exported):
    return exported(request.param)


def _export(key, folder, made):
    pytest.importorskip("tensorflow")
    from edgecls_export import export, freeze

    if "model" not in made:
        made["model"] = freeze(build_model())
    file_format, recipe = key
    path = folder / f"tiny.{recipe}.{file_format}"
    try:
        export(
            made["model"],
            UNSURE_SPEC,
            format=file_format,
            recipe=recipe,
            destination=path,
            calibration=CALIBRATION,
            photos=PHOTOS,
            log=folder / "export.log",
        )
    except MissingDependencyError as error:
        pytest.skip(error.message)
    return path


def _described(path, *, pictures):
    with Classifier.open(path, threads=1) as classifier:
        spec = classifier.spec
        rule = spec.preprocessing
        pixels = golden_inputs(7, rule.height, rule.width, count=pictures)
        scores = np.array([classifier.raw_scores(picture[np.newaxis]) for picture in pixels])
    return Exported(
        path=path,
        spec=spec,
        pixels=pixels,
        scores=scores.reshape(len(pixels), len(spec.labels)),
        tolerance=max(spec.golden.tolerance, 1e-5),
    )
