"""What can go wrong with SSH, in words, each with what to do about it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import asyncssh
from edgecls_device.errors import DeploymentError

from edgecls.ssh.hosts import Host

__all__ = ["CONNECT_WITHIN_S", "ssh_errors"]

CONNECT_WITHIN_S = 15.0


@contextmanager
def ssh_errors(host: Host) -> Iterator[None]:
    """Turn what asyncssh and the network raise into words, at this one place.

    Raises:
        DeploymentError: Instead of them.
    """
    port = f" -p {host.port}" if host.port else ""
    name = f"{host.user}@{host.address}" if host.user else host.address
    try:
        yield
    except asyncssh.HostKeyNotVerifiable as error:
        message = (
            f"Expected the known host key of {host}, got another or an unknown one: {error.reason}."
        )
        hint = (
            f"compare its fingerprint, once, with: ssh{port} {name}; "
            f"if its card was written anew: ssh-keygen -R {host.address}"
        )
        raise DeploymentError(message, hint=hint) from error
    except asyncssh.PermissionDenied as error:
        message = f"Expected a login on {host}, got: {error.reason}."
        raise DeploymentError(
            message, hint=f"ssh-copy-id{port} {name}, or --identity KEY"
        ) from error
    except (TimeoutError, asyncio.TimeoutError) as error:
        message = f"Expected an answer from {host} within {CONNECT_WITHIN_S:g} s, got none."
        raise DeploymentError(
            message, hint=f"is it on, and reachable? ping {host.address}"
        ) from error
    except asyncssh.SFTPError as error:
        message = f"Cannot copy to {host}: {error.reason}."
        raise DeploymentError(message, hint="is its disk full? df -h") from error
    except asyncssh.Error as error:
        message = f"Expected an SSH connection to {host}, got: {error.reason}."
        raise DeploymentError(
            message, hint=f"try: ssh{port} {name}; then repeat the command"
        ) from error
    except (
        asyncssh.KeyImportError,
        asyncssh.KeyEncryptionError,
        asyncssh.ConfigParseError,
    ) as error:
        message = f"Expected keys and settings of SSH that can be read, got: {error}."
        raise DeploymentError(message, hint="--identity KEY; see ~/.ssh/config") from error
    except OSError as error:
        message = f"Expected an SSH connection to {host}, got: {error.strerror or error}."
        raise DeploymentError(
            message, hint=f"is SSH on, and the address right? ping {host.address}"
        ) from error
