"""The group that this process trains in: alone, unless a guard started it as one of several."""

from functools import cache
from typing import cast

from edgecls_device.lazy import load

from edgecls.distributed.group import ALONE, Group
from edgecls.distributed.place import Place

__all__ = ["current_group"]


def current_group() -> Group:
    """Return the group of this process; in a guard's child the first call connects JAX with the others.

    That first call must come before JAX computes anything.

    Raises:
        DistributedError: If the processes cannot work together.
        MissingDependencyError: If JAX is not installed.
    """
    place = Place.of_this_process()
    return ALONE if place is None else _joined(place)


@cache
def _joined(place: Place) -> Group:
    return cast("Group", load("edgecls.distributed.jax_group:join", extra="distributed")(place))
