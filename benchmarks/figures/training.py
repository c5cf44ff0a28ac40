"""Wall time to 99 % accuracy: ``edgecls train``, cold and warm, beside the ordinary Keras tutorial.

Each in a fresh process, from the command to the finished model on disk, imports included. Cold: an empty
feature cache of its own. Warm: the same photos again, into another run. The tutorial (``tutorial.py`` in this
folder) stops after the first epoch that reaches 99 % on the 20 % it keeps; that it knows when to stop is a gift
to it. ``edgecls train`` does all it always does, and must reach 99 % on its test photos. Keras stretches photos
by default, which costs accuracy; so the tutorial runs twice, the second time with photos cropped as ours are.

What both read, TensorFlow and the photos, is read once before: a cold disk would hit only the first.

    python benchmarks/figures/training.py PHOTOS --out benchmarks/results/training.json
"""

import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from figure import (
    Finished,
    Row,
    arguments,
    describe_machine,
    edgecls,
    figure_of,
    run,
    show,
    working_directory,
)

WANTED = 0.99
MOST_EPOCHS = 12
FASTER = 8.0


def main() -> None:
    parser = arguments("Time training to 99 %, cold and warm, beside the Keras tutorial.")
    parser.add_argument("photos", type=Path, help="folder of class folders")
    parser.add_argument(
        "--epochs", type=int, default=MOST_EPOCHS, help="most epochs of the tutorial"
    )
    options = parser.parse_args()
    photos = options.photos.absolute()
    machine = describe_machine()
    with working_directory(options.work) as work:
        for old in ("cache", "cold", "warm"):
            shutil.rmtree(work / old, ignore_errors=True)
        variables = {"XDG_CACHE_HOME": str(work / "cache")}
        warm_disk(photos)
        cold, warm = (
            run(
                edgecls("train", photos, "--out", work / name / "pets", "--json"),
                variables=variables,
            )
            for name in ("cold", "warm")
        )
        script = Path(__file__).with_name("tutorial.py")
        command = [sys.executable, script, photos, work / "tutorial.keras", str(WANTED)]
        command.append(str(options.epochs))
        loops = {"tutorial": run(command), "tutorial, cropped": run([*command, "cropped"])}
        rows = [*our_rows(cold, warm), *tutorial_rows(loops, cold, warm), *stage_rows(cold)]
    show(figure_of(f"Training on {photos.name}", machine, rows), options.out)


def warm_disk(photos: Path) -> None:
    """Read what both sides read."""
    run([sys.executable, "-c", "import keras, tensorflow"])
    for path in photos.rglob("*"):
        if path.is_file():
            path.read_bytes()


def our_rows(cold: Finished, warm: Finished) -> Iterator[Row]:
    """Yield what edgecls took."""
    yield Row(what="edgecls train, cold cache", value=cold.seconds, unit="s", at_most=60)
    yield Row(what="edgecls train, warm cache", value=warm.seconds, unit="s", at_most=25)
    for name, done in (("cold", cold), ("warm", warm)):
        accuracy = 100 * json.loads(done.output)["test"]["accuracy"]
        yield Row(what=f"test accuracy, {name}", value=accuracy, unit="%", at_least=100 * WANTED)
    yield Row(what="peak memory, cold", value=cold.peak_bytes / 1e6, unit="MB")


def tutorial_rows(loops: Mapping[str, Finished], cold: Finished, warm: Finished) -> Iterator[Row]:
    """Yield what each loop took, and how many times as long as ours."""
    for name, done in loops.items():
        accuracies = json.loads(done.output.splitlines()[-1])["accuracies"]
        is_there = max(accuracies) >= WANTED
        bound = "" if is_there else f"stopped before {100 * WANTED:g} %: at least so much"
        yield Row(what=f"{name}, to 99 %", value=done.seconds, unit="s", note=bound)
        yield Row(what=f"{name}, epochs", value=len(accuracies), unit="epochs")
        best = 100 * max(accuracies)
        yield Row(what=f"{name}, best accuracy on its 20 %", value=best, unit="%")
        yield Row(what=f"{name}, peak memory", value=done.peak_bytes / 1e6, unit="MB")
        for ours, kind in ((cold, "cold"), (warm, "warm")):
            yield Row(
                what=f"{name} / {kind}",
                value=done.seconds / ours.seconds,
                unit="times",
                at_least=FASTER,
                note=bound,
            )


def stage_rows(cold: Finished) -> Iterator[Row]:
    """Yield where the cold training's seconds went, as its own record tells; the rest is imports and saving."""
    told = json.loads(cold.output)["timings_s"]
    rest = cold.seconds - sum(told.values())
    for stage, value in {**told, "the rest: start, imports, saving": rest}.items():
        yield Row(what=f"cold, {stage}", value=value, unit="s")


if __name__ == "__main__":
    main()
