"""Five artifacts from one run: time, size, latency, accuracy and agreement, and what ``classify`` costs.

Agreement is taken on all photos of the run, also those trained on: it says how far a file is from float32 and
not how good the model is. Accuracy is taken on the test split.

    python benchmarks/figures/export_all.py runs/pets --out benchmarks/results/export.json
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from figure import (
    Row,
    arguments,
    describe_machine,
    edgecls,
    figure_of,
    run,
    show,
    working_directory,
)

RUN_FILES = ("model.keras", "spec.json", "split.json", "training.json")


def main() -> None:
    parser = arguments("Export five artifacts, then compare and bench them.")
    parser.add_argument("run", type=Path, help="a trained run; it is copied and not changed")
    parser.add_argument("--limit", type=int, default=2000, help="photos for the agreement")
    options = parser.parse_args()
    machine = describe_machine()
    with working_directory(options.work) as work:
        copy = work / "export" / options.run.resolve().name
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir(parents=True)
        for name in RUN_FILES:
            shutil.copy(options.run / name, copy / name)
        photos = json.loads((copy / "split.json").read_text())["root"]
        exported = run(edgecls("export", copy))
        on_all = run(
            edgecls("compare", copy, "--data", photos, "--limit", str(options.limit), "--json")
        )
        on_test = run(edgecls("compare", copy, "--json"))
        bench = run(edgecls("bench", copy, "--json"))
    everything, test = json.loads(on_all.output), json.loads(on_test.output)
    rows = [
        Row(what="edgecls export, all artifacts", value=exported.seconds, unit="s", at_most=90),
        Row(what="edgecls compare, test split", value=on_test.seconds, unit="s"),
        Row(what="edgecls bench", value=bench.seconds, unit="s"),
        Row(what="test photos", value=len(test["photos"]), unit="photos"),
        Row(what="photos for agreement", value=len(everything["photos"]), unit="photos"),
        *accuracy_rows(test["cases"], everything["cases"]),
        *latency_rows(json.loads(bench.output)["cases"]),
    ]
    show(figure_of(f"Exporting {options.run.name}", machine, rows), options.out)


def accuracy_rows(test: Sequence[Any], everything: Sequence[Any]) -> Iterator[Row]:
    """Yield accuracy on the test split, and agreement on all photos, of each artifact."""
    for case, other in zip(test, everything, strict=True):
        float32 = _float32(test, case)
        name, is_int8 = _name(case), case["recipe"] == "int8"
        yield Row(what=f"{name}: top-1", value=100 * case["top1"], unit="%")
        if is_int8:
            difference = 100 * abs(case["top1"] - float32["top1"])
            yield Row(
                what=f"{name}: difference of top-1", value=difference, unit="points", at_most=0.5
            )
        yield Row(
            what=f"{name}: agreement",
            value=100 * other["agreement"],
            unit="%",
            at_least=99.5 if is_int8 else None,
        )
        yield Row(what=f"{name}: worst score error", value=other["worst_score_error"], unit="")


def latency_rows(cases: Sequence[Any]) -> Iterator[Row]:
    """Yield size and latency of each artifact, and how much ``classify`` adds to the bare runtime."""
    for case in cases:
        if case["error"]:
            continue
        float32 = _float32(cases, case)
        name, p50_ms = _name(case), case["classify"]["p50_ms"]
        yield Row(what=f"{name}: p50", value=p50_ms, unit="ms")
        overhead = 100 * (p50_ms / case["invoke"]["p50_ms"] - 1)
        yield Row(what=f"{name}: classify over bare", value=overhead, unit="%", at_most=8)
        if case["recipe"] == "int8":
            size = 100 * case["size_bytes"] / float32["size_bytes"]
            latency = 100 * p50_ms / float32["classify"]["p50_ms"]
            yield Row(what=f"{name}: size of float32's", value=size, unit="%", at_most=30)
            yield Row(what=f"{name}: p50 of float32's", value=latency, unit="%", at_most=55)
        yield Row(what=f"{name}: cold start", value=case["cold_start_ms"], unit="ms")
        yield Row(what=f"{name}: peak memory", value=case["peak_memory_bytes"] / 1e6, unit="MB")


def _float32(cases: Sequence[Any], case: Any) -> Any:
    """Return the float32 case of the same format, backend and threads."""
    same = ("format", "backend", *(["threads"] if "threads" in case else []))
    return next(
        other
        for other in cases
        if other["recipe"] == "float32" and all(other[key] == case[key] for key in same)
    )


def _name(case: Any) -> str:
    threads = f" x{case['threads']}" if "threads" in case else ""
    return f"{case['format']} {case['recipe']} {case['backend']}{threads}"


if __name__ == "__main__":
    main()
