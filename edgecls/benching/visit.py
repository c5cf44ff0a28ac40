"""One device: look, copy, measure there, take the record home, and leave nothing behind."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecls_bench.measurement import BenchRun

from edgecls.benching import visitor
from edgecls.benching.exchange import Opening, Result, answer_of
from edgecls.benching.finding import (
    RUNNING,
    Introduction,
    candidates,
    chosen,
    look,
    question,
    said,
    services,
    source_command,
)
from edgecls.benching.received import is_wrong_clock, received
from edgecls.benching.wish import Wish
from edgecls.ssh.connection import Connection, connected
from edgecls.ssh.conversation import Conversation
from edgecls.ssh.hosts import Host

__all__ = ["visit"]

COPIES = "~/.cache/edgecls"  # on the card: where /tmp is in memory, it would be the models' memory


@dataclass(frozen=True, kw_only=True, slots=True)
class _Visit:
    """Where, what, and who is told."""

    host: Host
    wish: Wish
    say: Callable[[str], None]


async def visit(host: Host, wish: Wish, say: Callable[[str], None]) -> BenchRun:
    """Return what was measured on a device, with its ``host``.

    Args:
        host: The device.
        wish: What is to be measured.
        say: Takes lines of progress.

    Raises:
        DeploymentError: If the device cannot be reached, has no edgecls that fits, has no room, or gets lost.
        BenchmarkError: If nothing could be measured there.
    """
    this = _Visit(host=host, wish=wish, say=say)
    async with connected(host, wish.access) as connection:
        one = await _found(connection, this)
        say(f"has edgecls {one.edgecls} in {one.python}")
        for service in services(await connection.ask(RUNNING)):
            say(
                f"{service} classifies there and takes its share; to stop it: sudo systemctl stop {service}"
            )
        command = source_command(one.python, Path(visitor.__file__), COPIES, options=("-I",))
        async with connection.talk(command, hear=say) as talk:
            return await _measured(connection, talk, one.python, this)


async def _found(connection: Connection, this: _Visit) -> Introduction:
    wish = this.wish
    pythons = (wish.python,) if wish.python else candidates(await connection.ask(look()))
    introductions = []
    for python in pythons:
        answer = await connection.ask(question(python, wish.frame))
        introductions.append(said(python, answer))
    return chosen(introductions, this.host, wish.frame, python=wish.python)


async def _measured(
    connection: Connection, talk: Conversation, python: str, this: _Visit
) -> BenchRun:
    opening = answer_of(Opening, await talk.line(), this.host, talk.last_lines)
    ahead_s = opening.time_s - time.time()
    if is_wrong_clock(ahead_s):
        this.say(f"its clock is {abs(ahead_s):.0f} s off: the record gets the time of here")
    files = await _copied(connection, opening, this)
    talk.tell(json.dumps([python, "-m", "edgecls", *_words(files, this.wish)]))
    this.say("measures")
    result = answer_of(Result, await talk.rest(), this.host, talk.last_lines)
    return received(result, this.host, this.wish, last_lines=talk.last_lines, ahead_s=ahead_s)


async def _copied(connection: Connection, opening: Opening, this: _Visit) -> list[str]:
    """Copy the files, each into a folder of its own, since two may have one name; return their paths there."""
    artifacts = this.wish.artifacts
    size = sum(len(artifact.data) for artifact in artifacts)
    opening.check_room(size, this.host)
    files = "1 file" if len(artifacts) == 1 else f"{len(artifacts)} files"
    this.say(f"copies {files}, {size / 1e6:.1f} MB")
    paths = [f"{opening.folder}/{i}/{one.path.name}" for i, one in enumerate(artifacts)]
    for artifact, path in zip(artifacts, paths, strict=True):
        await connection.copy(artifact.path, path, advance=lambda done, total: None)
    return paths


def _words(files: Sequence[str], wish: Wish) -> list[str]:
    height, width = wish.frame
    return ["bench", *files, "--frame", f"{height}x{width}", "--json", *wish.options]
