"""A Ray cluster of two nodes with one core each, on loopback, in a process of its own.

It prints its address, removes the second node when it reads a line and says so, and ends with its standard
input.
"""

import os
import sys

os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # loopback only
os.environ["RAY_AUTH_MODE"] = "disabled"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"


def main():
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 100 << 20}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    second = cluster.add_node(**node, node_ip_address="127.0.0.2")  # else a driver may sit on it
    sys.stdout.write(f"at {cluster.address}\n")
    sys.stdout.flush()
    if sys.stdin.readline():
        cluster.remove_node(second, allow_graceful=False)
        sys.stdout.write("lost\n")
        sys.stdout.flush()
        sys.stdin.readline()
    cluster.shutdown()


if __name__ == "__main__":
    main()
