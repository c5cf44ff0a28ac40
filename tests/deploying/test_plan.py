"""What is to be done on a device follows from what it says of itself."""

import shlex

import pytest
from edgecls_device.bundles.manifest import TargetFacts
from edgecls_device.errors import DeploymentError

from edgecls.deploying.plan import facts_of, plan_for

ANSWER = """
architecture=arm64
codename=bookworm
system=Debian GNU/Linux 12 (bookworm)
python=3.11
user=1000
sudo=yes
free=2000000
home=/home/pi
"""


class FakeManifest:
    target = TargetFacts(
        name="bookworm64",
        title="Raspberry Pi OS",
        architecture="arm64",
        python="3.11",
        glibc="2.36",
        codename="bookworm",
        backends=("litert",),
        apt_packages=(),
    )


def plan(answer=ANSWER, *, is_installed=False, **options):
    facts = facts_of(answer, is_installed=is_installed, is_copied=False)
    return plan_for(
        facts,
        FakeManifest,
        size_bytes=90_000_000,
        root="/opt/edgecls/pets",
        copy_to="/home/pi/a bundle.edgecls",
        **options,
    )


def test_a_first_bundle_is_run_and_a_later_one_is_given_to_the_one_that_was_confirmed():
    assert shlex.split(plan().command) == [
        *["sudo", "-n", "python3", "/home/pi/a bundle.edgecls"],
        *["--root", "/opt/edgecls/pets", "--json"],
    ]
    words = shlex.split(plan(is_installed=True).command)
    assert words[2:6] == [
        *["/opt/edgecls/pets/confirmed/environment/bin/python", "-m", "edgecls", "update"]
    ]


def test_a_password_goes_to_sudo_and_never_into_the_command():
    command = plan(ANSWER.replace("sudo=yes", "sudo="), asks_password=True).command
    assert shlex.split(command)[:4] == ["sudo", "-S", "-p", ""]


def test_root_needs_no_sudo():
    assert plan(ANSWER.replace("user=1000", "user=0")).command.startswith("python3 ")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("arm64", "armhf", "Expected architecture arm64"),
        ("codename=bookworm", "codename=trixie", "Expected system bookworm"),
        ("python=3.11", "python=", "Expected Python 3.11, as the bundle is made for, got none"),
        ("free=2000000", "free=400000", "MB free in /home/pi"),
        ("sudo=yes", "sudo=", "may use sudo"),
    ],
)
def test_a_device_that_does_not_fit_is_refused_with_the_reason(old, new, words):
    with pytest.raises(DeploymentError, match=words):
        plan(ANSWER.replace(old, new))
