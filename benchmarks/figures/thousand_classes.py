"""1000 classes: how far int8 is from float32 on crops of real photos, how small and how fast.

Half of the photos are cropped for measuring (see ``crops.py``), the others calibrate. No labels are needed for
agreement, so any photos do; what they show decides how sure float32 is, and how sure it is decides how often a
small error swaps the two best classes. So agreement is also given by float32's own best score, and beside that
of ``int8-plain``: int8 of the same model and photos as the converters make it by themselves. With --out the
table goes into docs/recipes.md, between the markers of ``recipes_thousand``.

    python benchmarks/figures/thousand_classes.py photos/ --out benchmarks/results/thousand_classes.json
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from crops import make_crops
from edgecls_bench.metrics import wilson_interval
from edgecls_device.errors import GateError, TooFewPhotosError
from figure import (
    Figure,
    Row,
    arguments,
    describe_machine,
    edgecls,
    figure_of,
    run,
    show,
    working_directory,
)
from pages import DOCS, by_name, origin, replace_part, table
from recipe_rows import PARTLY, cells, in_turn

ANSWERS = (0, GateError.exit_code, TooFewPhotosError.exit_code)
BANDS = ((0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0))
WANTED = "int8"  # the recipe that has targets
PLAIN = Path(__file__).with_name("plain_int8.py")
PART = "recipes_thousand"
WHERE = "agreement where float32's score is"
TIME = "time of float32's, 1 thread"
COLUMNS = (
    "file",
    "size %",
    "agree %",
    *(f"{least:g} to {most:g}" for least, most in BANDS),
    "mean error",
    "worst error",
    "ms",
    "time %",
)
FORMATS = {
    "size of float32's": ".0f",
    "agreement": ".1f",
    **{f"{WHERE} {least:g} to {most:g}": ".1f" for least, most in BANDS},
    "mean score error": ".2g",
    "worst score error": ".2g",
    "p50": ".1f",
    TIME: ".0f",
}


def main() -> None:
    parser = arguments("Compare int8 with float32 on 1000 classes.")
    parser.add_argument("photos", type=Path, help="photos, at any depth")
    parser.add_argument("--crops", type=int, default=4000)
    parser.add_argument("--recipes", default=WANTED, help="compared with float32, commas between")
    options = parser.parse_args()
    machine = describe_machine()
    with working_directory(options.work) as work:
        crops, calibration = make_crops(options.photos, work / "thousand", count=options.crops)
        directory = work / "thousand" / "imagenet"
        run(edgecls("pretrained", "imagenet", "--out", directory))
        recipes = f"float32,{options.recipes}"
        run(
            edgecls(
                "export", directory, "--recipe", recipes, "--data", calibration, "--no-stability"
            ),
            accepts=PARTLY,
        )
        run([sys.executable, PLAIN, directory, "--data", calibration])
        gate = ("--no-labels", "--min-agreement", "98.5")
        done = run(edgecls("compare", directory, "--data", crops, *gate, "--json"), accepts=ANSWERS)
        comparison = json.loads(done.output)
        rows = [Row(what="crops", value=len(comparison["photos"]), unit="photos")]
        for case in comparison["cases"]:
            if case["recipe"] != "float32":
                rows += case_rows(case, comparison)
                rows += cost_rows(case, directory / "exports")
    figure = figure_of("1000 classes", machine, rows)
    show(figure, options.out)
    if options.out is not None:
        replace_part(DOCS / "recipes.md", PART, page_lines(figure))


def page_lines(figure: Figure) -> list[str]:
    """Return the table of a figure, what its rows are, and what measured it, as Markdown."""
    measured = by_name(figure.rows)
    names = [name for name, rows in measured.items() if "agreement" in rows]
    names.sort(key=lambda name: (not name.startswith("tflite"), name))
    crops = next(row.value for row in figure.rows if row.what == "crops")
    said = (
        f"{crops:.0f} crops; *0 to 0.25* and so on: *agree %* where float32 gives its best class such a "
        "score."
    )
    if any(name.endswith(" int8-plain") for name in names):
        said += (
            " *int8-plain* is no recipe: it is int8 of the same model and calibration photos as TensorFlow's "
            "converter and ONNX Runtime's quantizer make it by themselves (`benchmarks/figures/plain_int8.py`)."
        )
    rows = [
        cells(name, measured[name], FORMATS, columns=len(COLUMNS), with_backend=False)
        for name in names
    ]
    return [*table(COLUMNS, rows), "", said, "", origin(figure)]


def case_rows(case: Mapping[str, Any], comparison: Mapping[str, Any]) -> Iterator[Row]:
    """Yield how far one file is from float32."""
    name, has_target = f"{case['format']} {case['recipe']}", case["recipe"] == WANTED
    low, high = case["agreement_interval"]
    yield Row(
        what=f"{name}: agreement",
        value=100 * case["agreement"],
        unit="%",
        at_least=98.5 if has_target else None,
        note=f"95 % interval {100 * low:.2f} to {100 * high:.2f}; gate: {case['judgement']['verdict']}",
    )
    reference = next(c for c in comparison["cases"] if c["artifact"] == comparison["reference"])
    agrees = [a == b for a, b in zip(reference["predicted"], case["predicted"], strict=True)]
    for band in BANDS:
        yield from band_rows(name, band, agrees, reference["confidence"])
    yield Row(what=f"{name}: mean score error", value=case["mean_score_error"], unit="")
    yield Row(what=f"{name}: worst score error", value=case["worst_score_error"], unit="")


def band_rows(
    name: str, band: tuple[float, float], agrees: Sequence[bool], confidence: Sequence[float]
) -> Iterator[Row]:
    """Yield the agreement where float32 gives its best class a score in a band."""
    least, most = band
    inside = [
        a for a, c in zip(agrees, confidence, strict=True) if least <= c < most or c == most == 1
    ]
    if inside:
        low, high = wilson_interval(sum(inside), len(inside))
        yield Row(
            what=f"{name}: {WHERE} {least:g} to {most:g}",
            value=100 * sum(inside) / len(inside),
            unit="%",
            note=f"{len(inside)} photos, 95 % interval {100 * low:.1f} to {100 * high:.1f}",
        )


def cost_rows(case: Mapping[str, Any], exports: Path) -> Iterator[Row]:
    """Yield size and latency of one file beside float32 of its format."""
    name, has_target = f"{case['format']} {case['recipe']}", case["recipe"] == WANTED
    path = exports / Path(case["artifact"]).name
    reference = exports / f"imagenet.float32.{case['format']}"
    size = 100 * path.stat().st_size / reference.stat().st_size
    timed = in_turn(path, reference, seconds=10)
    yield Row(
        what=f"{name}: size of float32's", value=size, unit="%", at_most=29 if has_target else None
    )
    yield Row(what=f"{name}: p50", value=timed["p50_ms"], unit="ms")
    yield Row(
        what=f"{name}: {TIME}",
        value=100 * timed["ratio"],
        unit="%",
        at_most=48 if has_target else None,
    )


if __name__ == "__main__":
    main()
