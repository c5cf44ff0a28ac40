"""Fixtures for every room."""

import os
import signal
from pathlib import Path

import pytest

os.environ.pop(
    "COLUMNS", None
)  # a test runner with several processes sets it, and tables get narrow

# A shell starts what it runs in the background with Ctrl-C ignored, and so would be all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED = Path(__file__).resolve().parents[2] / "shared"


def shared(*parts: str) -> Path:
    """Return a file beside this checkout, or skip the test."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs {parts[-1]}, which is not in a folder 'shared' beside this checkout")
    return path


@pytest.fixture(scope="session")
def foreign_model() -> Path:
    """A quantized MobileNet that was not made by edgecls."""
    return shared("models", "mobilenet_v1_0.25_128_quant.tflite")


@pytest.fixture(scope="session")
def parrot() -> Path:
    """A photo of a macaw."""
    return shared("models", "parrot.jpg")


@pytest.fixture(scope="session")
def cats_dogs() -> Path:
    """2000 real photos in two class folders."""
    return shared("data", "cats_dogs")
