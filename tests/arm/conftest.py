"""Emulated computers with real bundles; only with EDGECLS_ARM, since much is fetched: see README.md.

All tests of one computer run in one process and share one installation: that of the session that the
documentation shows. Each test writes to a layer of its own above it.
"""

import os
import shutil
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pytest

from tests.arm.bundles import make_bundle, make_key
from tests.arm.inside import why_not
from tests.arm.pi import HOME, Finished, Pi
from tests.arm.root_file_systems import default_cache, root_file_system, unpack
from tests.arm.systems import SYSTEMS

NAME = "shapes"
RUN = Path(__file__).resolve().parents[2] / "runs" / "arm"
TARGETS = ("bookworm64", "trixie64", "bookworm32")
KERNEL_OF_64_BITS = """
import os, platform
said = os.uname()
os.uname = lambda: os.uname_result((*said[:4], "aarch64"))
"""


def is_short(name: str) -> bool:
    """Whether the session of a computer leaves the updates out: EDGECLS_ARM_SHORT=names with commas between."""
    return name in os.environ.get("EDGECLS_ARM_SHORT", "").split(",")


def asked_for() -> tuple[str, ...]:
    """Return which computers are wished for: EDGECLS_ARM=all or names with commas between."""
    wish = os.environ.get("EDGECLS_ARM", "")
    return TARGETS if wish in {"all", "1"} else tuple(filter(None, wish.split(",")))


@dataclass(frozen=True, kw_only=True)
class Installed:
    """A computer after the session.

    Attributes:
        pi: It, with its files; not to be written to: ``pi.above(layer)``.
        bundles: Of releases 1, 2 and, with a bug, 3; the first alone after a short session.
        session: How the session went.
    """

    pi: Pi
    bundles: tuple[Path, ...]
    session: Finished


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks for groups
def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("arm") is None or not hasattr(item, "callspec"):
            continue
        name = item.callspec.params["bare"]
        item.add_marker(pytest.mark.xdist_group(name))
        if name not in asked_for():
            reason = f"emulates another computer for minutes; to run it: EDGECLS_ARM={name}"
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def run_directory(tmp_path_factory):
    """A copy of a small exported run, whose release numbers begin at 1."""
    source = Path(os.environ.get("EDGECLS_ARM_RUN", RUN))
    if not (source / "exports").is_dir():
        pytest.fail(f"Expected an exported run in {source}, got none: see tests/arm/README.md")
    copy = tmp_path_factory.mktemp("run") / NAME
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("bundles", "photos", "features"))
    return copy


@pytest.fixture(scope="session")
def key(tmp_path_factory):
    return make_key(tmp_path_factory.mktemp("key"))


@pytest.fixture(scope="session")
def bundle_of(run_directory, key):
    """A function that gives the first release for a target."""
    return lru_cache(lambda target: make_bundle(run_directory, target, key=key))


@pytest.fixture(scope="session")
def bare(request, tmp_path_factory):
    """A computer on which nothing is installed."""
    system = SYSTEMS[request.param]
    reason = why_not(system)
    if reason:
        pytest.skip(reason)
    with unpack(root_file_system(system, cache=default_cache(), say=print)) as root:
        pi = Pi(system=system, below=(root,), layer=tmp_path_factory.mktemp("bare"))
        (pi.layer / "upper").mkdir()
        if system.architecture == "armhf":
            _let_the_kernel_have_64_bits(pi)
        yield pi


@pytest.fixture(scope="session")
def installed(bare, bundle_of, run_directory, key, tmp_path_factory):
    """A computer on which the session of the documentation was typed."""
    target = bare.system.name
    is_long = not is_short(target)
    changes = ({"photos": 61}, {"photos": 61, "has_bug": True}) if is_long else ()
    later = (make_bundle(run_directory, target, key=key, **change) for change in changes)
    bundles = (bundle_of(target), *later)
    clip = tmp_path_factory.mktemp("clip") / "clip.avi"
    _write_clip(clip)
    session = Path(__file__).with_name("session.sh")
    pi = bare.above(tmp_path_factory.mktemp("installed")).with_files(*bundles, clip, session)
    length = () if is_long else ("short",)
    finished = pi.run("sh", f"{HOME}/{session.name}", NAME, target, *length)
    _keep_transcript(target, finished)
    return Installed(pi=pi, bundles=bundles, session=finished)


def _keep_transcript(target: str, session: Finished) -> None:
    place = os.environ.get("EDGECLS_ARM_TRANSCRIPT")
    if place:
        Path(place).mkdir(parents=True, exist_ok=True)
        (Path(place) / f"{target}.txt").write_text(session.output, encoding="utf-8")


def _let_the_kernel_have_64_bits(pi: Pi) -> None:
    """A Raspberry Pi 4 with the 32-bit system: ``uname -m`` tells of the kernel and says aarch64."""
    pi.write("/etc/python3.11/sitecustomize.py", KERNEL_OF_64_BITS)
    pi.write(
        "/usr/local/bin/uname",
        '#!/bin/sh\n[ "$1" = -m ] && exec echo aarch64\nexec /usr/bin/uname "$@"\n',
        mode=0o755,
    )


def _write_clip(path: Path) -> None:
    from edgecls.demo.clip import write_clip

    write_clip(path, seed=0)
