"""Two processes on JAX give each other arrays, bit for bit: on one machine, and as on two."""

import json
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import numpy as np
import pytest

from tests.distributed.ports import free_address

pytest.importorskip("jax")

MEMBER = Path(__file__).resolve().parents[1] / "_apps" / "jax_member.py"
PATIENT_S = 300.0


def members(hosts, coordinator, prefixes=((), ())):
    """Run two processes and return what each got."""
    processes = [
        subprocess.Popen(
            [*prefix, sys.executable, str(MEMBER), str(rank), host, str(coordinator)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank, (host, prefix) in enumerate(zip(hosts, prefixes, strict=True))
    ]
    try:
        said = [process.communicate(timeout=PATIENT_S) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert [process.returncode for process in processes] == [0, 0], said
    return [json.loads(out.splitlines()[-1]) for out, _ in said]


@pytest.fixture(scope="module")
def results():
    return members(["127.0.0.1"] * 2, free_address())


def array_of(seen):
    kind, shape, data = seen
    return np.frombuffer(bytes.fromhex(data), kind).reshape(shape)


def test_each_knows_its_place(results):
    assert [one["rank"] for one in results] == [0, 1]
    assert [one["share"] for one in results] == [[0, 1], [2, 3]]
    assert {one["size"] for one in results} == {2}
    assert results[0]["devices"] == results[1]["devices"] == 2 * devices_here()


def devices_here():
    import jax

    return jax.local_device_count()


def test_arrays_of_other_lengths_are_gathered_bit_for_bit(results):
    for one in results:
        for rank, seen in enumerate(one["gathered"]):
            expected = np.random.default_rng(rank).normal(size=(3 + rank, 2))
            np.testing.assert_array_equal(array_of(seen), expected, strict=True)
        assert [array_of(seen).shape for seen in one["empty"]] == [(0, 4)] * 2


def test_what_is_larger_than_a_message_arrives_whole(results):
    for one in results:
        assert one["large"] == [[5_000_000, 0.0, 0.0], [5_000_001, 1.0, 1.0]]


def test_texts_are_gathered(results):
    assert [one["texts"] for one in results] == [["", "größer"]] * 2


def test_the_arrays_of_the_first_reach_all_with_64_bits(results):
    for one in results:
        number, fraction, empty, flags = map(array_of, one["broadcast"])
        assert number.tolist() == [2**40 + 1]
        assert fraction.dtype == np.float64
        assert fraction == 0.1
        assert empty.shape == (0, 3)
        assert flags.tolist() == [True, False]


@pytest.fixture
def machines():
    """Two network namespaces that reach each other, as two machines: commands to run in each, and addresses."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        pytest.skip("needs root and iproute2, to make two machines of one")
    name = f"e{uuid.uuid4().hex[:8]}"
    spaces, hosts = (f"{name}a", f"{name}b"), ("10.77.0.1", "10.77.0.2")
    made = []
    try:
        for space in spaces:
            if not can(["ip", "netns", "add", space]):
                pytest.skip("this kernel or container lets nobody make a network namespace")
            made.append(space)
            ip(f"-n {space} link set lo up")
        ip(f"link add {name}a netns {name}a type veth peer {name}b netns {name}b")
        for space, host in zip(spaces, hosts, strict=True):
            ip(f"-n {space} address add {host}/24 dev {space}")
            ip(f"-n {space} link set {space} up")
        yield [("ip", "netns", "exec", space) for space in spaces], hosts
    finally:
        for space in made:
            ip(f"netns delete {space}")


def can(command):
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def ip(words):
    subprocess.run(["ip", *words.split()], check=True, capture_output=True)


def test_two_machines_whose_own_names_are_loopback_reach_each_other(machines):
    prefixes, hosts = machines
    for one in members(hosts, f"{hosts[0]}:7000", prefixes):
        assert one["texts"] == ["", "größer"]


def test_a_jax_without_a_way_to_say_where_it_listens_is_told_apart(monkeypatch):
    from edgecls_device.errors import DistributedError

    from edgecls.distributed import jax_group

    monkeypatch.setattr(jax_group, "_GLOO", ("jaxlib", "no_such_function"))
    monkeypatch.setattr(jax_group.socket, "gethostname", lambda: "localhost")
    jax_group._listen_at("127.0.0.1")
    with pytest.raises(DistributedError, match=r"localhost, to resolve to 10\.0\.0\.1") as caught:
        jax_group._listen_at("10.0.0.1")
    assert "'10.0.0.1 localhost' into /etc/hosts" in caught.value.hint


def test_processes_with_other_devices_are_refused(monkeypatch):
    from types import SimpleNamespace

    from edgecls_device.errors import DistributedError

    from edgecls.distributed import jax_group

    found = [SimpleNamespace(process_index=i, platform="gpu") for i in (0, 0, 1)]
    monkeypatch.setattr(jax_group.jax, "devices", lambda: found)
    with pytest.raises(DistributedError, match=r"rank 0 \(a\) 2 gpu, rank 1 \(b\) 1 gpu"):
        jax_group.JaxGroup(0, 2).check_devices(("a", "b"))


def test_sharing_what_cannot_be_shared_equally_is_refused():
    from edgecls.distributed.jax_group import JaxGroup

    with pytest.raises(ValueError, match="multiple of 2"):
        JaxGroup(0, 2).share(3)
