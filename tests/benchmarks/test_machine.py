import os
import subprocess
import sys

import pytest
from edgecls_bench.emulation import emulator, is_virtual
from edgecls_bench.machine import describe_machine
from edgecls_bench.processors import clock_range_mhz, cores_in_order, physical_cores

from tests.benchmarks.fake_machines import FakeMachine, described

X86 = "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC\n"
ARM = "processor\t: 0\nCPU implementer\t: 0x41\nModel\t\t: Raspberry Pi 4 Model B\n"


def test_the_machine_describes_itself():
    machine = describe_machine()
    assert machine.model
    assert machine.cores == len(os.sched_getaffinity(0))
    assert machine.memory_bytes > 100_000_000
    assert machine.packages["numpy"]
    assert sorted(machine.cores_in_order) == sorted(os.sched_getaffinity(0))
    assert machine.identity == describe_machine(samples_load=False).identity
    assert not machine.is_emulated


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


@pytest.fixture
def machine(tmp_path):
    return FakeMachine(tmp_path / "machine", cores=4)


def pairs(machine, *siblings):
    for core, told in enumerate(siblings):
        machine.write_core(core, topology__thread_siblings_list=told)


def test_each_physical_core_is_used_before_the_second_thread_of_any(machine):
    pairs(machine, "0,2", "1,3", "0,2", "1,3")
    assert cores_in_order(range(4), machine.root) == (0, 1, 2, 3)
    pairs(machine, "0-1", "0-1", "2-3", "2-3")
    assert cores_in_order(range(4), machine.root) == (0, 2, 1, 3)
    assert physical_cores(range(4), machine.root) == 2
    assert physical_cores((0, 1), machine.root) == 1


def test_large_cores_are_used_before_small_ones(machine):
    for core, capacity in enumerate((400, 400, 1024, 1024)):
        machine.write_core(core, cpu_capacity=capacity)
    assert cores_in_order(range(4), machine.root) == (2, 3, 0, 1)


def test_fast_cores_are_used_first_where_the_kernel_does_not_rate_them(machine):
    for core, khz in enumerate((1_800_000, 1_800_000, 2_400_000, 1_800_000)):
        machine.write_core(core, cpufreq__cpuinfo_max_freq=khz, cpufreq__cpuinfo_min_freq=600_000)
    assert cores_in_order(range(4), machine.root) == (2, 0, 1, 3)
    assert clock_range_mhz(range(4), machine.root) == (600, 2400)


def test_cores_of_which_nothing_is_known_are_used_in_their_order(machine):
    assert cores_in_order((3, 1, 0), machine.root) == (0, 1, 3)
    assert physical_cores(range(4), machine.root) == 0
    assert clock_range_mhz(range(4), machine.root) == ()


def test_a_board_is_named_by_its_device_tree(machine):
    machine.write("proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0")
    machine.write("proc/cpuinfo", ARM)
    machine.write_core(0, cpufreq__scaling_governor="ondemand")
    found = describe_machine(root=machine.root, samples_load=False)
    assert (found.model, found.governor) == ("Raspberry Pi 5 Model B Rev 1.0", "ondemand")


@pytest.mark.parametrize(
    ("architecture", "cpuinfo", "expected"),
    [
        ("x86_64", X86, ""),
        ("aarch64", ARM, ""),
        ("aarch64", X86, "qemu"),
        ("armv7l", X86, "qemu"),
        ("x86_64", ARM, "qemu"),
        ("x86_64", X86.replace("AMD EPYC", "QEMU TCG CPU version 2.5+"), "qemu"),
        ("x86_64", X86.replace("AMD EPYC", "QEMU Virtual CPU version 2.5+"), ""),
        ("riscv64", "isa\t: rv64imafdc\n", ""),
    ],
)
def test_a_processor_of_another_architecture_is_an_emulated_one(
    machine, monkeypatch, architecture, cpuinfo, expected
):
    monkeypatch.setattr("platform.machine", lambda: architecture)
    machine.write("proc/cpuinfo", cpuinfo)
    assert emulator(machine.root) == expected


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("usr/bin/qemu-aarch64-static", "qemu"),
        ("usr/bin/qemu-arm", "qemu"),
        ("run/rosetta/rosetta", "rosetta"),
        ("usr/bin/python3.11", ""),
    ],
)
def test_the_program_that_the_kernel_runs_tells_an_emulator(machine, program, expected):
    link = machine.root / f"proc/self/task/{os.getpid()}/exe"
    link.parent.mkdir(parents=True)
    link.symlink_to(f"/{program}")
    assert emulator(machine.root) == expected
    assert describe_machine(root=machine.root, samples_load=False).is_emulated == bool(expected)


@pytest.mark.parametrize(
    ("board", "ticks", "expected"),
    [
        ("linux,dummy-virt\0", "125.00", "qemu"),
        ("linux,dummy-virt\0", "243.75", ""),
        ("marvell,armada8040\0", "125.00", ""),
    ],
)
def test_an_imitated_arm_machine_is_told_by_its_timer(machine, monkeypatch, board, ticks, expected):
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    machine.write("proc/device-tree/compatible", board)
    machine.write("proc/cpuinfo", f"processor\t: 0\nBogoMIPS\t: {ticks}\n{ARM}")
    assert emulator(machine.root) == expected


def test_a_guest_of_a_hypervisor_is_told(machine):
    assert not is_virtual(machine.root)
    machine.write("proc/cpuinfo", f"{X86}flags\t: fpu vme hypervisor lahf_lm\n")
    assert is_virtual(machine.root)
    machine.write("proc/cpuinfo", ARM)
    assert not is_virtual(machine.root)
    machine.write("proc/device-tree/compatible", "linux,dummy-virt\0")
    assert is_virtual(machine.root)


@pytest.mark.parametrize(
    "change",
    [
        {"model": "Raspberry Pi 4 Model B Rev 1.4"},
        {"architecture": "armv7l"},
        {"cores": 2},
        {"memory_bytes": 4_000_000_000},
        {"governor": "performance"},
        {"clock_mhz": (1500, 3000)},
        {"is_virtual": True},
        {"emulator": "qemu"},
    ],
)
def test_what_decides_about_speed_makes_another_machine(change):
    one, other = described(), described(**change)
    assert one.identity != other.identity
    different = [name for name in one.parts if one.parts[name] != other.parts[name]]
    assert len(different) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"packages": {"onnxruntime": "1.33.0"}},
        {"system": "Linux 6.18.1"},
        {"python": "3.13.1"},
        {"memory_bytes": 8_254_000_000},
        {"busy_cores": 0.4},
        {"clock_mhz": (600, 2400)},
    ],
)
def test_software_and_load_do_not_make_another_machine(change):
    assert described().identity == described(**change).identity


def test_a_machine_can_be_told_in_words_and_in_a_file_name():
    machine = described()
    assert machine.identity == (
        "model Raspberry Pi 5 Model B Rev 1.0; architecture aarch64; cores 4; memory 8 GB; "
        "governor ondemand; highest clock 2400 MHz; hypervisor no"
    )
    assert machine.slug == "raspberry-pi-5-model-b-rev-1-0-aarch64"
    assert described(emulator="qemu").slug == f"{machine.slug}-qemu"
    assert described(model="12th Gen Intel(R) Core(TM) i7-1260P" * 3).slug.startswith(
        "12th-gen-intel-r-core-tm-i7-1260p"
    )
    assert len(described(model="x" * 500).slug) <= 48
    assert described(model="///", architecture="").slug == "machine"


def test_the_software_of_a_machine_is_told_apart():
    machine = described(packages={"onnxruntime": "1.32.0"})
    assert machine.software == {
        "system": "Linux 6.12.47",
        "python": "3.11.2",
        "onnxruntime": "1.32.0",
    }
