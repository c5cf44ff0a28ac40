import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from edgecls_device.bundles.environments import (
    COMPLETE,
    has_environment,
    make_environment,
    python_of,
)
from edgecls_device.bundles.installation import Installation
from edgecls_device.bundles.preparing import needed_bytes
from edgecls_device.bundles.reading import open_bundle
from edgecls_device.errors import BundleError, StorageError

from tests.device.bundles.installable import environment_of, installable, wheel, wheels
from tests.device.bundles.kept import wait_until
from tests.device.sinks.disks import small_disk  # noqa: F401  # a fixture


@pytest.fixture
def bundle(tmp_path):
    """A function that opens a bundle; its members may be others."""
    opened = []

    def make(**how):
        path = installable(tmp_path / "tiny.edgecls", tmp_path, **how)
        opened.append(open_bundle(path))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def installation(tmp_path):
    found = Installation(tmp_path / "root")
    found.prepare()
    return found


def say(line):
    assert line


def python(environment, code):
    command = [python_of(environment), "-I", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def light(**more):
    """Wheels that are installed in a moment: pip's, and those given as name -> files."""
    found = {name: data for name, data in wheels().items() if "/pip-" in name}
    lines = []
    for name, files in more.items():
        data = wheel(name, files)
        found[f"wheels/{name}-1-py3-none-any.whl"] = data
        lines.append(f"{name}==1 --hash=sha256:{_sha256(data)}\n")
    return {**found, "wheels/requirements.txt": "".join(lines).encode()}


def _sha256(data):
    import hashlib

    return hashlib.sha256(data).hexdigest()


def test_an_environment_has_the_wheels_of_the_bundle_and_its_own_python(bundle, installation):
    opened = bundle()
    folder = make_environment(opened, installation, say)
    assert has_environment(installation, opened.manifest)
    assert not list(folder.rglob("edgecls*/__pycache__"))  # that takes a minute on an old board
    place = python(folder, "import edgecls_device; print(edgecls_device.__file__)")
    assert place.startswith(str(folder))
    assert python(folder, "import sys; print(sys.prefix)") == str(folder)
    assert not list(installation.root.glob(".wheels-*"))


def test_an_environment_that_is_whole_is_not_made_again(bundle, installation):
    opened = bundle(contents=light(small={"small.py": b"X = 1\n"}))
    folder = make_environment(opened, installation, say)
    before = (folder / COMPLETE).stat().st_mtime_ns
    said = []
    assert make_environment(opened, installation, said.append) == folder
    assert (folder / COMPLETE).stat().st_mtime_ns == before
    assert said == [f"The environment {folder.name} is there already."]


def making(bundle, installation):
    return f"""
from pathlib import Path
from edgecls_device.bundles.environments import make_environment
from edgecls_device.bundles.installation import Installation
from edgecls_device.bundles.reading import open_bundle
with open_bundle(Path({str(bundle.path)!r})) as bundle:
    make_environment(bundle, Installation(Path({str(installation.root)!r})), print)
"""


def test_a_kill_leaves_an_environment_that_is_not_taken_and_made_again(bundle, installation):
    opened = bundle()
    code = making(opened, installation)
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    folder = installation.environment(opened.manifest.environment.digest)
    while not (folder / "lib").exists():
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not has_environment(installation, opened.manifest)
    (folder / "lib" / "left").touch()
    make_environment(opened, installation, say)
    assert has_environment(installation, opened.manifest)
    assert not (folder / "lib" / "left").exists()


def test_pip_dies_with_whoever_installs(bundle, installation):
    opened = bundle()
    folder = installation.environment(opened.manifest.environment.digest)
    process = subprocess.Popen([sys.executable, "-c", making(opened, installation)])

    def runs():
        return any(str(folder).encode() in commands for commands in command_lines())

    wait_until(runs)
    process.kill()
    process.wait()
    wait_until(lambda: not runs())
    assert not list(folder.rglob("edgecls-*.dist-info"))  # what pip would have written at its end
    assert not has_environment(installation, opened.manifest)


def command_lines():
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(FileNotFoundError, ProcessLookupError):
            yield path.read_bytes()


def test_a_wheel_with_another_hash_is_refused_in_pips_words(bundle, installation):
    contents = light(small={"small.py": b"X = 1\n"})
    contents["wheels/requirements.txt"] = b"small==1 --hash=sha256:" + b"0" * 64 + b"\n"
    opened = bundle(contents=contents)
    with pytest.raises(BundleError, match="HASHES") as caught:
        make_environment(opened, installation, say)
    assert "small" in caught.value.message
    assert not list(installation.environments.iterdir())


def test_a_wheel_that_is_missing_is_refused_in_pips_words(bundle, installation):
    contents = light()
    contents["wheels/requirements.txt"] = b"absent==1 --hash=sha256:" + b"0" * 64 + b"\n"
    opened = bundle(contents=contents)
    with pytest.raises(BundleError, match="absent"):
        make_environment(opened, installation, say)


def test_a_full_disk_is_named_and_nothing_is_left(bundle, small_disk):  # noqa: F811
    installation = Installation(small_disk)
    installation.prepare()
    with pytest.raises(StorageError, match="No space left"):
        make_environment(bundle(), installation, say)
    assert not list(installation.environments.iterdir())
    assert not list(small_disk.glob(".wheels-*"))


def test_neither_ensurepip_nor_the_users_pip_settings_are_needed(bundle, installation, monkeypatch):
    monkeypatch.setitem(
        sys.modules, "ensurepip", None
    )  # an import of it fails, as on a bare Debian
    for name in ("PIP_TARGET", "PYTHONPATH", "PYTHONHOME", "PIP_INDEX_URL", "VIRTUAL_ENV"):
        monkeypatch.setenv(name, "/nowhere")
    opened = bundle(contents=light(small={"small.py": b"X = 1\n"}))
    folder = make_environment(opened, installation, say)
    assert python(folder, "import small; print(small.X)") == "1"


def test_the_room_that_is_asked_for_is_enough(bundle, installation):
    opened = bundle()
    folder = make_environment(opened, installation, say)
    size = sum(path.lstat().st_size for path in folder.rglob("*"))
    assert size < needed_bytes(opened.manifest, has_environment=False)
    assert needed_bytes(opened.manifest, has_environment=True) < needed_bytes(
        opened.manifest, has_environment=False
    )


def test_bundles_with_other_wheels_have_other_environments():
    one, other = light(), light(small={"small.py": b""})
    assert environment_of(one).digest != environment_of(other).digest
