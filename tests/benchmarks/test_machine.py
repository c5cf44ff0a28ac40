import os
import subprocess
import sys

from edgecls_bench.machine import describe_machine


def test_the_machine_describes_itself():
    machine = describe_machine()
    assert machine.model
    assert machine.cores == len(os.sched_getaffinity(0))
    assert machine.memory_bytes > 100_000_000
    assert machine.packages["numpy"]


def test_it_says_how_many_cores_others_keep_busy():
    spinning = [sys.executable, "-c", "while True: pass"]
    quiet = describe_machine().busy_cores
    with subprocess.Popen(spinning) as process:
        try:
            busy = max(describe_machine().busy_cores for _ in range(5))
        finally:
            process.kill()
    assert 0 <= quiet <= os.cpu_count()
    assert busy >= 0.5
