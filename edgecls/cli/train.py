"""edgecls train: a folder of photos becomes a finished run."""

from pathlib import Path
from typing import Any

import click
from edgecls_device.errors import OptionError

from edgecls.cli.backbone_options import backbone_option, resize_option, size_option
from edgecls.cli.distributed_options import RepeatableCommand, Together, distributed_options
from edgecls.cli.executor_options import Spread, executor_options
from edgecls.cli.output import json_option, print_record, print_table
from edgecls.distributed.answering import answering
from edgecls.distributed.group import Group
from edgecls.distributed.joining import current_group
from edgecls.progress import say
from edgecls.run_directory import RunDirectory
from edgecls.scale.executors import ExecutorName
from edgecls.training.backbones import BACKBONES
from edgecls.training.record import TrainingRecord
from edgecls.training.settings import (
    FINE_TUNE_EPOCHS,
    HEAD_EPOCHS,
    SCRATCH_EPOCHS,
    ResizeRule,
    TrainingSettings,
)
from edgecls.training.train import train

__all__ = ["command"]

EPILOG = """\b
Examples, after edgecls demo:
  edgecls train runs/demo/photos --out runs/shapes
  edgecls train runs/demo/photos --out runs/shapes --fine-tune 2 --epochs 1
  edgecls train runs/demo/photos --out runs/small --backbone small_cnn --size 64

\b
With your own:
  edgecls train photos/ --out runs/pets
  edgecls train photos/ --out runs/pets --fine-tune 3 --resume
  edgecls train photos/ --out runs/pets --executor ray --address 10.0.0.1:6379
  edgecls train photos/ --out runs/pets --fine-tune 3 --distributed
  edgecls train photos/ --out runs/pets --distributed --coordinator 10.0.0.1:7000 --processes 2 --rank 0
"""


@click.command("train", cls=RepeatableCommand, epilog=EPILOG)
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="The run directory to write."
)
@backbone_option(BACKBONES)
@click.option(
    "--epochs",
    type=int,
    help=(
        f"Most passes over the photos in the last stage.  [default: {HEAD_EPOCHS} for the head, "
        f"{FINE_TUNE_EPOCHS} for fine-tuning, {SCRATCH_EPOCHS} from scratch]"
    ),
)
@click.option(
    "--fine-tune",
    type=int,
    default=0,
    metavar="BLOCKS",
    help="Then train this many of the top blocks end to end, with augmentation.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of every random choice.")
@click.option("--resume", is_flag=True, help="Go on where Ctrl-C stopped training end to end.")
@resize_option
@size_option
@click.option(
    "--batch-size", type=int, default=32, show_default=True, help="Photos per step, on each device."
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path),
    help="Where features are kept.  [default: ~/.cache/edgecls/features]",
)
@executor_options
@distributed_options
@json_option
def command(
    data: Path,
    out: Path,
    backbone: str,
    epochs: int | None,
    fine_tune: int,
    seed: int,
    resume: bool,
    resize: ResizeRule,
    size: int | None,
    batch_size: int,
    cache: Path | None,
    executor: ExecutorName | None,
    address: str | None,
    workers: int | None,
    as_json: bool,
    **together: Any,
) -> None:
    """Train a classifier on DATA, a folder with one folder of photos per class.

    The backbone's features of each photo are computed once and kept; a repeat, or one more class, costs only
    what is new. 80 % of the photos are trained on, 10 % steer the training, 10 % test the result.

    With --executor worker processes compute the features, on this machine or, with ray, on all that see DATA
    under the same path; without it threads of this process do.

    With --distributed several processes, on one machine or many, train one model: start the same command on
    each, with its own --rank, or let torchrun, srun or a Kubernetes Job do it. Rank 0 writes the run.
    """
    settings: dict[str, Any] = {
        "backbone": backbone,
        "epochs": epochs,
        "fine_tune": fine_tune,
        "seed": seed,
        "resize": resize,
        "size": size,
        "batch_size": batch_size,
    }
    group = Together(**together)
    spread = Spread(executor=executor, address=address, workers=workers)
    if group.distributed and spread.is_asked:
        message = "Expected --distributed or --executor, got both."
        hint = "leave --executor out: features are shared out among the processes already"
        raise OptionError(message, hint=hint)
    if group.needs_guard:
        TrainingSettings(**settings)  # refused here, before anybody is waited for
        group.guard(_as_options({**settings, "resume": resume}))
        return
    with answering() as work_is_done:
        members = current_group()
        record = train(
            data,
            out=out,
            resume=resume,
            cache=cache,
            group=members,
            executor=spread.open if spread.is_asked else None,
            **settings,
        )
        work_is_done()
        if members.rank > 0:
            _say_done(members)
        elif as_json:
            print_record(record)
        else:
            _print_summary(record, RunDirectory(out))


def _as_options(settings: dict[str, Any]) -> dict[str, Any]:
    return {f"--{name.replace('_', '-')}": value for name, value in settings.items()}


def _say_done(group: Group) -> None:
    say(f"Rank {group.rank} of {group.size} is done; rank 0 wrote the run.")


def _print_summary(record: TrainingRecord, run: RunDirectory) -> None:
    rows = [
        (label, *(str(counts[name]) for name in ("train", "val", "test")))
        for label, counts in record.photos.items()
    ]
    totals = [
        str(sum(counts[name] for counts in record.photos.values()))
        for name in ("train", "val", "test")
    ]
    shown = rows if len(rows) <= 20 else [*rows[:20], (f"... {len(rows) - 20} more", "", "", "")]
    print_table("Photos", ("class", "train", "val", "test"), [*shown, ("all", *totals)])
    if record.skipped:
        left_out = ", ".join(f"{count} {reason}" for reason, count in record.skipped.items())
        click.echo(f"Left out: {left_out}.")
    wrong = round((1 - record.test.accuracy) * record.test.photos)
    click.echo(
        f"Accuracy on the test photos: {record.test.accuracy:.1%} "
        f"({wrong} of {record.test.photos} wrong), with {record.backbone}."
    )
    threshold = record.unknown_threshold
    unknown = (
        f"below a score of {threshold:.2f} it says unknown"
        if threshold
        else "it never says unknown"
    )
    click.echo(f"Temperature {record.temperature:g}; {unknown}.")
    click.echo(f"Written: {run.model}, spec.json, split.json, training.json")
    click.echo(f"Took {sum(record.timings_s.values()):.0f} s. Next: edgecls export {run.path}")
