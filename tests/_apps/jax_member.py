"""A process of a JAX group without a guard: ``jax_member.py RANK OWN_HOST HOST:PORT`` prints what it got."""

import json
import sys
import warnings

warnings.simplefilter("error")  # before what it is about is imported

import numpy as np  # noqa: E402

from edgecls.distributed.jax_group import join  # noqa: E402
from edgecls.distributed.place import Place  # noqa: E402

rank, own_host, coordinator = int(sys.argv[1]), sys.argv[2], sys.argv[3]
place = Place(
    guard=0,
    words=0,
    lifeline=0,
    output=1,
    errors=2,
    rank=rank,
    hosts=("a", "b"),
    own_host=own_host,
    coordinator=coordinator,
)
group = join(place)
numbers = np.random.default_rng(rank).normal(size=(3 + rank, 2))
large = np.full(5_000_000 + rank, rank, np.float32)  # more than travels at once
first = [np.array([2**40 + 1]), np.array(0.1), np.zeros((0, 3), np.uint8), np.array([True, False])]


def seen(arrays):
    return [[array.dtype.str, array.shape, array.tobytes().hex()] for array in arrays]


result = {
    "rank": group.rank,
    "size": group.size,
    "devices": group.devices,
    "share": list(group.share(4)),
    "gathered": seen(group.gather(numbers)),
    "empty": seen(group.gather(np.zeros((0, 4), np.int64))),
    "large": [[len(one), float(one.min()), float(one.max())] for one in group.gather(large)],
    "texts": group.gather_text("größer" * rank),
    "broadcast": seen(group.broadcast(first if rank == 0 else [])),
}
print("\n" + json.dumps(result), flush=True)
