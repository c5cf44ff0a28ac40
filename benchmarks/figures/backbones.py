"""Every backbone in every recipe on every backend: does it convert, how far is it from float32, how fast is it.

Each backbone becomes a run at a reduced size (``scratch.py``; with weights drawn at random where its own cannot
be had) and then goes through ``recipe_rows.py``. With --work a stopped run goes on with the backbone it was at;
docs/backbones.md is written after each. About 20 minutes on two cores.

    python benchmarks/figures/backbones.py photos/ --out benchmarks/results/backbones.json
"""

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from crops import by_content
from edgecls_device.errors import BenchmarkError
from edgecls_device.files import read_bytes, write_atomically
from edgecls_device.records import from_json, to_json
from figure import (
    Figure,
    Row,
    arguments,
    describe_machine,
    figure_of,
    run,
    show,
    working_directory,
)
from pages import DOCS, by_name, origin, table
from recipe_rows import COMMONEST, NOT_RUN, Options, cells, measure

from edgecls.training.backbones import BACKBONES

COLUMNS = ("file", "runtime", "MB", "size %", "agree %", "mean error", "ms", "time %")
TRAINED = "float32 accuracy"
HEAD = """\
# Backbones and recipes

Every backbone of `edgecls train --backbone`, in every recipe, on every runtime of this machine. Written by
`benchmarks/figures/backbones.py`; the whole table again: `python benchmarks/figures/backbones.py PHOTOS`.

Only the head is trained here, at a reduced size, and a backbone whose weights were not at hand has weights
drawn at random with batch norms set on photos: read how near a file is to float32 and how fast it is beside it,
not how good the classifier is. A network that is unsure changes its mind more easily than one of yours will,
and one with random weights has no outliers: *agree %* shows what breaks, and not by how much in yours.

- *agree %*: same best class as float32 TFLite; *mean error*: of the largest score difference of each photo
- *size %*, *time %*: of float32 in the same format; *ms*: the bare runtime, one thread, in turn with float32
- `tflite-runtime`, where it stands in the table: which files it runs, and their scores; its integer kernels are
  made for ARM, and slow on x86
"""
FORMATS = {
    "size": ".1f",
    "size of float32's": ".0f",
    "agreement": ".1f",
    "mean score error": ".2g",
    "p50": ".2f",
    "time of float32's": ".0f",
}


def main() -> None:
    parser = arguments("Every backbone in every recipe.")
    parser.add_argument("photos", type=Path, help="folder of class folders")
    parser.add_argument("--backbones", default=",".join(BACKBONES), help="commas between")
    parser.add_argument("--recipes", default="", help="only these, commas between")
    parser.add_argument("--count", type=int, default=600, help="photos to train on")
    parser.add_argument("--limit", type=int, default=300, help="of them to compare on")
    parser.add_argument("--size", type=int, default=96, help="input size in pixels")
    parser.add_argument("--python", type=Path, action="append", default=[], help="see Options")
    options = parser.parse_args()
    machine = describe_machine()
    rows: list[Row] = []
    with working_directory(options.work) as work:
        photos = some_photos(options.photos, work / "backbones" / "photos", options.count)
        for name in options.backbones.split(","):
            kept = work / "backbones" / f"{name}.json"
            part = earlier(kept, figure_of(name, machine, []))
            if part is None:
                found = one_backbone(name, photos, kept.with_suffix(""), options)
                part = figure_of(name, machine, found)
                write_atomically(kept, to_json(part))
            rows += part.rows
            figure = figure_of("Backbones and recipes", machine, rows)
            if options.out is not None:
                write_atomically(DOCS / "backbones.md", "\n".join([HEAD, *page_lines(figure)]))
    show(figure, options.out)


def earlier(kept: Path, now: Figure) -> Figure | None:
    """Return what a stopped run measured with the same command and source; None if it did not."""
    if not kept.is_file():
        return None
    part = from_json(Figure, read_bytes(kept, max_bytes=1_000_000), name=str(kept))
    return part if (part.command, part.commit) == (now.command, now.commit) else None


def some_photos(photos: Path, folder: Path, count: int) -> Path:
    """Link some photos of every class into a folder, evenly spread over the hashes that decide the split."""
    shutil.rmtree(folder, ignore_errors=True)
    classes = sorted(path for path in photos.iterdir() if path.is_dir())
    for label in classes:
        (folder / label.name).mkdir(parents=True)
        paths, wanted = by_content(label), count // len(classes)
        for path in paths[:: max(1, len(paths) // wanted)][:wanted]:
            (folder / label.name / path.name).symlink_to(path.absolute())
    return folder


def one_backbone(name: str, photos: Path, folder: Path, options) -> list[Row]:
    """Train one backbone and measure its recipes; a failure is a row like others."""
    shutil.rmtree(folder, ignore_errors=True)
    directory = folder / "run"
    training = (photos, directory, "--backbone", name, "--size", str(options.size))
    try:
        script = Path(__file__).with_name("scratch.py")
        run([sys.executable, script, *training])
        measured = measure(
            directory,
            Options(
                data=("--data", photos),
                limit=options.limit,
                slow_limit=options.limit // 8,
                recipes=tuple(recipe for recipe in options.recipes.split(",") if recipe),
                seconds=1.0,
                has_cold_start=False,
                pythons=tuple(options.python),
            ),
        )
        return [trained_row(name, directory), *(named(name, row) for row in measured)]
    except BenchmarkError as error:
        return [Row(what=f"{name}: {NOT_RUN}", value=0, unit="", note=error.message)]


def trained_row(name: str, directory: Path) -> Row:
    """Return how good the backbone is, and where its weights come from."""
    record = json.loads((directory / "training.json").read_text())
    note = f"{record['weights']}; {record['settings']['size']} px; {record['test']['photos']} test photos"
    return Row(
        what=f"{name}: {TRAINED}", value=100 * record["test"]["accuracy"], unit="%", note=note
    )


def named(name: str, row: Row) -> Row:
    """Return a row with the backbone in its name."""
    return Row(what=f"{name} {row.what}", value=row.value, unit=row.unit, note=row.note)


def page_lines(figure: Figure) -> list[str]:
    """Return a section for each backbone, as Markdown."""
    measured = by_name(figure.rows)
    lines = []
    for backbone in dict.fromkeys(name.partition(" ")[0] for name in measured):
        files = {
            name.partition(" ")[2]: rows
            for name, rows in measured.items()
            if name.startswith(f"{backbone} ")
        }
        lines += [f"## {backbone}", "", *_about(measured.get(backbone, {}), files)]
        lines += [
            *table(
                COLUMNS,
                [
                    cells(name, rows, FORMATS, columns=len(COLUMNS), with_backend=True)
                    for name, rows in files.items()
                ],
            ),
            "",
        ]
    return [*lines, origin(figure), ""]


def _about(rows: Mapping[str, Row], files: Mapping[str, Mapping[str, Row]]) -> Sequence[str]:
    if NOT_RUN in rows:
        return [f"It could not be trained or measured: {rows[NOT_RUN].note}", ""]
    trained, float32 = rows[TRAINED], files.get("tflite float32 litert", {})
    said = f"{trained.note}, float32 {trained.value:.0f} % right"
    if COMMONEST in float32:
        seen = float32["agreement"].note.partition(",")[0]
        said += f"; of {seen} it gives its commonest label to {float32[COMMONEST].value:.0f} %"
    return [f"{said}.", ""]


if __name__ == "__main__":
    main()
