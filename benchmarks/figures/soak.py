"""Leave ``edgecls run`` running for many frames, and see that it neither leaks nor forgets: benchmarks/soak.

The run is a process of its own, with everything that a service has: a capture process, smoothing, a rotated
file of JSON lines, and the live page with three viewers. Its camera is a test picture, whose capture process is
killed now and then. The model is so small that the figure is about the loop and not about arithmetic.
"""

import asyncio
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import aiohttp  # noqa: TID253  # a viewer, as a browser is one
from edgecls_device.errors import BenchmarkError
from figure import Row, describe_machine, edgecls, figure_of, show

ROOT = Path(__file__).parents[2]
VIEWERS, EVERY_S = 3, 0.5
WARM = 0.25  # of all frames
CAMERA = "test:noise?size=64x48&fps=2500"
LOSSES = 5
GROWTH_MB = 5.0
SENTENCE = re.compile(r"(\d+) frames: (\d+) classified(?:, (\d+) still)?(?:, (\d+) dropped)?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """How the run's process is at one moment."""

    captured: int
    rss_mb: float
    descriptors: int
    threads: int
    is_steady: bool


def main() -> None:
    parser = ArgumentParser(description="Run the live loop for many frames and look for leaks.")
    parser.add_argument("--frames", type=int, default=200_000, help="frames to capture")
    parser.add_argument("--json", action="store_true", help="print the figure as JSON")
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="keep the figure here")
    options = parser.parse_args()
    machine = describe_machine()
    with tempfile.TemporaryDirectory(prefix="edgecls-soak-") as directory:
        rows = asyncio.run(soak(Path(directory), options.frames))
    figure = figure_of("Soak", machine, rows)
    if options.json:
        from edgecls_device.records import to_json

        print(to_json(figure))
    else:
        show(figure, options.out)
    sys.exit(any(row.verdict == "no" for row in rows))


async def soak(work: Path, frames: int) -> list[Row]:
    """Run it, and return what was seen."""
    with ExitStack() as stack:
        log = stack.enter_context((work / "log").open("w+"))
        run = subprocess.Popen(command(work), stdout=subprocess.DEVNULL, stderr=log)
        stack.callback(run.kill)
        page = await page_of(work / "log", run)
        start = time.monotonic()
        samples, shown = await watch(run, page, frames)
        seconds = time.monotonic() - start
        run.send_signal(signal.SIGTERM)
        stopped = time.monotonic()
        code = run.wait(30)
        return rows_of(
            samples,
            (work / "log").read_text(),
            asked=frames,
            code=code,
            seconds=seconds,
            drain_s=time.monotonic() - stopped,
            shown=shown,
            lines=sum(1 for path in work.glob("run.jsonl*") for _ in path.open()),
        )


def command(work: Path) -> list[str | Path]:
    """Return the command line of the run."""
    sys.path.insert(0, str(ROOT))
    from tests.device.tiny_models import tflite_model, tiny_spec

    model = work / "tiny.tflite"
    model.write_bytes(tflite_model(spec=tiny_spec()))
    outputs = ["--json-file", work / "run.jsonl", "--json-rotate", "10MB", "--web", "127.0.0.1:0"]
    decisions = ["--smoothing", "exponential", "--smoothing-window", "0.02"]
    return edgecls("run", model, "--source", CAMERA, "--threads", "1", *outputs, *decisions)


async def page_of(log: Path, run: subprocess.Popen) -> str:
    """Wait for the address of the live page."""
    for _ in range(200):
        found = re.search(r"http://127\.0\.0\.1:\d+/(?=\s)", log.read_text())
        lines = [line for line in log.read_text().splitlines() if line.startswith("live page")]
        if found and lines:
            return lines[0].split()[-1]
        if run.poll() is not None:
            break
        await asyncio.sleep(0.1)
    message = f"Expected the run to open its page, got: {log.read_text()[-500:]}"
    raise BenchmarkError(message)


async def watch(run: subprocess.Popen, page: str, frames: int) -> tuple[list[Sample], int]:
    """Look at the process until it has captured enough, with viewers at its page."""
    samples: list[Sample] = []
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
        seen: Counter[str] = Counter()
        viewers = [asyncio.create_task(view(session, page, seen)) for _ in range(VIEWERS)]
        losses = [frames * (i + 1) // (LOSSES + 1) for i in range(LOSSES)]
        while not samples or samples[-1].captured < frames:
            if samples and losses and samples[-1].captured >= losses[0]:
                losses.pop(0)
                lose_source(run.pid)
            if run.poll() is not None:
                message = f"Expected a run that goes on, got exit code {run.returncode}."
                raise BenchmarkError(message)
            await asyncio.sleep(EVERY_S)
            async with session.get(f"{page}status") as answer:
                samples.append(sample(run.pid, await answer.json()))
        for viewer in viewers:
            viewer.cancel()
        await asyncio.gather(*viewers, return_exceptions=True)
    return samples, seen["pictures"]


def lose_source(pid: int) -> None:
    """Kill the capture process, as a driver that crashes does."""
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in path.read_text().split():
            os.kill(int(child), signal.SIGKILL)


async def view(session: aiohttp.ClientSession, page: str, seen: Counter[str]) -> None:
    """Be a viewer: ask for the next picture as soon as one is there."""
    headers = {"Origin": page.rstrip("/")}
    async with session.ws_connect(f"{page}ws", headers=headers, max_msg_size=0) as socket:
        await socket.send_json({"type": "next"})
        async for message in socket:
            if message.type == aiohttp.WSMsgType.BINARY:
                seen["pictures"] += 1
                await socket.send_json({"type": "next"})


def sample(pid: int, status: dict) -> Sample:
    """Read what the kernel says about a process."""
    text = Path(f"/proc/{pid}/status").read_text()
    fields = dict(line.split(":", 1) for line in text.splitlines())
    return Sample(
        captured=status["captured"],
        rss_mb=int(fields["VmRSS"].split()[0]) / 1e3,
        descriptors=len(os.listdir(f"/proc/{pid}/fd")),  # noqa: PTH208  # names only, some vanish
        threads=int(fields["Threads"]),
        is_steady=status["source_status"]["state"] == "delivering",
    )


def rows_of(
    samples: list[Sample],
    log: str,
    *,
    asked: int,
    code: int,
    seconds: float,
    drain_s: float,
    shown: int,
    lines: int,
) -> list[Row]:
    """Return the numbers with their bounds."""
    total = samples[-1].captured
    steady = [one for one in samples if one.is_steady]
    warm = [one for one in steady if WARM <= one.captured / total < WARM + 0.15]
    late = [one for one in steady if one.captured / total >= 0.85]
    found = SENTENCE.search(log)
    captured, classified, still, dropped = (int(number or 0) for number in found.groups())
    again = re.search(r"opened again (\d+) times", log)
    growth = median(one.rss_mb for one in late) - median(one.rss_mb for one in warm)
    return [
        Row(what="frames captured", value=captured, unit="frames", at_least=asked),
        Row(what="frames with a result", value=classified + still, unit="frames"),
        Row(
            what="frames that are neither a result nor in a counter",
            value=abs(captured - classified - still - dropped),
            unit="frames",
            at_most=0,
        ),
        Row(what="time", value=seconds, unit="s"),
        Row(what="memory after warm-up", value=median(one.rss_mb for one in warm), unit="MB"),
        Row(what="memory growth after warm-up", value=growth, unit="MB", at_most=GROWTH_MB),
        Row(
            what="descriptors more than after warm-up",
            value=usual(late, "descriptors") - usual(warm, "descriptors"),
            unit="files",
            at_most=0,
        ),
        Row(
            what="threads more than after warm-up",
            value=usual(late, "threads") - usual(warm, "threads"),
            unit="threads",
            at_most=0,
        ),
        Row(
            what="source opened again",
            value=int(again[1]) if again else 0,
            unit="times",
            at_least=LOSSES - 1,
        ),
        Row(what="pictures shown to viewers", value=shown, unit="pictures", at_least=100),
        Row(what="lines in the files kept", value=lines, unit="lines", at_least=1000),
        Row(what="end after SIGTERM", value=drain_s, unit="s", at_most=5),
        Row(what="exit code", value=code, unit="", at_most=0),
    ]


def usual(samples: list[Sample], name: str) -> int:
    """Return the most common value: a few more are open while the source is opened again."""
    return Counter(getattr(one, name) for one in samples).most_common(1)[0][0]


if __name__ == "__main__":
    main()
