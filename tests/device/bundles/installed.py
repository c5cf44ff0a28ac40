"""Installations as a bundle makes them, in an instant: this environment is theirs, and nothing is measured."""

import sys
import sysconfig
from functools import cache
from pathlib import Path

import numpy as np
from edgecls_device.backends.table import installed_backends
from edgecls_device.bundles import preparing
from edgecls_device.bundles.environments import COMPLETE
from edgecls_device.bundles.golden_photos import GoldenPhotos
from edgecls_device.bundles.history import remember
from edgecls_device.bundles.installation import Installation
from edgecls_device.bundles.manifest import BundledArtifact
from edgecls_device.bundles.reading import open_bundle
from edgecls_device.bundles.state import State, write_state
from edgecls_device.golden import golden_inputs
from edgecls_device.records import to_json
from edgecls_device.spec import GoldenSamples

from tests.device.bundles.accepting import accepted
from tests.device.bundles.made import CONTENTS, write_bundle
from tests.device.tiny_models import SHARPNESS, onnx_model, tflite_model, tiny_spec

FORMAT = "tflite" if installed_backends("tflite") else "onnx"
BACKEND = installed_backends(FORMAT)[0]
MODEL = f"artifacts/tiny.int8.{FORMAT}"
CONFIG = 'source = "test:noise?size=64x48&fps=60"\n'
SITE = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
PROJECT = "".join(f"{path}\n" for path in sys.path if (Path(path) / "edgecls_device").is_dir())
PROJECT += f"{Path(__file__).parents[3]}\n"


def golden_samples(*, off=0.0):
    """Return golden samples of the tiny model, worked out on paper; ``off`` is added to a score."""
    colors = golden_inputs(3, 8, 8).mean(axis=(1, 2))
    scores = np.exp(colors * SHARPNESS)
    scores /= scores.sum(axis=1, keepdims=True)
    scores[2, 1] += off
    return GoldenSamples(seed=3, scores=tuple(tuple(map(float, row)) for row in scores))


@cache
def model(*, off=0.0):
    """Return the bytes of a tiny model, whose golden samples may be wrong."""
    make = tflite_model if FORMAT == "tflite" else onnx_model
    return make(spec=tiny_spec(golden=golden_samples(off=off)))


def tiny_bundle(path, *, release=2, content=None, **changes):
    """Write a bundle of a tiny model that can be installed where its environment stands already.

    ``changes`` as for ``write_bundle``.
    """
    contents = {name: data for name, data in CONTENTS.items() if not name.startswith("artifacts/")}
    contents[MODEL] = model() if content is None else content
    contents["golden/photos.json"] = to_json(GoldenPhotos(tolerance=0.01, photos=())).encode()
    artifact = BundledArtifact(member=MODEL, format=FORMAT, recipe="int8", backends=(BACKEND,))
    return write_bundle(path, contents, release=release, artifacts=(artifact,), **changes)


def environment_of(installation, digest):
    """Make an environment that has what this one has."""
    folder = installation.environment(digest)
    library = (
        folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    )
    library.mkdir(parents=True)
    (library / "these.pth").write_text(SITE + PROJECT)
    base = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    (folder / "pyvenv.cfg").write_text(f"home = {base.parent}\n")
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(base)
    (folder / COMPLETE).write_text(f"{digest}\n")
    return folder


def install(root, bundle):
    """Install a bundle for the first time and return the installation."""
    installation = Installation(root)
    installation.prepare()
    with open_bundle(bundle) as opened:
        if not installation.environment(opened.manifest.environment.digest).exists():
            environment_of(installation, opened.manifest.environment.digest)
        version = put_version(installation, opened)
        release = opened.manifest.release
    installation.config.write_text(CONFIG)
    installation.point(installation.confirmed, version)
    installation.point(installation.current, version)
    write_state(installation, State(floor=release))
    remember(installation, "installed", name=version, release=release)
    return installation


def put_version(installation, bundle):
    """Prepare a version without trying it."""
    tried = preparing.accept
    preparing.accept = accepted
    try:
        return preparing.prepare_version(bundle, installation, lambda line: None)
    finally:
        preparing.accept = tried


def contents_of(folder):
    """Return everything below a folder, by path: what a link names, what a file holds, None for a folder."""
    return {
        str(path.relative_to(folder)): str(path.readlink())
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else None
        for path in sorted(folder.rglob("*"))
    }
