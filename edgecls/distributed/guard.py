"""The guard of a process that trains: the command's own process, which finds the others and speaks with them.

JAX ends a process from native code when another one is gone, without a word of which or why. So it trains in a
child of this process, and the guards of all processes keep the connections of their meeting: each says how its
child ended, rank 0 says what that means for all, and every guard ends its child and raises the same error.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

from edgecls_device.stop import Stop, stop_on_signals

from edgecls.distributed.child import Child
from edgecls.distributed.circle import Circle, circle_of
from edgecls.distributed.ending import Ending
from edgecls.distributed.introduction import introduce
from edgecls.distributed.meeting import Meeting, meet
from edgecls.distributed.membership import Membership
from edgecls.distributed.wire import Wire, readable
from edgecls.progress import say
from edgecls.training.quiet_keras import BACKEND_VARIABLE

__all__ = ["guard"]

_TICK_S = 0.2
_GRACE_S = 5.0
_SAME_S = 0.5
"""How much later a child may find the same error as another one, and say so itself."""


def guard(
    command: Sequence[str],
    membership: Membership | None,
    settings: Mapping[str, str],
    *,
    variables: Mapping[str, str] = os.environ,
) -> None:
    """Train in a child process, together with others where there are any, until all are done.

    The child runs under :func:`~edgecls.distributed.answering.answering`. It must be called in the main thread.

    Args:
        command: The child's program and arguments.
        membership: This process's place; None if it is the only one.
        settings: What all processes have to agree on, by option.
        variables: The environment that the child's is made of.

    Raises:
        DistributedError: If the processes do not find each other, differ, or lose one.
        EdgeclsError: Any that the child of one of them ended with; all processes raise it.
        InterruptedRunError: If one of them is stopped by Ctrl-C or SIGTERM.
        MissingDependencyError: If a package is not installed.
    """
    rank, count = (membership.rank, membership.processes) if membership else (0, 1)
    introduction = introduce(rank, count, settings)
    with ExitStack() as stack:
        meeting = None
        if membership is not None:
            meeting = meet(membership, introduction)
            stack.callback(meeting.close)
        stop = Stop()
        stack.enter_context(stop_on_signals(stop))
        child = Child(
            command,
            rank=rank,
            hosts=meeting.hosts if meeting else (introduction.host,),
            own_host=meeting.own_host if meeting else "",
            coordinator=str(meeting.jax_coordinator) if meeting else "",
            local_rank=membership.local_rank if membership else None,
            variables=_for_jax(variables, meeting),
        )
        stack.callback(child.close)
        ending = _watch(child, circle_of(rank, introduction.host, meeting), stop)
        if ending.kind != "done":
            raise ending.as_error(rank=rank, processes=count)


def _watch(child: Child, circle: Circle, stop: Stop) -> Ending:
    """Return what ended the training for all, when all know it and the child is at its end."""
    while (ending := circle.verdict()) is None:
        sources: list[Child | Wire] = [*circle.wires]
        if child.ending is None:
            sources.append(child)
        for source in readable(sources, _TICK_S):
            if isinstance(source, Child):
                source.listen()
            else:
                circle.hear(source)
        if stop.is_requested:
            circle.report(child.stopped(f"stopped by {stop.reason}"))
        if child.ending is not None:
            circle.report(child.ending)
    if ending.kind == "done":
        child.let_go(_GRACE_S)
    elif ending.kind == "stopped":
        child.interrupt(_GRACE_S)
    elif ending.kind == "failed":
        child.hear_out(_SAME_S)
    child.end()
    circle.part()
    return _explained(ending, child)


def _explained(ending: Ending, child: Child) -> Ending:
    """Add what the child has to say: to its being stopped, or to its death."""
    own = child.ending
    if own is None:
        return ending
    if ending.kind == own.kind == "stopped" and ending.rank == own.rank:
        message = own.message.replace("stopped by Ctrl-C", ending.message)  # it saw SIGINT alone
        return replace(ending, message=message or ending.message, hint=own.hint)
    if ending.kind == own.kind == "failed" and ending.message == own.message:
        return own  # all of them found the same
    if ending.kind == own.kind == "died":
        say(child.last_words())
    return ending


def _for_jax(variables: Mapping[str, str], meeting: Meeting | None) -> dict[str, str]:
    """Return the environment of a child: Keras on JAX, and no proxy between its machines."""
    changed = {**variables, "KERAS_BACKEND": "jax", BACKEND_VARIABLE: "jax"}
    changed.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if meeting is not None and any(name.lower().endswith("_proxy") for name in variables):
        changed["JAX_CHECK_PROXY_ENVS"] = "false"  # it would warn of what is seen to here
        without = [variables.get("no_grpc_proxy", ""), meeting.jax_coordinator.host]
        changed["no_grpc_proxy"] = ",".join(one for one in without if one)
    return changed
