"""Wall time of ``edgecls train``, cold and warm, beside the ordinary Keras tutorial.

Each in a fresh process, from the command to the finished model on disk. Cold: an empty feature cache of its
own. Warm: the same photos again, into another run. The tutorial: ``tutorial.py`` in this folder.

    python benchmarks/figures/training.py PHOTOS --out benchmarks/results/training.json
"""

import json
import shutil
import sys
from pathlib import Path

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
    parser = arguments("Time training, cold and warm, beside the Keras tutorial.")
    parser.add_argument("photos", type=Path, help="folder of class folders")
    parser.add_argument("--epochs", type=int, default=3, help="of the tutorial")
    options = parser.parse_args()
    photos = options.photos.absolute()
    machine = describe_machine()
    with working_directory(options.work) as work:
        cache = work / "cache"
        for old in ("cache", "cold", "warm"):
            shutil.rmtree(work / old, ignore_errors=True)
        variables = {"XDG_CACHE_HOME": str(cache)}
        run([sys.executable, "-c", "import keras, tensorflow"])  # neither pays for a cold disk
        cold = run(
            edgecls("train", photos, "--out", work / "cold" / "pets", "--json"), variables=variables
        )
        warm = run(
            edgecls("train", photos, "--out", work / "warm" / "pets", "--json"), variables=variables
        )
        tutorial = run(
            [
                sys.executable,
                Path(__file__).with_name("tutorial.py"),
                photos,
                work / "tutorial.keras",
                str(options.epochs),
            ]
        )
    accuracies = [100 * json.loads(done.output)["test"]["accuracy"] for done in (cold, warm)]
    theirs = 100 * float(tutorial.output.split()[-1])
    rows = [
        Row(what="edgecls train, cold cache", value=cold.seconds, unit="s", at_most=60),
        Row(what="edgecls train, warm cache", value=warm.seconds, unit="s", at_most=25),
        Row(what="tutorial", value=tutorial.seconds, unit="s"),
        Row(
            what="tutorial / cold", value=tutorial.seconds / cold.seconds, unit="times", at_least=4
        ),
        Row(
            what="tutorial / warm", value=tutorial.seconds / warm.seconds, unit="times", at_least=4
        ),
        Row(what="test accuracy, cold", value=accuracies[0], unit="%", at_least=99),
        Row(what="test accuracy, warm", value=accuracies[1], unit="%", at_least=99),
        Row(what="tutorial, accuracy on its 20 %", value=theirs, unit="%"),
        Row(what="peak memory, cold", value=cold.peak_bytes / 1e6, unit="MB"),
        Row(what="peak memory, tutorial", value=tutorial.peak_bytes / 1e6, unit="MB"),
    ]
    show(figure_of(f"Training on {photos.name}", machine, rows), options.out)


if __name__ == "__main__":
    main()
