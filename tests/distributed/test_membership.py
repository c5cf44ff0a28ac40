"""Who takes part: flags first, then what launchers set."""

import pytest
from edgecls_device.errors import OptionError

from edgecls.distributed.membership import find_membership
from edgecls.distributed.slurm import first_host

OURS = {
    "EDGECLS_COORDINATOR": "10.0.0.1:7000",
    "EDGECLS_PROCESSES": "4",
    "EDGECLS_RANK": "3",
}
TORCHRUN = {
    "MASTER_ADDR": "node-a",
    "MASTER_PORT": "29500",
    "WORLD_SIZE": "8",
    "RANK": "5",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "4",
}
SLURM = {
    "SLURM_JOB_ID": "8123",
    "SLURM_STEP_NUM_TASKS": "3",
    "SLURM_NTASKS": "6",
    "SLURM_PROCID": "2",
    "SLURM_STEP_NODELIST": "gpu[03-04,9]",
    "SLURM_JOB_NODELIST": "gpu[01-09]",
    "SLURM_STEP_TASKS_PER_NODE": "1(x3)",
    "SLURM_LOCALID": "0",
}


def place(variables, **options):
    found = find_membership(variables, **options)
    return (str(found.coordinator), found.processes, found.rank)


def test_nothing_given_is_a_group_of_one():
    assert find_membership({}) is None
    assert find_membership({}, processes=1, rank=0) is None
    assert find_membership({"WORLD_SIZE": "1", "RANK": "0"}) is None


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (OURS, ("10.0.0.1:7000", 4, 3)),
        (TORCHRUN, ("node-a:29500", 8, 5)),
        (TORCHRUN | {"TORCHELASTIC_USE_AGENT_STORE": "True"}, ("node-a:29501", 8, 5)),
        (SLURM, ("gpu03:12246", 3, 2)),
        (TORCHRUN | SLURM, ("node-a:29500", 8, 5)),
        (OURS | TORCHRUN | SLURM, ("10.0.0.1:7000", 4, 3)),
        (
            {
                "EDGECLS_COORDINATOR": "train-0.train:7000",
                "EDGECLS_PROCESSES": "2",
                "JOB_COMPLETION_INDEX": "1",
            },
            ("train-0.train:7000", 2, 1),
        ),
        (
            {"MASTER_ADDR": "fe80::1", "MASTER_PORT": "7000", "WORLD_SIZE": "2", "RANK": "0"},
            ("[fe80::1]:7000", 2, 0),
        ),
        ({"MASTER_ADDR": "node-a"} | SLURM, ("gpu03:12246", 3, 2)),
    ],
)
def test_the_environment_says_who_takes_part(variables, expected):
    assert place(variables) == expected


def test_an_option_goes_before_the_environment():
    options = {"coordinator": "host:1", "processes": 2, "rank": 0}
    assert place(OURS | SLURM, **options) == ("host:1", 2, 0)
    assert place(SLURM, coordinator="[::1]:7000") == ("[::1]:7000", 3, 2)


def test_processes_that_share_a_machine_know_their_place_on_it():
    assert find_membership(TORCHRUN).local_rank == 1
    assert find_membership(SLURM).local_rank is None
    shared = SLURM | {"SLURM_STEP_TASKS_PER_NODE": "4(x2)", "SLURM_LOCALID": "3"}
    assert find_membership(shared).local_rank == 3
    assert find_membership(shared | {"CUDA_VISIBLE_DEVICES": "0,1,2,3"}).local_rank == 3


def test_a_process_that_was_given_its_own_gpu_has_none_to_choose():
    assert find_membership(TORCHRUN | {"CUDA_VISIBLE_DEVICES": "1"}).local_rank is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rank": 1}, "got only --rank 1; --coordinator and --processes are missing"),
        ({"rank": 1, "processes": 2}, "--coordinator is missing"),
        ({"coordinator": "a:1", "processes": 2}, "--rank is missing"),
        ({"coordinator": "a:1", "processes": 2, "rank": 2}, "0..1 of 2 processes, got 2"),
        ({"coordinator": "a:1", "processes": 2, "rank": -1}, "0..1 of 2 processes, got -1"),
        ({"coordinator": "a:1", "processes": 1, "rank": 1}, "0..0 of 1 processes, got 1"),
        ({"coordinator": "a:1", "processes": 0, "rank": 0}, "--processes to be 1..512, got 0"),
        ({"coordinator": "a", "processes": 2, "rank": 0}, "HOST:PORT"),
        ({"coordinator": ":7", "processes": 2, "rank": 0}, "HOST:PORT"),
        ({"coordinator": "a:65535", "processes": 2, "rank": 0}, "1..65534"),
        ({"coordinator": "a:²", "processes": 2, "rank": 0}, "HOST:PORT"),
        ({"coordinator": "a:" + "7" * 5000, "processes": 2, "rank": 0}, "HOST:PORT"),
        ({"timeout_s": 0.0}, "--timeout"),
        ({"timeout_s": float("nan")}, "--timeout"),
    ],
)
def test_half_a_group_and_an_impossible_one_are_refused(options, said):
    with pytest.raises(OptionError, match=r"Expected .*") as caught:
        find_membership({}, **options)
    assert said in caught.value.message
    assert caught.value.hint


def test_an_indexed_job_without_its_other_half_says_what_to_set():
    with pytest.raises(OptionError) as caught:
        find_membership({"JOB_COMPLETION_INDEX": "1"})
    assert "EDGECLS_COORDINATOR EDGECLS_PROCESSES" in caught.value.hint


def test_a_number_that_is_none_is_refused():
    for said in ("one", "²"):
        with pytest.raises(OptionError, match=f"--rank to be a number, got '{said}'"):
            find_membership(OURS | {"EDGECLS_RANK": said})


def test_a_launcher_that_says_a_number_in_odd_digits_has_said_none():
    agent = {"TORCHELASTIC_USE_AGENT_STORE": "True"}
    with pytest.raises(OptionError, match=r"HOST:PORT with .*, got 'node-a:²'"):
        find_membership(TORCHRUN | agent | {"MASTER_PORT": "²"})
    assert find_membership(TORCHRUN | {"LOCAL_RANK": "²"}).local_rank is None
    with pytest.raises(OptionError, match="--coordinator is missing"):
        find_membership(SLURM | {"SLURM_JOB_ID": "²"})


@pytest.mark.parametrize(
    ("nodes", "host"),
    [
        ("node1", "node1"),
        ("node1,node2", "node1"),
        ("node[01-04,7]", "node01"),
        ("node[7,01-04],other", "node7"),
        ("rack[2-3]node[1-4]-ib", "rack2node1-ib"),
        ("a-b[10]", "a-b10"),
        ("gpu-[1-2].cluster,x", "gpu-1.cluster"),
    ],
)
def test_the_first_host_of_a_node_list(nodes, host):
    assert first_host(nodes) == host
