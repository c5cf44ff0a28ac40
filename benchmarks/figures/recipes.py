"""Every recipe of both formats on one run: size, agreement, score errors, latency, cold start, memory.

Latency is that of the bare runtime with one thread, in turn with float32 of the same format. Agreement is with
float32 TFLite on photos of all splits: it says how far a file is from float32, not how good the model is. With
--no-labels the photos need no classes. The table goes into docs/recipes.md, between markers named like --out.

    python benchmarks/figures/recipes.py runs/pets --data photos/ --out benchmarks/results/recipes_pets.json
"""

import shutil
from pathlib import Path

from figure import Figure, arguments, describe_machine, figure_of, show, working_directory
from pages import DOCS, by_name, origin, replace_part, table
from recipe_rows import Options, cells, measure

RUN_FILES = ("model.keras", "spec.json", "split.json", "training.json")
COLUMNS = (
    "file",
    "MB",
    "size %",
    "agree %",
    "mean error",
    "worst error",
    "ms",
    "time %",
    "cold start ms",
)
FORMATS = {
    "size": ".1f",
    "size of float32's": ".0f",
    "agreement": ".2f",
    "mean score error": ".2g",
    "worst score error": ".2g",
    "p50": ".1f",
    "time of float32's": ".0f",
    "cold start": ".0f",
}


def main() -> None:
    parser = arguments("Measure every recipe of a run.")
    parser.add_argument("run", type=Path, help="a trained run; it is copied and not changed")
    parser.add_argument("--data", type=Path, required=True, help="photos to compare on")
    parser.add_argument("--no-labels", action="store_true", help="the photos have no classes")
    parser.add_argument("--calibrate", type=Path, help="photos for a run without a data set")
    parser.add_argument("--limit", type=int, default=2000, help="photos at most")
    parser.add_argument("--slow-limit", type=int, default=100, help="the same for slow files")
    parser.add_argument("--recipes", default="", help="only these, with commas between them")
    options = parser.parse_args()
    machine = describe_machine()
    labels = ("--no-labels",) if options.no_labels else ()
    exporting = () if options.calibrate is None else ("--data", options.calibrate.absolute())
    with working_directory(options.work) as work:
        copy = copied(options.run, work / "recipes")
        rows = list(
            measure(
                copy,
                Options(
                    data=("--data", options.data.absolute(), *labels),
                    limit=options.limit,
                    slow_limit=options.slow_limit,
                    recipes=tuple(name for name in options.recipes.split(",") if name),
                    exporting=exporting,
                ),
            )
        )
    figure = figure_of(f"Recipes of {options.run.name}", machine, rows)
    show(figure, options.out)
    if options.out is not None:
        replace_part(DOCS / "recipes.md", options.out.stem, page_lines(figure))


def copied(source: Path, folder: Path) -> Path:
    """Copy a trained run, without what was made of it."""
    copy = folder / source.resolve().name
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir(parents=True)
    for name in RUN_FILES:
        if (source / name).is_file():
            shutil.copy(source / name, copy / name)
    return copy


def page_lines(figure: Figure) -> list[str]:
    """Return the table of a figure, and what measured it, as Markdown."""
    measured = by_name(figure.rows)
    photos = [m["agreement"].note for m in measured.values() if "agreement" in m]
    seen = f"{photos[0].partition(' photos')[0]} photos; slow files fewer. " if photos else ""
    return [
        *table(
            COLUMNS,
            [
                cells(name, rows, FORMATS, columns=len(COLUMNS), with_backend=False)
                for name, rows in measured.items()
            ],
        ),
        "",
        f"{seen}{origin(figure)}",
    ]


if __name__ == "__main__":
    main()
