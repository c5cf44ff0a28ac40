"""Real SSH servers on loopback, as whoever runs the tests, with keys of their own."""

import os
import pwd
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@dataclass(kw_only=True)
class Server:
    port: int
    identity: Path
    known_hosts: Path
    home: Path
    process: subprocess.Popen

    @property
    def host(self):
        return f"{pwd.getpwuid(os.getuid()).pw_name}@127.0.0.1:{self.port}"

    @property
    def login(self):
        return ["--identity", str(self.identity), "--known-hosts", str(self.known_hosts)]

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def new_key(path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


@pytest.fixture
def sshd(tmp_path):
    """Start servers; each has a home directory, and commands of its own that stand before the system's."""
    if SSHD is None or shutil.which("ssh-keygen") is None:
        pytest.skip("needs OpenSSH's server: sudo apt install openssh-server")
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # what Debian's service makes
    running = []

    def start(name="device"):
        place = tmp_path / name
        (place / "home").mkdir(parents=True)
        (place / "bin").mkdir()
        identity, host_key = new_key(place / "identity"), new_key(place / "host")
        shutil.copy(f"{identity}.pub", place / "authorized")
        port = free_port()
        (place / "config").write_text(
            f"Port {port}\nListenAddress 127.0.0.1\nHostKey {host_key}\nPidFile none\nUsePAM no\n"
            f"AuthorizedKeysFile {place / 'authorized'}\nStrictModes no\nPermitRootLogin yes\n"
            "PasswordAuthentication no\nSubsystem sftp internal-sftp\n"
            f"SetEnv HOME={place / 'home'} PATH={place / 'bin'}:{os.environ['PATH']}\n"
        )
        process = subprocess.Popen([SSHD, "-D", "-f", place / "config", "-E", place / "log"])
        running.append(process)
        public = Path(f"{host_key}.pub").read_text().split()[:2]
        known_hosts = place / "known_hosts"
        known_hosts.write_text(f"[127.0.0.1]:{port} {' '.join(public)}\n")
        wait_for(port)
        return Server(
            port=port,
            identity=identity,
            known_hosts=known_hosts,
            home=place / "home",
            process=process,
        )

    yield start
    for process in running:
        process.terminate()
        process.wait(10)


def wait_for(port):
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("the SSH server did not start")
