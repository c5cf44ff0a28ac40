import os

from edgecls_bench.machine import describe_machine


def test_the_machine_describes_itself():
    machine = describe_machine()
    assert machine.model
    assert machine.cores == len(os.sched_getaffinity(0))
    assert machine.memory_bytes > 100_000_000
    assert machine.packages["numpy"]
