"""Fixtures of the web server; without the extra web there is nothing to test."""

from importlib.util import find_spec

import pytest

if find_spec("aiohttp") is None or find_spec("prometheus_client") is None:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture
def run():
    """A running server that classifies photos."""
    from tests.device.web.serving import open_tiny, running

    with running(open_classifier=open_tiny) as run:
        yield run


@pytest.fixture
def guarded():
    """A server with a token."""
    from tests.device.web.serving import TOKEN, running

    with running(token=TOKEN) as run:
        yield run
