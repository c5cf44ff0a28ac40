"""A tiny Keras model, built and frozen once for all tests of this room."""

import pytest

from tests.export.tiny import build_model


@pytest.fixture(scope="session")
def tiny_model():
    pytest.importorskip("tensorflow")
    return build_model()


@pytest.fixture(scope="session")
def frozen(tiny_model):
    from edgecls_export import freeze

    return freeze(tiny_model)
