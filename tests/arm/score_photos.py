"""Runs inside: prints what every model file gives for every golden photo on every runtime, as JSON.

python score_photos.py VERSION_FOLDER
"""

import json
import sys
from pathlib import Path

from edgecls_device.artifact import read_artifact
from edgecls_device.bundles.golden_photos import GoldenPhotos
from edgecls_device.bundles.manifest import Manifest
from edgecls_device.classifier import Classifier
from edgecls_device.images import read_image
from edgecls_device.preprocessing import Preprocessor
from edgecls_device.records import from_json

folder = Path(sys.argv[1])
manifest = from_json(Manifest, (folder / "manifest.json").read_bytes(), name="manifest.json")
photos = from_json(
    GoldenPhotos, (folder / manifest.golden_photos).read_bytes(), name=manifest.golden_photos
).photos
found: dict[str, dict[str, list[list[float]]]] = {}
for one in manifest.artifacts:
    artifact = read_artifact(folder / one.member)
    for backend in one.backends:
        with Classifier.from_artifact(artifact, backend=backend, threads=1) as classifier:
            prepare = Preprocessor(classifier.spec.preprocessing, classifier.spec.input)
            scores = [
                classifier.raw_scores(prepare(read_image(folder / photo.member))).tolist()
                for photo in photos
            ]
        found.setdefault(one.member, {})[backend] = scores
sys.stdout.write(json.dumps(found))
