"""A tiny run, whose models need both runtimes."""

import pytest

from tests.bundling.tiny_run import write_run


@pytest.fixture
def run(tmp_path):
    pytest.importorskip("ai_edge_litert")
    pytest.importorskip("onnxruntime")
    return write_run(tmp_path)
