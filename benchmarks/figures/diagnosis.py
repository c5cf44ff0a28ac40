"""Which models that were broken on purpose ``compare --explain`` tells rightly, and which good ones it blames.

python benchmarks/figures/diagnosis.py runs/pets --out benchmarks/results/diagnosis.json
python benchmarks/figures/diagnosis.py runs/imagenet --data PHOTOS
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from breaking import FAULTS, Breaker
from edgecls_device.files import write_atomically
from edgecls_export.keras_model import load_keras_model
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

from edgecls.exports.photo_files import prepare
from edgecls.exports.photos import choose_photos
from edgecls.run_directory import RunDirectory

CALIBRATION = 100


def main() -> None:
    parser = arguments("Break a model in every usual way, and let it be diagnosed.")
    parser.add_argument("run", type=Path, help="an exported run; it is not changed")
    parser.add_argument("--data", type=Path, help="photos without classes, for a run without any")
    parser.add_argument("--format", default="tflite,onnx", help="with commas between them")
    parser.add_argument("--limit", type=int, default=60, help="photos for each diagnosis")
    options = parser.parse_args()
    machine = describe_machine()
    rows: list[Row] = []
    with working_directory(options.work) as work:
        breaker = breaker_of(RunDirectory(options.run), options.data, work)
        for file_format in options.format.split(","):
            for fault in FAULTS:
                path = work / f"{fault.replace(' ', '-')}.{file_format}"
                write_atomically(path, breaker.make(fault, file_format))
                rows.append(broken_row(fault, file_format, explain(path, options)))
            for path in sorted((options.run / "exports").glob(f"*.{file_format}")):
                rows.append(healthy_row(path.name, explain(path, options)))
    show(figure_of("Diagnosis of broken and healthy models", machine, rows), options.out)


def breaker_of(source: RunDirectory, data: Path | None, work: Path) -> Breaker:
    spec = source.read_spec()
    files = choose_photos(source, data=data, calibration=CALIBRATION).calibration
    return Breaker(
        model=load_keras_model(source.model, log=work / "keras.log"),
        spec=spec,
        images=prepare(files, spec.preprocessing).images,
    )


def explain(path: Path, options: Any) -> Any:
    """Return the diagnosis of a file, as a user gets it."""
    words: list[str | Path] = ["compare", "--explain", path, options.run, "--json"]
    words += ["--limit", str(options.limit)]
    words += [] if options.data is None else ["--data", options.data, "--no-labels"]
    return json.loads(run(edgecls(*words)).output)


def broken_row(fault: str, file_format: str, diagnosis: Any) -> Row:
    """Return whether the main cause is the right one."""
    kinds = main_kinds(diagnosis["findings"])
    print(f"{file_format} {fault}: {diagnosis['cause']}")
    is_right = bool(kinds) and kinds[0] in FAULTS[fault]
    return Row(what=f"{file_format} {fault}: told", value=float(is_right), unit="", at_least=1)


def healthy_row(name: str, diagnosis: Any) -> Row:
    """Return whether a good file is called broken."""
    print(f"{name}: {diagnosis['cause']}")
    return Row(what=f"{name}: blamed", value=float(not diagnosis["is_healthy"]), unit="", at_most=0)


def main_kinds(findings: Sequence[Any]) -> list[str]:
    return [finding["kind"] for finding in findings if finding["is_fault"]]


if __name__ == "__main__":
    main()
