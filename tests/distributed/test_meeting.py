"""Processes meet over sockets on loopback: they agree, or every one of them says why not."""

import dataclasses
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import pytest
from edgecls_device.errors import DistributedError
from edgecls_device.records import to_json

from edgecls.distributed import listening
from edgecls.distributed.introduction import Introduction
from edgecls.distributed.meeting import meet
from edgecls.distributed.membership import Address, Membership
from edgecls.distributed.welcome import reachable

PATIENT_S = 60.0  # never reached; the machine may be busy


def introduction(rank, processes=2, **changes):
    said = Introduction(
        rank=rank,
        processes=processes,
        host=f"host{rank}",
        versions={"jax": "0.10.2", "python": "3.11"},
        settings={"--batch-size": "32"},
    )
    return dataclasses.replace(said, **changes)


def results(where, *introductions, timeout_s=PATIENT_S):
    """Let all of them meet; return of each its meeting or its error."""

    def one(said):
        membership = Membership(
            coordinator=where, processes=said.processes, rank=said.rank, timeout_s=timeout_s
        )
        try:
            return meet(membership, said)
        except DistributedError as error:
            return error

    with ThreadPoolExecutor(len(introductions)) as pool:
        return list(pool.map(one, introductions))


def messages(found):
    assert all(isinstance(one, DistributedError) and one.hint for one in found), found
    return [one.message for one in found]


def test_all_meet_and_know_each_other(where):
    found = results(where, introduction(0, 3), introduction(2, 3), introduction(1, 3))
    with ExitStack() as stack:
        for meeting in found:
            stack.callback(meeting.close)
        assert [meeting.hosts for meeting in found] == [("host0", "host1", "host2")] * 3
        assert {meeting.own_host for meeting in found} == {"127.0.0.1"}
        assert {str(m.jax_coordinator) for m in found} == {f"127.0.0.1:{where.port + 1}"}
        assert [sorted(meeting.wires) for meeting in found] == [[1, 2], [0], [0]]
        found[0].wires[2].send({"to": 2})
        assert next_message(found[1].wires[0]) == {"to": 2}
        assert found[2].wires[0].receive() == []


def next_message(wire):
    while not (received := wire.receive()):
        pass
    return received[0]


def test_missing_ranks_are_named_on_every_process_that_came(where, monkeypatch):
    take = listening._Door._take

    def take_the_last(door, wire, said):
        """Let the time be over soon after, however long it took to come."""
        take(door, wire, said)
        door._deadline = time.monotonic() + 0.1

    monkeypatch.setattr(listening._Door, "_take", take_the_last)
    first, other = messages(results(where, introduction(0, 4), introduction(2, 4)))
    assert f"4 processes at {where}, but ranks 1, 3 did not come within {PATIENT_S:g} s" in first
    assert other == first


def test_a_coordinator_that_does_not_answer_is_named(where):
    (message,) = messages(results(where, introduction(1), timeout_s=0.5))
    assert f"Expected rank 0 at {where}, but it did not answer within 0.5 s" in message


def test_a_host_that_nobody_knows_is_named():
    where = Address(host="no-such-host.invalid", port=7000)
    first, other = messages(results(where, introduction(0), introduction(1), timeout_s=0.5))
    assert "no-such-host.invalid:7000" in first
    assert "no-such-host.invalid:7000" in other


def test_two_of_the_same_rank_are_refused(where, monkeypatch):
    monkeypatch.setattr(listening, "_LINGER_S", PATIENT_S)
    said = (introduction(0, 3), introduction(1, 3), introduction(1, 3, host="other"))
    found = set(messages(results(where, *said)))
    assert len(found) == 1
    assert "two processes say that they are rank 1" in found.pop()


def test_other_versions_are_refused_with_the_difference(where, monkeypatch):
    monkeypatch.setattr(listening, "_LINGER_S", 0.5)
    newer = introduction(1, versions={"jax": "0.11.2", "keras": "3.15.0"})
    first, other = messages(results(where, introduction(0), newer))
    assert first == other
    assert (
        "rank 1 (host1) has other packages than rank 0 (host0): "
        "jax 0.11.2, keras 3.15.0, no python instead of jax 0.10.2, no keras, python 3.11."
    ) in first


def test_other_settings_are_refused_with_the_difference_on_every_process(where, monkeypatch):
    monkeypatch.setattr(listening, "_LINGER_S", PATIENT_S)
    wrong = introduction(1, 3, settings={"--batch-size": "16"})
    found = set(messages(results(where, introduction(0, 3), wrong, introduction(2, 3))))
    assert len(found) == 1
    assert (
        "other options than rank 0 (host0): --batch-size 16 instead of --batch-size 32"
        in found.pop()
    )


def test_another_number_of_processes_is_refused(where, monkeypatch):
    monkeypatch.setattr(listening, "_LINGER_S", 0.5)
    first, other = messages(results(where, introduction(0), introduction(2, 3)))
    assert first == other
    assert "rank 2 (host2) expects 3 processes, rank 0 2" in first


def test_a_port_that_is_taken_is_refused_at_once(where):
    for port in (where.port, where.port + 1):
        with socket.create_server(("127.0.0.1", port)):
            (message,) = messages(results(where, introduction(0)))
        assert "Address already in use" in message


def test_rank_0_on_another_machine_than_the_coordinator_is_told(where):
    elsewhere = Address(host="192.0.2.1", port=where.port)
    (error,) = results(elsewhere, introduction(0))
    assert "Cannot assign requested address" in error.message
    assert "--rank" in error.hint


def test_strangers_at_the_door_do_no_harm(where):
    """A web client, one that says nothing, one that says too much, and one that leaves."""

    def disturb():
        with ExitStack() as stack:
            for said in (
                b"GET / HTTP/1.1\r\n\r\n",
                b"",
                b"[]\n",
                b"{}\n",
                b'{"hello": 1}\n',
                b"x" * 2_000_000,
            ):
                client = stack.enter_context(knock(where))
                try:
                    client.sendall(said)
                except OSError:  # it was shut out before it had said all
                    assert len(said) > 1_000_000
            knock(where).close()
            all_are_here.set()
            done.wait(PATIENT_S)

    all_are_here, done = threading.Event(), threading.Event()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(results, where, introduction(0))
        disturbed = pool.submit(disturb)
        assert all_are_here.wait(PATIENT_S) or disturbed.result()
        (second,) = results(where, introduction(1))
        done.set()
        disturbed.result()
        (meeting,) = first.result()
    assert meeting.hosts == second.hosts == ("host0", "host1")
    meeting.close()
    second.close()


def knock(where):
    """Connect, once somebody listens there."""
    deadline = time.monotonic() + PATIENT_S
    while True:
        try:
            return socket.create_connection((where.host, where.port), timeout=PATIENT_S)
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, "nobody listens"
            time.sleep(0.01)


def test_what_is_no_coordinator_is_told_apart(where):
    def answer(server):
        connection, _ = server.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", where.port)) as server, ThreadPoolExecutor(1) as pool:
        answered = pool.submit(answer, server)
        (message,) = messages(results(where, introduction(1)))
        answered.result()
    assert "got no JSON" in message


def test_a_process_that_left_before_all_were_there_may_come_again(where):
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(results, where, introduction(0, 3))
        with knock(where) as early:
            early.sendall(hello(introduction(1, 3)))
        second = pool.submit(results, where, introduction(1, 3))
        (third,) = results(where, introduction(2, 3))
        found = (*first.result(), *second.result(), third)
    for meeting in found:
        assert meeting.hosts == ("host0", "host1", "host2")
        meeting.close()


@pytest.mark.parametrize("order", [("early", "again", "other"), ("early", "other", "again")])
@pytest.mark.parametrize("opened", [0, 2])
def test_who_left_and_came_again_is_one_process_however_late_rank_0_looks(where, order, opened):
    first = Membership(coordinator=where, processes=3, rank=0, timeout_s=PATIENT_S)
    ranks = {"early": 1, "again": 1, "other": 2}
    with ExitStack() as stack:
        door = stack.enter_context(closing(listening._Door(first, introduction(0, 3))))
        came = {name: stack.enter_context(knock(where)) for name in order}
        for _ in range(opened):
            door._open()
        for name, connection in came.items():
            connection.sendall(hello(introduction(ranks[name], 3, host=name)))
            if name == "early":
                connection.close()
        door.wait()
        welcome = door.welcome()
    for wire in welcome.wires.values():
        wire.close()
    assert welcome.hosts == ("host0", "again", "other")


def hello(said):
    return json.dumps({"hello": to_json(said, indent=None)}).encode() + b"\n"


def test_rank_0_is_found_where_its_own_name_is_a_loopback_address(where, monkeypatch):
    """As on Debian: at home a machine's name is 127.0.1.1, for the others it is another address."""
    look_up = socket.getaddrinfo

    def looked_up(host, *more, **options):
        return look_up("127.0.1.1" if host == "node1" else host, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    monkeypatch.setattr(socket, "gethostname", lambda: "node1.cluster")
    named = Address(host="node1", port=where.port)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(results, named, introduction(0))
        (second,) = results(where, introduction(1))
        (meeting,) = first.result()
    assert meeting.own_host == second.jax_coordinator.host == "127.0.0.1"
    meeting.close()
    second.close()


def test_rank_0_listens_at_the_first_address_of_a_name_that_is_its_own(where, monkeypatch):
    """As where a name has addresses of both kinds, and this machine one of them."""
    look_up, asked = socket.getaddrinfo, ("192.0.2.1", "127.0.0.1")

    def looked_up(host, *more, **options):
        hosts = asked if host == "rank0.cluster" else (host,)
        return [found for one in hosts for found in look_up(one, *more, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    named = Address(host="rank0.cluster", port=where.port)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(results, named, introduction(0))
        (second,) = results(where, introduction(1))
        (meeting,) = first.result()
    assert str(second.jax_coordinator) == f"127.0.0.1:{where.port + 1}"
    meeting.close()
    second.close()


def test_a_machine_listens_everywhere_only_where_its_name_says_no_address(where, monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "node1.cluster")
    node = Address(host="node1", port=where.port)

    def listens_at(name, *hosts):
        return [one[0] for one in listening._own_addresses(name, [(host, 1) for host in hosts])]

    assert listens_at(node, "127.0.1.1", "10.0.0.1") == ["10.0.0.1"]
    assert listens_at(node, "::1", "127.0.1.1") == ["::", "0.0.0.0"]
    assert listens_at(Address(host="localhost", port=1), "::1", "127.0.0.1") == ["::1", "127.0.0.1"]


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (["127.0.0.1"], "127.0.0.1"),
        (["127.0.1.1", "10.0.0.1", "10.0.0.2"], "10.0.0.1"),
        (["::1", "fe80::1%eth0"], "fe80::1%eth0"),
    ],
)
def test_an_address_that_others_reach_goes_before_one_of_this_machine_alone(addresses, expected):
    assert reachable(addresses) == expected
