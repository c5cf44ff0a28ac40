"""The page of ``edgecls bundle --target web`` in headless Chromium beside the device runtime, on real photos.

python benchmarks/figures/web_labels.py runs/pets photos
"""

import hashlib
import shutil
import sys
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from edgecls_device.artifact import read_artifact
from edgecls_device.classifier import Classifier
from edgecls_device.images import read_image
from edgecls_device.preprocessing import resize
from edgecls_export.bundles.web import write_web
from figure import Row, arguments, describe_machine, figure_of, show, working_directory

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))  # the browser belongs to the tests

from edgecls.bundling.web_runtime import web_runtime  # noqa: E402
from tests.device.web.browser import browsing  # noqa: E402
from tests.export.bundles.test_web_page import CLASSIFY, OPEN_RUNNER  # noqa: E402
from tests.export.bundles.web_page import serving  # noqa: E402


def compared(page: Any, artifact: Path, files: list[Path], folder: Path) -> list[Row]:
    """Return how far the page is from the device runtime with one model file."""
    write_web(read_artifact(artifact), runtime=web_runtime(), out=folder)
    (folder / "photos").mkdir()
    for place, file in enumerate(files):
        shutil.copy(file, folder / "photos" / str(place))
    pixels, labels, errors, times = 0, 0, [], []
    with serving(folder) as url, Classifier.open(artifact, threads=1) as classifier:
        page.open(url + "README.txt")
        golden = page.script(OPEN_RUNNER)["golden"]
        for place, file in enumerate(files):
            got, frame = page.script(CLASSIFY, place), read_image(file)
            wanted = classifier.classify(frame)
            prepared = resize(frame, classifier.spec.preprocessing)
            pixels += got["input"] == hashlib.sha256(prepared).hexdigest()
            labels += got["label"] == wanted.label
            errors.append(float(np.abs(np.array(got["scores"]) - wanted.scores).max()))
            times.append(got["inferenceMs"])
    name = artifact.name
    return [
        Row(what=f"{name}: photos of the same pixels", value=pixels, unit="", at_least=len(files)),
        Row(what=f"{name}: the same label", value=labels, unit="", at_least=len(files)),
        Row(what=f"{name}: scores off, most", value=max(errors), unit="", at_most=1e-4),
        Row(what=f"{name}: golden samples off", value=golden["worstError"], unit=""),
        Row(what=f"{name}: inference, median", value=median(times), unit="ms"),
    ]


def main() -> None:
    parser = arguments("Compare the page in Chromium with the device runtime.")
    parser.add_argument("run", type=Path, help="a run with exported .onnx files")
    parser.add_argument("photos", type=Path)
    parser.add_argument("--count", type=int, default=50)
    options = parser.parse_args()
    machine = describe_machine()
    files = sorted(options.photos.rglob("*.jpg"))
    files = files[:: max(len(files) // options.count, 1)][: options.count]
    rows = [Row(what="photos", value=len(files), unit="")]
    with working_directory(None) as work, browsing(work / "profile") as page:
        for artifact in sorted((options.run / "exports").glob("*.onnx")):
            rows += compared(page, artifact, files, work / artifact.stem)
    show(figure_of(f"The page of {options.run.name} in a browser", machine, rows), options.out)


if __name__ == "__main__":
    main()
