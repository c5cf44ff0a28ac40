"""What each target is, that its locked wheels fit it and are all there, and what is refused."""

import re

import pytest
from edgecls_device.backends.table import BACKENDS
from edgecls_device.errors import OptionError
from edgecls_export.bundles.locked import INSTALLER, read_lock, wheels_of
from edgecls_export.bundles.targets import (
    LOCKS,
    RUNTIME_PACKAGES,
    TARGETS,
    check_artifact,
    check_wish,
    find_target,
)
from packaging.tags import compatible_tags, cpython_tags
from packaging.utils import canonicalize_name, parse_wheel_filename

SYSTEMS = [
    pytest.param(target, python, id=f"{target.name}-{python}")
    for target in TARGETS.values()
    for python in target.pythons
]
WORKER_NEEDS = {"click", "rich", "aiohttp", "prometheus-client", "paho-mqtt"}
PIXELS = {"numpy", "opencv-python-headless"}


def tags_of(target, python):
    version = tuple(map(int, python.split(".")))
    platforms = [tag for tag in target.platforms() if tag.endswith(target.machine)]
    interpreter = f"cp{python.replace('.', '')}"
    yield from cpython_tags(version, platforms=platforms)
    yield from compatible_tags(version, interpreter=interpreter, platforms=platforms)


@pytest.mark.parametrize(("target", "python"), SYSTEMS)
def test_every_locked_wheel_fits_its_target(target, python):
    fitting = set(tags_of(target, python))
    wheels = read_lock(target.lock(python))
    assert [w.file for w in wheels if not parse_wheel_filename(w.file)[3] & fitting] == []
    assert [(canonicalize_name(w.name), w.version) for w in wheels] == [
        (parse_wheel_filename(w.file)[0], str(parse_wheel_filename(w.file)[1])) for w in wheels
    ]


@pytest.mark.parametrize(("target", "python"), SYSTEMS)
def test_the_lock_has_what_a_worker_needs_each_package_once(target, python):
    names = [wheel.name for wheel in read_lock(target.lock(python))]
    assert len(names) == len(set(names))
    runtimes = {RUNTIME_PACKAGES[backend] for backend in target.facts.backends}
    from_apt = PIXELS if target.facts.apt_packages else set()
    assert set(names) >= (WORKER_NEEDS | PIXELS | runtimes | {INSTALLER}) - from_apt
    assert not from_apt & set(names)
    assert ("tomli" in names) == (python == "3.10")


def test_a_wheel_of_another_system_does_not_fit_so_that_the_test_above_can_fail():
    fitting = set(tags_of(TARGETS["bookworm64"], "3.11"))
    for file in (
        "numpy-1.26.4-cp311-cp311-manylinux_2_17_x86_64.whl",
        "numpy-1.26.4-cp312-cp312-manylinux_2_17_aarch64.whl",
        "numpy-1.26.4-cp311-cp311-manylinux_2_38_aarch64.whl",
        "numpy-1.26.4-cp311-cp311-musllinux_1_2_aarch64.whl",
    ):
        assert not parse_wheel_filename(file)[3] & fitting


def test_numpy_suits_the_picamera2_of_apt():
    numpy = {
        name: next(w.version for w in read_lock(TARGETS[name].lock(python)) if w.name == "numpy")
        for name, python in (("bookworm64", "3.11"), ("trixie64", "3.13"))
    }
    assert numpy["bookworm64"].startswith("1.")
    assert numpy["trixie64"].startswith("2.2.")


def test_a_bundle_of_a_5_mb_model_in_both_formats_stays_within_its_size():
    limits = {"bookworm64": 90e6, "trixie64": 90e6, "linux-aarch64": 90e6, "bookworm32": 40e6}
    for name, limit in limits.items():
        target = TARGETS[name]
        wheels = sum(wheel.size_bytes for wheel in read_lock(target.lock(target.pythons[0])))
        assert wheels + 7.8e6 + 3.5e6 < limit, name  # and our own wheel, photos, texts


def test_every_lock_belongs_to_a_target_and_every_pin_says_why():
    assert {path.name for path in LOCKS.glob("*.txt") if "excludes" not in path.name} == {
        target.lock(python).name for target in TARGETS.values() for python in target.pythons
    }
    for path in [*LOCKS.glob("*.in"), *LOCKS.glob("*excludes.txt")]:
        for line in path.read_text().splitlines():
            assert line.startswith(("#", "-r ")) or re.search(r"\s# \w.{8,}", line), line


def test_backends_of_targets_are_backends_of_the_device():
    for target in TARGETS.values():
        for backend in target.facts.backends:
            assert backend in target.backends_of(BACKENDS[backend].format)


def test_a_narrowed_target_needs_fewer_wheels():
    target = TARGETS["bookworm64"].narrowed(["litert"])
    assert target.formats == ("tflite",)
    left_out = {w.name for w in read_lock(target.lock("3.11"))} - {
        w.name for w in wheels_of(target, "3.11")
    }
    assert left_out == {"onnxruntime"}


def test_platforms_are_the_glibc_of_the_system_and_older_ones_with_their_old_names():
    platforms = TARGETS["linux-x86_64"].platforms()
    assert platforms[0] == "manylinux_2_28_x86_64"
    assert {"manylinux2014_x86_64", "manylinux1_x86_64", "manylinux_2_5_x86_64"} <= set(platforms)
    assert TARGETS["bookworm32"].platforms()[-1] == "manylinux2014_armv7l"


def test_the_default_python_is_taken_if_none_is_wished():
    assert check_wish(TARGETS["trixie64"]) == "3.13"
    assert check_wish(TARGETS["linux-x86_64"], python="3.10") == "3.10"


def test_a_python_that_the_target_lacks_is_refused_with_the_targets_that_have_it():
    with pytest.raises(OptionError, match=r"3\.11; got '3\.13'") as refusal:
        check_wish(TARGETS["bookworm64"], python="3.13")
    assert "trixie64" in refusal.value.hint
    with pytest.raises(OptionError) as refusal:
        check_wish(TARGETS["linux-x86_64"], python="2.7")
    assert "no target has 2.7" in refusal.value.hint


def test_onnxruntime_on_32_bits_is_refused_with_what_is_possible():
    with pytest.raises(OptionError, match="tflite-runtime; got 'onnxruntime'") as refusal:
        check_wish(TARGETS["bookworm32"], backends=["onnxruntime"])
    assert "bookworm64" in refusal.value.hint
    with pytest.raises(OptionError, match=r"Expected a \.tflite file .* got 'pets.int8.onnx'"):
        check_artifact(TARGETS["bookworm32"], "pets.int8.onnx", "onnx")
    check_artifact(TARGETS["bookworm64"], "pets.int8.onnx", "onnx")


def test_a_mistyped_target_is_told_the_nearest():
    with pytest.raises(OptionError) as refusal:
        find_target("bookwrm64")
    assert "bookworm64" in refusal.value.hint
