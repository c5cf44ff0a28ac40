"""One process of several that train together: does the jobs that are given as JSON, and says how they ended.

A job is ``{"name", "options"}``, the options those of ``train``; with ``stop_after`` it is interrupted after
that epoch, with ``alone`` this process trains on one of its devices.
"""

import json
import sys
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def stopping(say_epoch, last, epoch, group):
    """Say an epoch, and stop after the last."""
    say_epoch(epoch, group)
    if epoch.epoch == last:
        raise KeyboardInterrupt


def main() -> None:
    """Do the jobs of the file named first; the second argument is the rank, then addresses by rank."""
    sys.path.insert(0, str(ROOT))
    from edgecls_device.errors import EdgeclsError

    from edgecls.distributed.group import ALONE
    from edgecls.distributed.jax_group import join
    from edgecls.distributed.place import Place
    from edgecls.training import backbones, stages
    from edgecls.training.train import train
    from tests.training.drawn_backbone import ENTRY

    jobs, rank, size, coordinator = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    backbones.BACKBONES = {**backbones.BACKBONES, ENTRY.name: ENTRY}
    stages.FINE_TUNE_RATE = 3e-3  # so that a few steps are enough to be better
    place = Place(
        guard=0,
        words=0,
        lifeline=0,
        output=1,
        errors=2,
        rank=rank,
        hosts=("localhost",) * size,
        own_host="127.0.0.1",
        coordinator=coordinator,
    )
    group = join(place)
    say_epoch = stages._say_epoch
    for job in json.loads(Path(jobs).read_text()):
        stages._say_epoch = partial(stopping, say_epoch, job.get("stop_after"))
        try:
            record = train(**job["options"], group=ALONE if job.get("alone") else group)
            answer = {"settings": record.settings}
        except EdgeclsError as error:
            answer = {"error": type(error).__name__, "message": error.message}
        print(json.dumps({"name": job["name"], **answer}), flush=True)


if __name__ == "__main__":
    main()
