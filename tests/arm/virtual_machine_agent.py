"""A service inside the machine of ``virtual_machine.py``: does what it is told through a serial line.

A line of JSON is an order, another one its answer. It needs Debian's Python and nothing else.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

TOOK_TOO_LONG = 124


def answer(order):
    """Run a command; what it and its children print is one text."""
    command = ["bash", "-c", order["command"]]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=order["within_s"],
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        code, output = TOOK_TOO_LONG, error.stdout or b""
    else:
        code, output = done.returncode, done.stdout
    return {"number": order["number"], "code": code, "output": output.decode(errors="replace")}


def main(port):
    """Say that the machine has booted, then take orders for ever."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    with Path(port).open("r+b", buffering=0) as line:

        def say(message):
            data = json.dumps(message).encode() + b"\n"
            while data:
                data = data[line.write(data) :]

        say({"boot": boot})
        received = b""
        while True:
            data = line.read(1 << 16)
            if not data:
                time.sleep(0.5)  # nobody is at the other end
            received += data
            while b"\n" in received:
                order, _, received = received.partition(b"\n")
                say(answer(json.loads(order)))


main(sys.argv[1])
