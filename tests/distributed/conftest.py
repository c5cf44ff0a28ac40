"""Fixtures for groups of processes on loopback."""

import pytest

from tests.distributed.ports import free_address


@pytest.fixture
def where():
    """Where rank 0 may listen."""
    return free_address()
