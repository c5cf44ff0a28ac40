"""Wall time and memory of ``edgecls demo``, after installation.

python benchmarks/figures/demo.py --out benchmarks/results/demo.json
"""

import shutil

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


def main() -> None:
    options = arguments("Time the demo.").parse_args()
    machine = describe_machine()
    with working_directory(options.work) as work:
        shutil.rmtree(work / "demo", ignore_errors=True)
        variables = {"XDG_CACHE_HOME": str(work / "demo-cache")}  # as on a fresh machine
        shutil.rmtree(work / "demo-cache", ignore_errors=True)
        done = run(edgecls("demo", "--out", work / "demo"), variables=variables)
    rows = [
        Row(what="edgecls demo", value=done.seconds, unit="s", at_most=180),
        Row(what="peak memory", value=done.peak_bytes / 1e6, unit="MB"),
    ]
    show(figure_of("The demo", machine, rows), options.out)


if __name__ == "__main__":
    main()
