"""A Ray cluster of several nodes on this machine, on loopback, each with services and a core of its own."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["local_nodes"]

STORE_BYTES = 100 << 20
ON_LOOPBACK = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # all processes of Ray listen on loopback only, on Linux too
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
}


@contextmanager
def local_nodes(count: int) -> Iterator[Any]:
    """Give a ``ray.cluster_utils.Cluster``, whose processes are below this one.

    Each node has an address of its own: with that of the head, the command might sit on another, and be lost
    with it.
    """
    os.environ.update(ON_LOOPBACK)  # Ray reads them when it is imported
    from ray.cluster_utils import Cluster

    started = time.perf_counter()
    node = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": STORE_BYTES}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    try:
        for number in range(2, count + 1):
            cluster.add_node(**node, node_ip_address=f"127.0.0.{number}")
        sys.stderr.write(f"{count} nodes after {time.perf_counter() - started:.1f} s\n")
        yield cluster
    finally:
        cluster.shutdown()
