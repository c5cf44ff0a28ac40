"""Deployments go to real SSH servers."""

from tests.ssh_server import sshd

__all__ = ["sshd"]
