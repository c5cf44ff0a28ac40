"""A program on a device that is talked with line by line while it runs."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncssh

from edgecls.ssh.failures import ssh_errors
from edgecls.ssh.hosts import Host

__all__ = ["BEAT_EVERY_S", "Conversation", "conversation"]

BEAT_EVERY_S = 10.0
LAST_LINES = 20


class Conversation:
    """A program on a device that runs."""

    def __init__(
        self,
        host: Host,
        process: "asyncssh.SSHClientProcess[str]",
        hear: Callable[[str], None],
    ) -> None:
        """Take a process that was just started."""
        self._host = host
        self._process = process
        self._last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._tasks = (
            asyncio.create_task(self._listen(hear)),
            asyncio.create_task(self._beat()),
        )

    @property
    def exit_code(self) -> int | None:
        """Its exit code; None while it runs, and if a signal or a lost connection ended it."""
        return self._process.exit_status

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The end of what it said on standard error."""
        return tuple(self._last_lines)

    def tell(self, line: str) -> None:
        """Write a line to its standard input."""
        self._process.stdin.write(line + "\n")

    async def line(self) -> str:
        """Return the next line of its standard output; empty at the end."""
        with ssh_errors(self._host):
            return str(await self._process.stdout.readline())

    async def rest(self) -> str:
        """Return what else comes on its standard output, when it has ended."""
        with ssh_errors(self._host):
            output = str(await self._process.stdout.read())
            await self._tasks[0]
            await self._process.wait_closed()
        return output

    async def end(self) -> None:
        """Close its standard input, which it should take as the end, and what hears it here."""
        self._process.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _listen(self, hear: Callable[[str], None]) -> None:
        async for line in self._process.stderr:
            text = line.rstrip()
            if text:
                self._last_lines.append(text)
                hear(text)

    async def _beat(self) -> None:
        """Show that this side lives: a connection that broke without a word is noticed there, too."""
        while not self._process.is_closing():
            await asyncio.sleep(BEAT_EVERY_S)
            self._process.stdin.write("\n")


@asynccontextmanager
async def conversation(
    host: Host,
    client: asyncssh.SSHClientConnection,
    command: str,
    *,
    hear: Callable[[str], None],
) -> AsyncIterator[Conversation]:
    """Start a program and talk with it; see :meth:`edgecls.ssh.connection.Connection.talk`."""
    with ssh_errors(host):
        process = await client.create_process(command)
    talk = Conversation(host, process, hear)
    try:
        yield talk
    finally:
        await talk.end()
