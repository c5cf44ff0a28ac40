"""Our own wheel: the same bytes wherever it is made, and one that pip installs."""

import base64
import csv
import hashlib
import io
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from edgecls_device.errors import StorageError
from edgecls_export.bundles import own_wheel
from edgecls_export.bundles.own_wheel import OwnWheel, build_own_wheel

from edgecls import __version__

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("edgecls", "export/edgecls_export", "device/edgecls_device", "benchmarks/edgecls_bench")
CODE = (
    "from edgecls_export.bundles.own_wheel import build_own_wheel as b; "
    f"print(b({__version__!r}).sha256)"
)


@pytest.fixture(scope="module")
def rooms(tmp_path_factory):
    """A copy of the checkout, which nobody works on meanwhile; what makes its packages importable."""
    copy = tmp_path_factory.mktemp("checkout")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package)
    shutil.copy(ROOT / "LICENSE", copy)
    return os.pathsep.join(str(copy / Path(package).parent) for package in PACKAGES)


@pytest.fixture(scope="module")
def ours(rooms, tmp_path_factory):
    """The wheel of that copy."""
    path = tmp_path_factory.mktemp("wheel") / "edgecls.whl"
    code = (
        "import pathlib; from edgecls_export.bundles.own_wheel import build_own_wheel as b; "
        f"pathlib.Path({str(path)!r}).write_bytes(b({__version__!r}).data)"
    )
    built_by(sys.executable, rooms, code=code)
    return OwnWheel(version=__version__, data=path.read_bytes())


def built_by(python, rooms, *, code=CODE, **environment):
    """Return the hash of the wheel that another process makes."""
    settings = {**os.environ, "PYTHONPATH": rooms, **environment}
    done = subprocess.run(
        [python, "-c", code], env=settings, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def other_pythons():
    """Yield (command, settings) of each other Python; behind pyenv's one name there are several."""
    for version in ("3.10", "3.11", "3.12", "3.13"):
        python = shutil.which(f"python{version}")
        if python is None or version == "{}.{}".format(*sys.version_info[:2]):
            continue
        settings = {"PYENV_VERSION": version}
        works = subprocess.run(
            [python, "-c", ""], env={**os.environ, **settings}, capture_output=True, check=False
        )
        if works.returncode == 0:
            yield python, settings


def test_another_process_with_other_settings_makes_the_same_bytes(ours, rooms):
    code = f"import os; os.umask(0o077); {CODE}"
    environment = {"TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "7", "LC_ALL": "C"}
    assert built_by(sys.executable, rooms, code=code, **environment) == ours.sha256


def test_another_version_of_python_makes_the_same_bytes(ours, rooms):
    pythons = list(other_pythons())
    if not pythons:
        pytest.skip("needs another Python of 3.10 to 3.13 on this machine")
    assert {built_by(python, rooms, **settings) for python, settings in pythons} == {ours.sha256}


def test_it_holds_the_four_packages_with_their_data_and_nothing_that_was_made_by_running_them(ours):
    with zipfile.ZipFile(io.BytesIO(ours.data)) as archive:
        names = archive.namelist()
    assert {name.partition("/")[0] for name in names} == {
        "edgecls",
        "edgecls_bench",
        "edgecls_device",
        "edgecls_export",
        f"edgecls-{__version__}.dist-info",
    }
    assert {
        "edgecls/py.typed",
        "edgecls_device/web/page/page.css",
        "edgecls_export/bundles/locks/bookworm64.txt",
        "edgecls_export/bundles/templates/install.sh",
        f"edgecls-{__version__}.dist-info/licenses/LICENSE",
    } <= set(names)
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_its_record_is_right(ours):
    with zipfile.ZipFile(io.BytesIO(ours.data)) as archive:
        record = f"edgecls-{__version__}.dist-info/RECORD"
        assert archive.namelist()[-1] == record
        rows = list(csv.reader(archive.read(record).decode().splitlines()))
        assert [row[0] for row in rows] == archive.namelist()
        for name, digest, size in rows[:-1]:
            data = archive.read(name)
            wanted = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            assert (digest, size) == (f"sha256={wanted}", str(len(data)))


def test_a_bare_python_runs_code_right_from_it(ours, tmp_path):
    path = tmp_path / ours.file
    path.write_bytes(ours.data)
    code = "import edgecls_device.bundles.reading as reading; print(reading.__file__)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": str(path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(str(path))


def test_pip_installs_it_and_the_installed_one_makes_the_same_wheel(ours, tmp_path):
    pytest.importorskip("pip")
    (tmp_path / ours.file).write_bytes(ours.data)
    (tmp_path / "wanted.txt").write_text(f"edgecls=={__version__} --hash=sha256:{ours.sha256}\n")
    home = tmp_path / "env"
    venv.EnvBuilder(system_site_packages=False, symlinks=True).create(home)
    install = [sys.executable, "-m", "pip", "--python", home, "install", "--no-index", "--no-deps"]
    install += ["--require-hashes", "--find-links", tmp_path, "-r", tmp_path / "wanted.txt"]
    subprocess.run([*map(str, install), "--quiet"], check=True)
    site = next(home.glob("lib/python*/site-packages"))
    (site / "click.pth").write_text(str(Path(pytest.importorskip("click").__file__).parents[1]))
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    said = subprocess.run(
        [home / "bin" / "edgecls", "--version"],
        env=clean,
        capture_output=True,
        text=True,
        check=True,
    )
    assert __version__ in said.stdout
    built = subprocess.run(
        [home / "bin" / "python", "-c", CODE],
        cwd="/",
        env=clean,
        capture_output=True,
        text=True,
        check=True,
    )
    assert built.stdout.strip() == ours.sha256


def test_packages_that_lie_in_no_folder_are_refused(monkeypatch):
    monkeypatch.setattr(own_wheel, "find_spec", lambda name: None)
    with pytest.raises(StorageError, match="files of edgecls in a folder"):
        build_own_wheel(__version__)
