"""All figures of this folder, one after the other, and the page in docs: one command for a quiet machine.

    python benchmarks/scale/everything.py --work scale/ --photos photos/

About an hour and a half on two cores, and 5 GB in --work. What was measured is kept there, so that the same
command goes on where it was stopped. With --quick some minutes, and nothing is written but --work.
"""

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent / "results"
SCRIPTS = {
    "scale-workers": ("workers.py",),
    "scale-ray": ("ray_beside_local.py",),
    "scale-kills": ("worker_kills.py",),
    "scale-training": ("distributed_training.py",),
    "scale-growth": ("growth.py",),
    "scale-growth-ray": ("growth.py", "--executor", "ray", "--nodes", "2"),
}
WITH_PHOTOS = ("scale-workers", "scale-ray")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure all figures at scale.")
    parser.add_argument(
        "--work", type=Path, required=True, help="keep runs, photos and what was measured here"
    )
    parser.add_argument("--photos", type=Path, help="real photos, a folder for each class")
    parser.add_argument("--model", type=Path, help="an int8 .tflite file for them  [small_cnn]")
    parser.add_argument(
        "--only", choices=sorted(SCRIPTS), action="append", help="may be given more than once"
    )
    parser.add_argument("--quick", action="store_true", help="few photos: a first look")
    parser.add_argument("--again", action="store_true", help="measure anew what --work keeps")
    options = parser.parse_args()
    out = options.work if options.quick else RESULTS
    failed = [
        name
        for name in SCRIPTS
        if name in (options.only or SCRIPTS) and not measure(name, options, out)
    ]
    if not options.quick:
        subprocess.run([sys.executable, HERE / "scale_page.py"], check=True)
    if failed:
        sys.exit(
            f"error: Expected all figures, got none of {', '.join(failed)}.\nhint: repeat the command"
        )


def measure(name: str, options: argparse.Namespace, out: Path) -> bool:
    """Run one script; return whether it succeeded: the others are measured all the same."""
    command: list[str | Path] = [sys.executable, HERE / SCRIPTS[name][0], *SCRIPTS[name][1:]]
    command += ["--work", options.work, "--out", out / f"{name}.json"]
    if name in WITH_PHOTOS:
        for option in ("photos", "model"):
            value = getattr(options, option)
            command += [f"--{option}", value] if value is not None else []
    command += [f"--{name}" for name in ("quick", "again") if getattr(options, name)]
    return subprocess.run(command, check=False).returncode == 0


if __name__ == "__main__":
    main()
