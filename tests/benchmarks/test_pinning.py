"""Which cores a process is held to."""

import os

import pytest
from edgecls_bench.children import run_module
from edgecls_bench.pinning import cores_for, disjoint_cores
from edgecls_bench.processors import usable_cores

from tests.benchmarks.fake_machines import described

HYPERTHREADED = described(cores=4, cores_in_order=(0, 2, 1, 3))

needs_affinity = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="processes cannot be held to cores here"
)


@needs_affinity
@pytest.mark.parametrize(("threads", "cores"), [(1, (0,)), (2, (0, 2)), (8, (0, 2, 1, 3))])
def test_physical_cores_come_first(threads, cores):
    assert cores_for(HYPERTHREADED, threads) == cores


@needs_affinity
def test_workers_share_no_core():
    assert disjoint_cores(HYPERTHREADED, 2, 2) == ((0, 2), (1, 3))
    assert disjoint_cores(HYPERTHREADED, 8, 1) == ((),)


def test_where_processes_cannot_be_held_they_use_all(monkeypatch):
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    assert cores_for(HYPERTHREADED, 2) == ()
    assert disjoint_cores(HYPERTHREADED, 1, 2) == ((), ())


@needs_affinity
def test_a_child_is_held_to_its_cores_before_it_imports_anything(tmp_path, monkeypatch):
    code = "import os\nCORES = os.sched_getaffinity(0)\ndef main(arguments):\n    print(CORES)\n"
    (tmp_path / "tells_its_cores.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    core = usable_cores()[-1]
    (line,) = run_module("tells_its_cores", [], silence_s=60, cores=(core,))
    assert line.text == str({core})
