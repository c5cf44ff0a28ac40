"""Fixtures for every room."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def foreign_model() -> Path:
    """A quantized MobileNet that was not made by edgecls."""
    path = SHARED / "models" / "mobilenet_v1_0.25_128_quant.tflite"
    if not path.exists():
        pytest.skip(f"needs the shared model {path.name}, which is not beside this checkout")
    return path


@pytest.fixture(scope="session")
def parrot() -> Path:
    """A photo of a macaw."""
    path = SHARED / "models" / "parrot.jpg"
    if not path.exists():
        pytest.skip(f"needs the shared photo {path.name}, which is not beside this checkout")
    return path


@pytest.fixture(scope="session")
def cats_dogs() -> Path:
    """2000 real photos in two class folders."""
    path = SHARED / "data" / "cats_dogs"
    if not path.exists():
        pytest.skip("needs the shared photos cats_dogs, which are not beside this checkout")
    return path
