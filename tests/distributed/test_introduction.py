"""What a process says of itself before a training."""

import dataclasses
import platform

import pytest

from edgecls.distributed import introduction
from edgecls.distributed.introduction import contradictions, introduce


@pytest.fixture
def first(monkeypatch):
    monkeypatch.setattr(introduction, "installed_versions", lambda names: dict.fromkeys(names, "1"))
    return introduce(0, 2, {"--batch-size": "32"})


def test_processes_on_one_machine_do_not_contradict_each_other(first):
    assert first.processor == platform.machine()
    assert contradictions(first, dataclasses.replace(first, rank=1)) == []


def test_another_processor_is_a_contradiction(first):
    other = dataclasses.replace(first, rank=1, host="pi", processor="other64")
    assert contradictions(first, other) == [
        f"rank 1 (pi) has another processor than {first.name}: "
        f"processor other64 instead of processor {platform.machine()}."
    ]
