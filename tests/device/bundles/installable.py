"""Bundles that can really be installed on this very machine, in seconds.

All is as ``edgecls bundle`` makes it, but for the wheels: beside our own and pip's there is one more, which
brings a ``.pth`` file, so that the environment finds NumPy, OpenCV and the runtimes where the tests' own
environment has them.
"""

import base64
import functools
import hashlib
import io
import os
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import replace
from importlib.metadata import distribution
from pathlib import Path

import cv2
import numpy as np
from edgecls_device.backends.table import installed_backends
from edgecls_device.bundles.fitting import read_system
from edgecls_device.bundles.golden_photos import GoldenPhoto, GoldenPhotos
from edgecls_device.bundles.manifest import BundledArtifact, Environment
from edgecls_device.bundles.reading import open_bundle
from edgecls_device.classifier import Classifier
from edgecls_device.golden import golden_inputs
from edgecls_device.images import decode_image
from edgecls_device.preprocessing import Preprocessor
from edgecls_device.records import to_json
from edgecls_device.spec import GoldenSamples
from edgecls_export.bundles.own_wheel import build_own_wheel

from edgecls import __version__
from tests.device.bundles.made import ARTIFACT, TARGET, write_bundle
from tests.device.tiny_models import LABELS, onnx_model, tflite_model, tiny_spec

TEMPLATES = Path(__file__).parents[3] / "export/edgecls_export/bundles/templates"
MODELS = {"tflite": tflite_model, "onnx": onnx_model}
HERE = [kind for kind in MODELS if installed_backends(kind)]
PHOTOS = 3


def installable(path, tmp_path, *, release=1, off=0.0, photos_off=0.0, formats=HERE[:1], **how):
    """Write a bundle for this machine and return its path.

    Args:
        path: The bundle.
        tmp_path: For models.
        release: Its release.
        off: How far its seeded samples are from what the model gives; ``photos_off`` the same for photos.
        formats: Of its model files.
        how: ``key`` signs it, ``contents`` are more members or others, the rest are changes to the manifest.
    """
    artifacts = {f: _model(tmp_path, f, off) for f in formats}
    contents = {
        "README.txt": b"A bundle for a test.\n",
        "__main__.py": (TEMPLATES / "main.py").read_bytes(),
        "config.toml": (TEMPLATES / "config.toml").read_bytes(),
        "edgecls.service": (TEMPLATES / "edgecls.service").read_bytes(),
        "install.sh": (TEMPLATES / "install.sh").read_bytes(),
        **{_member(f): data for f, (data, _) in artifacts.items()},
        **_photos({_member(f): place for f, (_, place) in artifacts.items()}, photos_off),
        **wheels(),
        **how.pop("contents", {}),
    }
    usual = {
        "target": this_machine(),
        "environment": environment_of(contents),
        "artifacts": tuple(bundled(f) for f in formats),
    }
    return write_bundle(path, contents, release=release, **{**usual, **how})


def bundled(file_format):
    """Return how a manifest names a model file."""
    return BundledArtifact(
        member=_member(file_format),
        format=file_format,
        recipe="int8",
        backends=installed_backends(file_format),
    )


def this_machine():
    """Return a target that this machine is."""
    system = read_system(TARGET)
    return replace(
        TARGET,
        name="this-machine",
        title="this machine",
        architecture=system.architecture,
        python=system.python,
        codename="",
    )


def environment_of(contents):
    """Return the environment that a bundle's wheels make."""
    found = sorted(
        (name, hashlib.sha256(data).hexdigest())
        for name, data in contents.items()
        if name.startswith("wheels/")
    )
    return Environment(
        digest=hashlib.sha256(repr(found).encode()).hexdigest(),
        requirements="wheels/requirements.txt",
        wheels="wheels",
        installer=next(name for name, _ in found if name.startswith("wheels/pip-")),
        sees_system_packages=False,
    )


@functools.cache
def wheels():
    """Return the members in ``wheels/``."""
    own = build_own_wheel(__version__)
    paths = dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    found = {
        own.file: own.data,
        "neighbours-1-py3-none-any.whl": wheel(
            "neighbours", {"neighbours.pth": "".join(f"{path}\n" for path in paths).encode()}
        ),
    }
    lines = [
        f"{file.split('-')[0]}=={file.split('-')[1]} --hash=sha256:{hashlib.sha256(data).hexdigest()}\n"
        for file, data in found.items()
    ]
    found |= {"requirements.txt": "".join(lines).encode(), **_pip()}
    return {f"wheels/{file}": data for file, data in found.items()}


def wheel(name, files):
    """Return a wheel, version 1, with these files."""
    info = f"{name}-1.dist-info"
    tags = b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    about = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n".encode()
    files = {**files, f"{info}/METADATA": about, f"{info}/WHEEL": tags}
    record = "".join(f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in files.items())
    return _zip({**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n".encode()})


def _pip():
    """Return pip's wheel, made of the pip that is installed."""
    pip = distribution("pip")
    files = [file for file in pip.files or () if ".." not in file.parts and file.suffix != ".pyc"]
    content = {str(file): Path(pip.locate_file(file)).read_bytes() for file in files}
    return {f"pip-{pip.version}-py3-none-any.whl": _zip(content)}


def _zip(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


def _digest(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _member(file_format):
    return ARTIFACT.replace("tflite", file_format)


def _model(folder, file_format, off):
    """Return a model whose golden samples are so far off, and a file with it."""
    place = Path(folder) / f"tiny.{file_format}"
    place.write_bytes(MODELS[file_format](spec=tiny_spec()))
    with Classifier.open(place) as classifier:
        rows = [classifier.raw_scores(batch[None]) + off for batch in golden_inputs(3, 8, 8)]
    golden = GoldenSamples(seed=3, scores=tuple(tuple(map(float, row)) for row in rows))
    data = MODELS[file_format](spec=tiny_spec(golden=golden))
    place.write_bytes(data)
    return data, place


def _photos(models, off):
    members, photos = {}, []
    for number in range(PHOTOS):
        picture = np.full((60, 80, 3), 40, np.uint8)
        picture[..., 2 - number] = 200  # red, green, blue of a BGR picture
        _, data = cv2.imencode(".png", picture)
        member = f"golden/photos/{number:03d}.png"
        members[member] = data.tobytes()
        scores = {name: _scores(place, members[member], off) for name, place in models.items()}
        photos.append(GoldenPhoto(member=member, label=LABELS[number], scores=scores))
    golden = GoldenPhotos(tolerance=0.02, photos=tuple(photos))
    return {**members, "golden/photos.json": to_json(golden).encode()}


def _scores(place, data, off):
    with Classifier.open(place) as classifier:
        prepare = Preprocessor(classifier.spec.preprocessing, classifier.spec.input)
        scores = classifier.raw_scores(prepare(decode_image(data))) + off
    return tuple(float(score) for score in scores)


def open_version(path, folder):
    """Unpack a bundle's model files and photos as a version whose environment is that of the tests."""
    with open_bundle(path) as bundle:
        names = [member.name for member in bundle.manifest.members]
        bundle.unpack(
            folder, [name for name in names if name.startswith(("artifacts/", "golden/"))]
        )
        manifest = bundle.manifest
    (folder / "environment").symlink_to(sys.prefix)
    return manifest


def run_bundle(path, *options, first_in_path=None, **variables):
    """Run a bundle as a user would, with the Python that the tests' environment was made with."""
    return subprocess.run(
        ["python3", path, *options],
        capture_output=True,
        text=True,
        check=False,
        env={**users_variables(path, first_in_path=first_in_path), **variables},
        timeout=180,
    )


def users_variables(path, *, first_in_path=None):
    """Return an environment in which ``python3`` is that Python."""
    names = ("PATH", "HOME", "LANG", "TMPDIR")
    found = {name: os.environ[name] for name in names if name in os.environ}
    python = Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    ours = Path(path).parent / "own-path"
    if not ours.exists():
        ours.mkdir()
        (ours / "python3").symlink_to(python)
    found["PATH"] = ":".join(map(str, filter(None, [first_in_path, ours, found["PATH"]])))
    return found
