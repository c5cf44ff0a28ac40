"""What it costs to leave resizing to MediaPipe's ImageClassifier, which stretches the whole picture.

python benchmarks/figures/mediapipe_resize.py runs/pets/exports/pets.int8.tflite photos    (extra interop)
"""

from pathlib import Path
from typing import Any

import mediapipe
import numpy as np
from edgecls_device.classifier import Classifier
from edgecls_device.images import read_image
from edgecls_device.postprocessing import shown_scores
from edgecls_device.preprocessing import resize
from figure import Row, arguments, describe_machine, figure_of, show
from numpy.typing import NDArray

HIDES_NOTHING = 1e-30  # a threshold above 0 replaces the file's


def scores_of(task: Any, rgb: NDArray[np.uint8], labels: tuple[str, ...]) -> NDArray[np.float32]:
    """Return what MediaPipe gives for a picture of any size, in the order of ``labels``."""
    image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(rgb))
    found = task.classify(image).classifications[0].categories
    by_label = {category.category_name: category.score for category in found}
    return np.array([by_label.get(label, 0.0) for label in labels], np.float32)


def main() -> None:
    parser = arguments("Leave resizing to MediaPipe, and compare its labels with ours.")
    parser.add_argument("artifact", type=Path, help="a .tflite file with a spec")
    parser.add_argument("photos", type=Path)
    parser.add_argument("--count", type=int, default=50)
    options = parser.parse_args()
    machine = describe_machine()
    files = sorted(options.photos.rglob("*.jpg"))
    files = files[:: max(len(files) // options.count, 1)][: options.count]
    vision, base = mediapipe.tasks.vision, mediapipe.tasks.BaseOptions
    task_options = vision.ImageClassifierOptions(
        base_options=base(model_asset_path=str(options.artifact)), score_threshold=HIDES_NOTHING
    )
    changed, shown_changed, moved, off = 0, 0, [], []
    with (
        Classifier.open(options.artifact) as classifier,
        vision.ImageClassifier.create_from_options(task_options) as task,
    ):
        spec = classifier.spec
        for file in files:
            frame = read_image(file)
            prepared = resize(frame, spec.preprocessing)
            ours = classifier.raw_scores(prepared[np.newaxis])
            theirs = scores_of(task, frame[:, :, ::-1], spec.labels)
            best = int(ours.argmax())
            changed += best != int(theirs.argmax())
            shown = shown_scores(ours, spec).argmax(), shown_scores(theirs, spec).argmax()
            shown_changed += shown[0] != shown[1]
            moved.append(float(abs(ours[best] - theirs[best])))
            off.append(float(np.abs(scores_of(task, prepared, spec.labels) - ours).max()))
    rows = [
        Row(what="photos", value=len(files), unit=""),
        Row(what="another best class, resized by MediaPipe", value=changed, unit="photos"),
        Row(what="another shown label, resized by MediaPipe", value=shown_changed, unit="photos"),
        Row(what="the best class's score moved, mean", value=float(np.mean(moved)), unit=""),
        Row(what="the best class's score moved, most", value=max(moved), unit=""),
        Row(what="scores off, resized by us, most", value=max(off), unit="", at_most=1e-5),
    ]
    show(figure_of(f"MediaPipe's resizing, {options.artifact.name}", machine, rows), options.out)


if __name__ == "__main__":
    main()
