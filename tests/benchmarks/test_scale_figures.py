"""The scripts of figures at scale: their arithmetic, what they read of processes, and the page they write."""

import ast
import io
import json
import os
import subprocess
import sys
import time
import zipfile
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from edgecls_bench.machine import describe_machine
from edgecls_device.errors import BenchmarkError, DataError
from edgecls_device.records import from_json, to_json

SCALE = Path(__file__).resolve().parents[2] / "benchmarks" / "scale"
COMMANDS = [
    "workers",
    "bare_loop",
    "ray_beside_local",
    "growth",
    "worker_kills",
    "distributed_training",
    "launch_group",
    "cost",
    "scale_page",
    "everything",
]
MACHINE = describe_machine(samples_load=False)


@pytest.fixture
def load(monkeypatch):
    """Return a function that loads a module of benchmarks/scale, which are no package."""
    folders = (SCALE.parent / "figures", SCALE)
    for folder in folders:
        monkeypatch.syspath_prepend(str(folder))
    before = dict(sys.modules)
    for path in (path for folder in folders for path in folder.glob("*.py")):
        sys.modules.pop(path.stem, None)  # other tests load them in their own way
    yield import_module
    for name, module in list(sys.modules.items()):
        if Path(getattr(module, "__file__", None) or "").parent in folders:
            del sys.modules[name]
    sys.modules.update(before)


def ran(load, seconds, **parts):
    values = {"processor_s": 2 * seconds, "driver_bytes": 100_000_000, **parts}
    return load("processes").Ran(seconds=seconds, **values)


def test_start_up_and_the_cost_of_a_photo_are_told_apart(load):
    line = load("arithmetic").line_through((1000, 3.0), (5000, 7.0))
    assert (line.photo_s, line.start_s, line.rate) == pytest.approx((0.001, 2.0, 1000.0))


@pytest.mark.parametrize("many", [(1000, 9.0), (5000, 3.0)])
def test_photos_that_take_no_time_are_not_divided_by(load, many):
    with pytest.raises(BenchmarkError, match="Expected more photos to take longer"):
        load("arithmetic").line_through((1000, 3.0), many)


@pytest.mark.parametrize(("several_s", "share"), [(5.0, 100), (10.0, 50), (6.25, 80)])
def test_a_share_is_that_of_a_linear_gain(load, several_s, share):
    assert load("arithmetic").linear_share(10.0, several_s, 2) == pytest.approx(share)


def test_a_million_photos_are_told_in_hours_of_one_core(load):
    arithmetic = load("arithmetic")
    assert arithmetic.core_hours_per_million(0.0018, 2) == pytest.approx(1.0)
    cost = load("cost").Cost(what="x", core_hours=1.0)
    assert (cost.rate, cost.price(0.05)) == pytest.approx((1000 / 3.6, 0.05))


def test_rounds_are_told_by_their_median_and_ends(load):
    arithmetic = load("arithmetic")
    middle = arithmetic.middle_of([3.0, 1.0, 2.0])
    assert (middle.value, middle.note) == (2.0, "3 rounds, 1 to 3")
    assert arithmetic.middle_of([1.0]).note == ""
    with pytest.raises(ValueError, match="got none"):
        arithmetic.middle_of([])


def test_a_run_that_grows_slower_shows_in_its_last_tenth(load):
    moments = [5.0, 5.0] + [5.0 + i for i in range(1, 91)] + [95.0 + 2 * i for i in range(1, 9)]
    first, last = load("arithmetic").tenths(moments, 2)
    assert first == 10
    assert last > first
    assert load("arithmetic").tenths(moments[:99], 2) is None


def test_two_workers_are_held_to_ninety_percent_of_linear(load):
    workers = load("workers")
    inputs = load("inputs")
    few, many = (inputs.Shards(path=Path(), photos=count) for count in (1000, 5000))
    seconds = {workers.ONE: (3, 11), workers.ALL: (2, 7), workers.BARE_ONE: (2, 6)}
    pairs = {
        name: [tuple(ran(load, s) for s in ones)]
        for name, ones in {**seconds, workers.BARE_ALL: (1, 3)}.items()
    }
    sizes = inputs.Sizes(few=few, many=many)
    rows = {row.what: row for row in workers.rows_of("small", pairs, sizes, 2)}
    share = rows["small: 2 workers of linear, after start-up"]
    assert (share.value, share.verdict) == (pytest.approx(80), "no")
    assert rows["small: 2 bare processes of linear"].value == pytest.approx(100)
    assert rows["small: compare, 1 worker, speed of the bare loop's"].value == pytest.approx(50)
    assert rows["small: compare, 1 worker"].value == pytest.approx(500)
    assert rows["small, 2 workers: a million photos"].unit == "core-hours"


def test_ray_may_be_fifteen_percent_slower(load):
    ray, inputs = load("ray_beside_local"), load("inputs")
    sizes = inputs.Sizes(
        few=inputs.Shards(path=Path(), photos=1000), many=inputs.Shards(path=Path(), photos=3000)
    )
    pairs = {
        "local": [(ran(load, 1), ran(load, 3))],
        "ray": [(ran(load, 11, worker_bytes=[1, 2_000_000]), ran(load, 13.2))],
    }
    rows = {row.what: row for row in ray.rows_of("small", pairs, sizes, 2)}
    slower = rows["small: time of a photo on Ray, of local's, after start-up"]
    assert (slower.value, slower.verdict) == (pytest.approx(110), "yes")
    assert rows["small: ray, start-up"].value == pytest.approx(9.9)


def told(steady_s, tenths=None):
    return json.dumps({"steady_s": steady_s, "tenths": tenths})


def test_the_time_from_part_to_part_is_that_of_all_workers_at_work(load):
    moments = [1.0, 1.5, 3.0, 3.0] + [3.0 + i / 4 for i in range(1, 17)]
    assert load("arithmetic").steady_s(moments, 2) == pytest.approx(0.25)
    assert load("arithmetic").steady_s(moments[:12], 2) is None
    growth = load("growth")
    ones = [ran(load, 5, output=told(s)) for s in (0.1, 0.3, 0.2)]
    assert growth.steady_us(ones) == pytest.approx(0.2 * 1e6 / growth.PER_SHARD)
    assert growth.steady_us([*ones, ran(load, 5, output=told(None))]) is None


def test_growth_is_told_between_ten_thousand_photos_and_the_most(load):
    growth = load("growth")
    seconds = {1000: 2.0, 10_000: 11.0, 100_000: 101.0, 1_000_000: 1101.0}
    found = {
        size: [ran(load, s, worker_bytes=[90_000_000], output=told(0.1))]
        for size, s in seconds.items()
    }
    rows = {row.what: row for row in growth.rows_of(found, 2, "local")}
    after = rows["time of a photo after start-up at 1000000, of that at 10000"]
    assert (after.value, after.verdict) == (pytest.approx(110.01, abs=0.01), "no")
    whole = rows["time of a photo, start-up in it, at 1000000, of that at 10000"]
    assert (whole.value, whole.verdict) == (pytest.approx(100.09, abs=0.01), "yes")
    assert rows["peak memory of the largest worker at 1000000, of that at 10000"].value == 100


def test_small_numbers_are_measured_before_and_after_the_large_ones(load):
    order = load("growth").order_of((1000, 10_000, 100_000), 3)
    assert order == [
        (1000, 1),
        (10_000, 1),
        (1000, 2),
        (10_000, 2),
        (100_000, 1),
        (1000, 3),
        (10_000, 3),
    ]


def test_a_disturbed_command_is_counted_with_its_reason(load):
    runs = [ran(load, 1), ran(load, 1, disturbance="other programs kept 1.2 of 2 cores busy")]
    row = load("sides").disturbed_row(runs)
    assert (row.value, row.verdict) == (1, "no")
    assert "other programs" in row.note


def test_a_measurement_that_is_kept_is_not_made_again(load, tmp_path):
    inputs, path = load("inputs"), tmp_path / "kept.json"
    first = inputs.Kept(path, again=False).ran("a", lambda: ran(load, 1.5, worker_bytes=[7]))
    assert inputs.Kept(path, again=False).ran("a", lambda: ran(load, 9)) == first
    assert inputs.Kept(path, again=True).ran("a", lambda: ran(load, 9)).seconds == 9


@pytest.mark.parametrize(
    ("words", "is_top", "role"),
    [
        ("python edgecls compare a", True, "driver"),
        ("python -c from multiprocessing.spawn import spawn_main; spawn_main(3)", False, "worker"),
        ("python -c from edgecls.scale.local_worker import main; main(7, 9)", False, "worker"),
        ("python -c from edgecls.scale.ray_driver import main; main(7, 9)", False, "driver"),
        ("ray::MapBatches(PieceWork)", False, "worker"),
        ("ray::IDLE", False, "worker"),
        ("ray::DashboardAgent", False, "engine"),
        ("python -c from multiprocessing.resource_tracker import main", False, "engine"),
        ("/x/raylet --raylet_socket_name=y", False, "engine"),
    ],
)
def test_a_process_is_known_by_its_command_line(load, words, is_top, role):
    assert load("processes").role_of(words, is_top=is_top) == role


def test_processes_below_a_command_are_followed_when_their_parent_ends(load, tmp_path):
    tree = load("processes").Tree(10, tmp_path)
    fake_process(tmp_path, 10, parent=1, words="edgecls compare", peak_kb=1000)
    fake_process(tmp_path, 11, parent=10, words="raylet", peak_kb=50)
    fake_process(tmp_path, 12, parent=11, words="ray::IDLE", peak_kb=2000, ticks=100)
    fake_process(tmp_path, 13, parent=1, words="another program", peak_kb=9000)
    tree.look()
    (tmp_path / "proc/11/stat").unlink()
    fake_process(tmp_path, 10, parent=1, words="", peak_kb=0)  # it has ended, and nobody has waited
    fake_process(tmp_path, 12, parent=1, words="ray::Map", peak_kb=3000, ticks=300)
    tree.look()
    sizes = {(p.role, p.peak_bytes // 1024) for p in tree.processes.values()}
    assert sizes == {("driver", 1000), ("engine", 50), ("worker", 3000)}
    assert sum(p.processor_s for p in tree.processes.values()) == 300 / os.sysconf("SC_CLK_TCK")
    assert tree.named("ray::") == [12]


def test_processes_that_work_for_a_command_and_are_not_below_it_count(load, tmp_path):
    processes = load("processes")
    fake_process(tmp_path, 9, parent=1, words="growth.py", peak_kb=7000)
    fake_process(tmp_path, 10, parent=9, words="edgecls compare", peak_kb=1000)
    fake_process(tmp_path, 11, parent=9, words="raylet", peak_kb=50)
    fake_process(tmp_path, 12, parent=11, words="ray::Map", peak_kb=2000)
    assert processes.children(9, tmp_path) == [10, 11]
    tree = processes.Tree(10, tmp_path, beside=[11])
    tree.look()
    sizes = {(p.role, p.peak_bytes // 1024) for p in tree.processes.values()}
    assert sizes == {("driver", 1000), ("engine", 50), ("worker", 2000)}


def fake_process(root, pid, *, parent, words, peak_kb, ticks=0):
    folder = root / "proc" / str(pid)
    folder.mkdir(parents=True, exist_ok=True)
    fields = ["S", str(parent), *["0"] * 9, str(ticks), "0", *["0"] * 6, "777"]
    (folder / "stat").write_text(f"{pid} (a name) with brackets) {' '.join(fields)}")
    (folder / "status").write_text(f"Name: x\nVmHWM:\t {peak_kb} kB\n")
    (folder / "cmdline").write_text(words.replace(" ", "\0"))


def test_a_command_is_watched_with_all_its_processes(load):
    code = (
        "import subprocess, sys; print('done'); sys.stdout.flush();"
        "subprocess.run([sys.executable, '-c', 'x = bytearray(300_000_000); import time; time.sleep(2)'])"
    )
    found = load("processes").watch([sys.executable, "-c", code], machine=MACHINE, threads=1)
    assert found.output == "done\n"
    assert found.seconds > 2
    assert found.engine_bytes > 300_000_000 > found.driver_bytes > 1_000_000


def test_what_another_process_spent_before_a_command_is_not_its(load):
    code = "import time\nwhile time.process_time() < 2: pass\nprint(flush=True)\ntime.sleep(600)\n"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        words = [sys.executable, "-c", ""]
        found = load("processes").watch(words, machine=MACHINE, threads=1, beside=[other.pid])
        other.kill()
    assert found.engine_bytes > 1_000_000
    assert found.processor_s < 2


def test_a_cluster_of_nodes_is_for_ray_and_has_its_own_workers():
    for words in (["--nodes", "2"], ["--nodes", "2", "--executor", "ray", "--workers", "2"]):
        command = [sys.executable, SCALE / "growth.py", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert "--nodes is for --executor ray, without --workers" in done.stderr


def test_a_command_for_a_cluster_takes_all_of_its_cores_unless_told(load):
    command = load("inputs").compare_command
    made = command(Path("a"), Path("b"), executor="ray", address="here:1", results=Path("c"))
    assert made[-2:] == ["--address", "here:1"]
    assert "--workers" not in made
    made = command(Path("a"), Path("b"), executor="local", workers=2, results=Path("c"))
    assert made[-2:] == ["--workers", "2"]
    assert "--address" not in made


def test_a_command_that_fails_says_what_it_said(load):
    code = "import sys; sys.exit('error: no room')"
    with pytest.raises(BenchmarkError, match="exit code 1") as caught:
        load("processes").watch([sys.executable, "-c", code], machine=MACHINE, threads=1)
    assert "no room" in caught.value.hint


def test_moments_of_kills_follow_from_the_seed(load):
    kills = load("worker_kills")
    drawn = [
        [kills.draw_moment(draw) for _ in range(20)]
        for draw in (kills.random.Random(3), kills.random.Random(3), kills.random.Random(4))
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    assert all(0 <= moment.share <= 0.9 for moment in drawn[0])
    assert {moment.worker for moment in drawn[0]} == {0, 1}


def test_a_result_that_differs_by_a_byte_has_another_digest(load, tmp_path):
    kills = load("worker_kills")
    (tmp_path / "part-00000.parquet").write_bytes(b"a")
    before = kills.digest(tmp_path)
    assert kills.digest(tmp_path) == before
    (tmp_path / "part-00000.parquet").write_bytes(b"b")
    other = kills.digest(tmp_path)
    assert other != before
    blows = [
        kills.Struck(seconds=1, work_s=1, is_hit=True, parts=1, digest=found)
        for found in (before, other)
    ]
    row = kills.same_row("a worker killed", blows, before)
    assert (row.value, row.verdict) == (50, "no")


def test_a_blow_comes_at_its_moment_and_is_repeated_until_it_hits(load):
    kills, tries = load("worker_kills"), []
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, text=True)
    moment = time.perf_counter() + 0.1

    def strike():
        tries.append(time.perf_counter())
        return len(tries) == 3

    assert kills.strike_at(process, moment, strike)
    process.communicate("")
    assert len(tries) == 3
    assert tries[0] >= moment
    assert not kills.strike_at(process, moment, strike)  # it is over


def test_a_process_is_struck_only_while_it_is_at_work(load, tmp_path):
    kills = load("worker_kills")
    tree = load("processes").Tree(10, tmp_path)
    fake_process(tmp_path, 10, parent=1, words="python", peak_kb=1)
    fake_process(tmp_path, 11, parent=10, words="ray::IDLE", peak_kb=1)
    assert not kills.kill_one(tree, 0)


def test_weights_that_differ_in_one_bit_are_not_the_same(load, tmp_path):
    weights = load("weights")
    value = np.array([1.0, 2.0, 3.0], np.float32)
    for name, array in (
        ("a", value),
        ("same", value.copy()),
        ("near", value + np.array([0, 0, 1e-3], np.float32)),
        ("sign", np.array([1.0, 2.0, 3.0], np.float32)),
        ("other", value[:2]),
    ):
        keras_file(tmp_path / f"{name}.keras", array)
    assert weights.largest_difference(tmp_path / "a.keras", tmp_path / "same.keras") == 0
    near = weights.largest_difference(tmp_path / "a.keras", tmp_path / "near.keras")
    assert near == pytest.approx(1e-3, rel=1e-3)
    with pytest.raises(DataError, match="same arrays"):
        weights.largest_difference(tmp_path / "a.keras", tmp_path / "other.keras")


def test_the_kept_epoch_is_the_most_accurate_and_then_that_of_least_loss(load):
    history = [
        {"epoch": i, "val_accuracy": accuracy, "val_loss": loss}
        for i, (accuracy, loss) in enumerate([(0.5, 0.1), (0.9, 0.4), (0.9, 0.3), (0.9, 0.3)], 1)
    ]
    assert load("distributed_training").best_epoch({"history": history}) == 3


def keras_file(path, array):
    h5py = pytest.importorskip("h5py")
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        file.create_dataset("layers/dense/vars/0", data=array)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.weights.h5", data.getvalue())


def test_two_free_ports_lie_side_by_side(load):
    port = load("launch_group").free_ports()
    assert 1024 < port < 65_535


def test_all_processes_of_a_group_get_their_rank(load, tmp_path):
    code = "import pathlib, sys; pathlib.Path(sys.argv[1], sys.argv[-1]).write_text(' '.join(sys.argv[2:]))"
    group = load("launch_group").start_group([sys.executable, "-c", code, str(tmp_path)], 2)
    assert [process.wait() for process in group] == [0, 0]
    told = [(tmp_path / str(rank)).read_text().split() for rank in range(2)]
    assert [words[-1] for words in told] == ["0", "1"]
    assert told[0][:-1] == told[1][:-1]
    assert told[0][0] == "--distributed"
    assert "--processes 2" in " ".join(told[0])


@pytest.fixture
def figures(load):
    """Return two records: one disturbed, one of a quick run."""
    figure, sides = load("figure"), load("sides")
    disturbed = figure.Row(
        what=sides.DISTURBED,
        value=2,
        unit="commands",
        at_most=0,
        note="of 9; such as: other programs",
    )
    rows = [
        disturbed,
        figure.Row(what="small: 2 workers of linear", value=93.46, unit="%", at_least=90),
        figure.Row(what="small, 2 workers: a million photos", value=0.5, unit="core-hours"),
    ]
    values = {"created": "2026-01-02T03:04:05+00:00", "machine": MACHINE, "commit": "abc1234"}
    kills = figure.Row(what="a worker killed: same bytes", value=100, unit="%", at_least=100)
    return {
        "scale-workers": figure.Figure(
            title="a", command="python benchmarks/scale/workers.py", rows=tuple(rows), **values
        ),
        "scale-kills": figure.Figure(
            title="b",
            command="python benchmarks/scale/worker_kills.py --quick",
            rows=(kills,),
            **values,
        ),
    }


def test_the_page_has_figures_targets_costs_and_what_is_missing(load, figures):
    page = load("scale_page").page(figures, 0.05)
    assert "| small: 2 workers of linear | 93.5 % | at least 90 | void |  |" in page
    assert "| a worker killed: same bytes | 100 % | at least 100 | yes |  |" in page
    assert "| small, 2 workers | 556 | 0.50 | 0.025 |" in page
    assert "an example to multiply with, nobody's quote" in page
    assert "**Void in part:** 2 commands were disturbed, of 9; such as: other programs." in page
    assert page.count("**A first look**") == 1
    missing = page.partition("## Not measured yet")[2]
    assert "Training with two processes" in missing
    assert "Killed workers" not in missing
    assert all(
        len(line) <= 120 for line in page.splitlines() if not line.startswith(("|", "`python"))
    )


def test_only_times_that_were_disturbed_are_void(load):
    figure, page = load("figure"), load("scale_page")
    share = figure.Row(what="2 workers of linear", value=93, unit="%", at_least=90)
    memory = figure.Row(what="peak memory of the driver", value=93, unit="%", at_most=110)
    weights = figure.Row(what="weights", value=0, unit="", at_most=0)
    assert [page.verdict(row, is_void=True) for row in (share, memory, weights)] == [
        "void",
        "yes",
        "yes",
    ]
    assert page.verdict(share, is_void=False) == "yes"


def test_the_page_of_nothing_says_so(load):
    page = load("scale_page").page({}, 0.05)
    assert "## Not measured yet" in page
    assert "What a million photos cost" not in page


def test_the_page_is_written_from_the_records_that_are_there(load, figures, tmp_path):
    for name, figure in figures.items():
        (tmp_path / f"{name}.json").write_text(to_json(figure))
    module = load("scale_page")
    assert module.read_all(tmp_path) == figures


def test_the_page_in_docs_is_that_of_the_records(load):
    module, cost = load("scale_page"), load("cost")
    found = module.read_all(cost.RESULTS)
    assert module.PAGE.read_text(encoding="utf-8") == module.page(found, cost.EXAMPLE_PRICE)


def test_a_price_can_be_named(load, figures, tmp_path):
    (tmp_path / "scale-workers.json").write_text(to_json(figures["scale-workers"]))
    command = [sys.executable, SCALE / "cost.py", "--results", tmp_path, "--price", "0.1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "small, 2 workers: 556 photos/s a core, 0.50 core-hours, 0.050\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_script_names_its_command(name):
    tree = ast.parse((SCALE / f"{name}.py").read_text(encoding="utf-8"))
    assert f"python benchmarks/scale/{name}.py" in ast.get_docstring(tree)


@pytest.mark.parametrize("name", sorted(path.stem for path in SCALE.glob("*.py")))
def test_every_module_loads(load, name):
    pytest.importorskip("cv2")
    assert load(name).__doc__


def test_everything_runs_scripts_that_are_there(load):
    everything, page = load("everything"), load("scale_page")
    assert set(everything.SCRIPTS) == set(page.SECTIONS)
    assert all((SCALE / words[0]).is_file() for words in everything.SCRIPTS.values())


def test_records_can_be_read_again(load, figures):
    figure = load("figure")
    kept = json.loads(to_json(figures["scale-workers"]))
    assert from_json(figure.Figure, json.dumps(kept), name="x") == figures["scale-workers"]
