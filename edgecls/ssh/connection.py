"""One SSH connection: asyncssh, with the user's ``~/.ssh/config``, agent, keys and known hosts.

asyncssh and not the ``ssh`` program, because the copy's progress, many devices at once and every refusal by
name need no parsing of another program's words; and not paramiko, which has no asynchronous interface.
"""

import asyncio
import hashlib
import shlex
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import asyncssh
from edgecls_device.errors import DeploymentError

from edgecls.ssh.conversation import Conversation, conversation
from edgecls.ssh.failures import CONNECT_WITHIN_S, ssh_errors
from edgecls.ssh.hosts import Host

__all__ = ["Access", "Answer", "Connection", "connected"]

ANSWER_WITHIN_S = 60.0
ALIVE_EVERY_S = 10.0
LAST_LINES = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """How to log in, beyond what ``~/.ssh/config`` says.

    Attributes:
        identity: A private key file; None for the agent and the usual files.
        known_hosts: A file of known hosts; None for ``~/.ssh/known_hosts``.
        sudo_password: Given to ``sudo``; empty if none is needed.
    """

    identity: Path | None = None
    known_hosts: Path | None = None
    sudo_password: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a command on a device said.

    Attributes:
        exit_code: Its exit code; None if a signal or a lost connection ended it.
        output: Standard output.
        last_lines: The end of standard error.
    """

    exit_code: int | None
    output: str
    last_lines: tuple[str, ...]


class Connection:
    """A device that answers."""

    def __init__(self, host: Host, client: asyncssh.SSHClientConnection) -> None:
        """Take an open connection."""
        self._host = host
        self._client = client

    async def ask(self, command: str) -> str:
        """Return the output of a quick command; what it complains about is left out."""
        with ssh_errors(self._host):
            done = await asyncio.wait_for(
                self._client.run(command, check=False, stdin=asyncssh.DEVNULL), ANSWER_WITHIN_S
            )
        return str(done.stdout or "")

    async def run(self, command: str, *, hear: Callable[[str], None], password: str = "") -> Answer:
        """Run a long command.

        Args:
            command: For the device's shell.
            hear: Is given each line of its standard error.
            password: Written to its standard input, for ``sudo -S``.
        """
        with ssh_errors(self._host):
            process = await self._client.create_process(command)
            if password:
                process.stdin.write(password + "\n")
            process.stdin.write_eof()
            output, lines = await asyncio.gather(process.stdout.read(), _heard(process, hear))
            await process.wait_closed()
        return Answer(exit_code=process.exit_status, output=str(output), last_lines=lines)

    def talk(
        self, command: str, *, hear: Callable[[str], None]
    ) -> AbstractAsyncContextManager[Conversation]:
        """Start a program that is talked with; its standard input is closed at the end, and its beats stop.

        Args:
            command: For the device's shell.
            hear: Is given each line of its standard error.
        """
        return conversation(self._host, self._client, command, hear=hear)

    async def copy(
        self, source: Path, destination: str, *, advance: Callable[[int, int], None]
    ) -> None:
        """Copy a file: under another name first, so that a copy that broke off is never taken for whole.

        Args:
            source: The file here.
            destination: Its path there.
            advance: Called with bytes done and bytes in all.
        """
        partial = f"{destination}.part"
        with ssh_errors(self._host):
            async with self._client.start_sftp_client() as files:
                await files.makedirs(str(Path(destination).parent), exist_ok=True)
                await files.put(
                    source,
                    partial,
                    progress_handler=lambda _, __, done, total: advance(done, total),
                )
                await files.posix_rename(partial, destination)
        if not await self.has_copy(destination, source):
            message = f"Expected the same bytes on {self._host} after copying, got others."
            raise DeploymentError(message, hint="its card or its memory may be broken; try again")

    async def has_copy(self, path: str, source: Path) -> bool:
        """Whether a file there is the same as one here, by SHA-256."""
        told = await self.ask(f"sha256sum {shlex.quote(path)} 2>/dev/null")
        if not told:
            return False
        with source.open("rb") as file:
            digest = await asyncio.to_thread(_sha256, file)
        return told.split()[0].lstrip("\\") == digest


@asynccontextmanager
async def connected(host: Host, access: Access) -> AsyncIterator[Connection]:
    """Log in; the host's key must be known.

    Raises:
        DeploymentError: If that is refused or nobody answers.
    """
    wishes: dict[str, object] = {}
    if host.user:
        wishes["username"] = host.user
    if host.port:
        wishes["port"] = host.port
    if access.identity is not None:
        wishes["client_keys"] = [str(access.identity)]
    if access.known_hosts is not None:
        wishes["known_hosts"] = str(access.known_hosts)
    with ssh_errors(host):
        client = await asyncssh.connect(
            host.address,
            connect_timeout=CONNECT_WITHIN_S,
            login_timeout=CONNECT_WITHIN_S,
            keepalive_interval=ALIVE_EVERY_S,
            **wishes,
        )
    try:
        yield Connection(host, client)
    finally:
        client.close()


async def _heard(
    process: "asyncssh.SSHClientProcess[str]", hear: Callable[[str], None]
) -> tuple[str, ...]:
    lines: deque[str] = deque(maxlen=LAST_LINES)
    async for line in process.stderr:
        text = line.rstrip()
        if text:
            lines.append(text)
            hear(text)
    return tuple(lines)


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    for chunk in iter(lambda: file.read(1 << 20), b""):
        digest.update(chunk)
    return digest.hexdigest()
