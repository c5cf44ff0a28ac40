"""Wheels are downloaded once, kept by their hash, and never used unchecked."""

import socket
from dataclasses import replace

import pytest
from edgecls_device.errors import MissingDependencyError, NetworkError
from edgecls_export.bundles import pip_download
from edgecls_export.bundles.locked import read_lock
from edgecls_export.bundles.targets import TARGETS
from edgecls_export.bundles.wheelhouse import default_cache, fetch_wheels

from tests.export.bundles.small_wheels import (
    PYTHON,
    TARGET,
    WHEELS,
    index,
    keep,
    only_index,
    wheel,
)

FILES = {locked.file: data for locked, data in WHEELS.items()}
LITERT, ONNXRUNTIME, PIP, CLICK = WHEELS


def fetch(wheels, cache, **how):
    return fetch_wheels(wheels, target=TARGET, python=PYTHON, cache=cache, **how)


@pytest.fixture
def nowhere(monkeypatch):
    """An index at a port where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        only_index(monkeypatch, f"http://127.0.0.1:{taken.getsockname()[1]}/simple")
        yield


def test_kept_wheels_need_no_network(tmp_path, nowhere):
    keep(tmp_path, WHEELS)
    done = []
    places = fetch(tuple(WHEELS), tmp_path, advance=done.append)
    assert {file: path.read_bytes() for file, path in places.items()} == FILES
    assert done == [locked.size_bytes for locked in WHEELS]


def test_a_wheel_of_the_target_is_downloaded_once(tmp_path, monkeypatch):
    with index(FILES) as (address, asked):
        only_index(monkeypatch, address)
        for _ in range(2):
            places = fetch([LITERT], tmp_path)
        assert places[LITERT.file].read_bytes() == WHEELS[LITERT]
        assert len([path for path in asked if path.endswith(".whl")]) == 1
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [LITERT.file]


def test_a_kept_wheel_that_changed_is_downloaded_again(tmp_path, monkeypatch):
    keep(tmp_path, {CLICK: WHEELS[CLICK][:-1] + b"?"})
    with index(FILES) as (address, asked):
        only_index(monkeypatch, address)
        places = fetch([CLICK], tmp_path)
    assert asked
    assert places[CLICK.file].read_bytes() == WHEELS[CLICK]


def test_another_file_under_the_same_name_is_refused(tmp_path, monkeypatch):
    _, other = wheel("click", content=b"import os\n")
    with index({CLICK.file: other}) as (address, _):
        only_index(monkeypatch, address)
        with pytest.raises(NetworkError, match=r"click==1\.0") as refusal:
            fetch([CLICK], tmp_path)
    assert "HASHES" in refusal.value.message
    assert not list(tmp_path.rglob("*.whl"))


def test_a_wheel_that_the_index_has_for_other_systems_only_is_refused(tmp_path, monkeypatch):
    locked, data = wheel("onnxruntime", tag="cp311-cp311-manylinux_2_28_x86_64")
    with index({locked.file: data}) as (address, _):
        only_index(monkeypatch, address)
        with pytest.raises(
            NetworkError, match=r"onnxruntime==1\.0.*No matching distribution|satisfies"
        ):
            fetch([locked], tmp_path)


def test_without_a_network_the_missing_package_is_named_and_what_to_do(tmp_path, nowhere):
    keep(tmp_path, {CLICK: WHEELS[CLICK]})
    with pytest.raises(NetworkError, match=r"onnxruntime==1\.0.*cannot be reached") as refusal:
        fetch([CLICK, ONNXRUNTIME], tmp_path)
    assert "connect to the network once" in refusal.value.hint


def test_without_pip_the_extra_that_brings_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(pip_download, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError) as refusal:
        fetch([CLICK], tmp_path)
    assert "edgecls[bundle]" in refusal.value.hint
    keep(tmp_path, WHEELS)
    assert len(fetch(tuple(WHEELS), tmp_path)) == len(WHEELS)  # nothing to download


def test_the_cache_is_where_the_user_wants_caches(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "edgecls" / "wheels"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # to be ignored, says the XDG specification
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert default_cache() == tmp_path / "home" / ".cache" / "edgecls" / "wheels"


@pytest.mark.parametrize("name", ["bookworm32", "trixie64"])
def test_the_package_index_has_the_locked_file(tmp_path, name):
    target = TARGETS[name]
    python = target.pythons[0]
    smallest = min(
        (w for w in read_lock(target.lock(python)) if target.machine in w.file),
        key=lambda w: w.size_bytes,
    )
    try:
        places = fetch_wheels([smallest], target=target, python=python, cache=tmp_path)
    except NetworkError as error:
        if "cannot be reached" in error.message:
            pytest.skip("needs the package index, which cannot be reached")
        raise
    assert places[smallest.file].stat().st_size == smallest.size_bytes
    with pytest.raises(NetworkError):
        fetch_wheels(
            [replace(smallest, sha256="0" * 64)], target=target, python=python, cache=tmp_path
        )
