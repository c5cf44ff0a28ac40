"""From the command to the first label: ``edgecls run`` beside a bare script, in turn, on a warm disk.

python benchmarks/figures/first_label.py runs/pets/exports/pets.int8.tflite cat.jpg
"""

import sys
from pathlib import Path
from statistics import median

from figure import Row, arguments, describe_machine, edgecls, figure_of, run, show


def main() -> None:
    parser = arguments("Time the first label of edgecls run beside a bare script.")
    parser.add_argument("artifact", type=Path, help="an int8 .tflite file")
    parser.add_argument("photo", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    machine = describe_machine()
    ours = edgecls("run", options.artifact, "--source", options.photo, "--json")
    bare = [sys.executable, Path(__file__).with_name("bare.py"), options.artifact, options.photo]
    run(ours), run(bare)  # the disk is warm from here
    pairs = [(run(ours), run(bare)) for _ in range(options.rounds)]
    first = median(one.first_line_s for one, _ in pairs)
    theirs = median(other.first_line_s for _, other in pairs)
    peak, their_peak = (
        max(done.peak_bytes for done in side) / 1e6 for side in zip(*pairs, strict=True)
    )
    rows = [
        Row(what="edgecls run: first label, median", value=first, unit="s", at_most=0.6),
        Row(
            what="edgecls run: first label, slowest",
            value=max(one.first_line_s for one, _ in pairs),
            unit="s",
        ),
        Row(what="edgecls run: peak memory", value=peak, unit="MB", at_most=110),
        Row(what="bare script: first label, median", value=theirs, unit="s"),
        Row(what="bare script: peak memory", value=their_peak, unit="MB"),
        Row(what="first label, edgecls / bare", value=first / theirs, unit="times"),
        Row(what="peak memory, edgecls / bare", value=peak / their_peak, unit="times"),
    ]
    show(figure_of(f"First label of {options.artifact.name}", machine, rows), options.out)


if __name__ == "__main__":
    main()
