"""Bundles for another system than the one they come to."""

import pytest

from tests.arm.pi import HOME

pytestmark = [pytest.mark.arm, pytest.mark.timeout(3600)]

ANOTHER = [
    ("bookworm64", "bookworm32", "Expected the architecture armhf", "got arm64"),
    ("bookworm64", "trixie64", "Expected the system trixie", "got bookworm"),
    ("trixie64", "bookworm64", "Expected the system bookworm", "got trixie"),
    ("bookworm32", "bookworm64", "Expected the architecture arm64", "got armhf"),
]


@pytest.mark.parametrize(("bare", "target", "wanted", "got"), ANOTHER, indirect=["bare"])
def test_a_bundle_for_another_system_is_refused_before_anything_is_written(
    bare, bundle_of, tmp_path, target, wanted, got
):
    bundle = bundle_of(target)
    done = (
        bare.above(tmp_path)
        .with_files(bundle)
        .run("python3", f"{HOME}/{bundle.name}", "--no-service")
    )
    assert done.code == 17, done.printed
    assert wanted in done.errors
    assert got in done.errors
    assert "Traceback" not in done.errors
    assert not (tmp_path / "upper" / "opt").exists()


@pytest.mark.parametrize("bare", ["bookworm32"], indirect=True)
def test_without_opencv_from_apt_the_one_command_is_named(bare, bundle_of, tmp_path):
    bundle = bundle_of("bookworm32")
    known = (bare.below[-1] / "var/lib/dpkg/status").read_text(encoding="utf-8").split("\n\n")
    without = [one for one in known if not one.startswith("Package: python3-opencv\n")]
    assert len(without) == len(known) - 1
    pi = bare.above(tmp_path).with_files(bundle)
    pi.write("/var/lib/dpkg/status", "\n\n".join(without))
    done = pi.run("python3", f"{HOME}/{bundle.name}", "--no-service")
    assert done.code == 17, done.printed
    assert "hint: sudo apt install python3-opencv" in done.errors
