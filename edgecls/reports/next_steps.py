"""What to do next, most useful first: a pure function of what exists and what was measured."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edgecls_bench.comparison import Gate

from edgecls.reports.classes import ClassResult
from edgecls.reports.intervals import wilson_interval
from edgecls.reports.number_text import count_text, percent_text, points_text
from edgecls.reports.recommendation import Recommendation
from edgecls.reports.run_records import RunRecords

__all__ = ["NextStep", "gate_command", "next_steps"]

_GOOD_ACCURACY = 0.95
_WIDE_INTERVAL = 0.04


@dataclass(frozen=True, kw_only=True, slots=True)
class NextStep:
    """One thing to do.

    Attributes:
        title: What.
        why: What it gives.
        commands: To type, in order; may be empty.
    """

    title: str
    why: str
    commands: tuple[str, ...] = ()


def next_steps(
    records: RunRecords, recommendation: Recommendation | None, classes: Sequence[ClassResult]
) -> tuple[NextStep, ...]:
    """Return the missing stages, then what would make the model better, then the device.

    Args:
        records: What exists.
        recommendation: The artifact for a device.
        classes: Results of the recommended artifact, may be empty.
    """
    return (
        *_missing_stages(records),
        *_gate(records),
        *_better_model(records, recommendation, classes),
        *_device(records, recommendation),
    )


def _missing_stages(records: RunRecords) -> Iterator[NextStep]:
    run = shlex.quote(records.path)
    if not records.exported and records.comparison is None and records.bench is None:
        why = "Nothing runs on a device yet: this writes the quantized .tflite and .onnx files."
        yield NextStep(title="Export the model", why=why, commands=(f"edgecls export {run}",))
    elif records.outdated:
        why = f"Made of the weights before the last training: {', '.join(records.outdated)}."
        yield NextStep(title="Export again", why=why, commands=(f"edgecls export {run}",))
    photos = " --data PHOTOS" if records.split is None else ""
    if records.comparison is None:
        why = (
            "Nobody knows yet what quantization cost: this measures every file on the same photos."
        )
        command = f"edgecls compare {run}{photos}"
        yield NextStep(title="Measure the accuracy of each file", why=why, commands=(command,))
    elif stale := _stale(records, {c.artifact: c.sha256 for c in records.comparison.cases}):
        why = f"Exported again or added since they were compared: {', '.join(stale)}."
        command = f"edgecls compare {run}{photos}"
        yield NextStep(title="Compare again", why=why, commands=(command,))
    if records.bench is None:
        why = (
            "Latency, cold start and memory of each file, on this machine or better on the device."
        )
        yield NextStep(title="Measure the speed", why=why, commands=(f"edgecls bench {run}",))
    elif stale := _stale(records, {c.artifact: c.sha256 for c in records.bench.cases}):
        why = f"Exported again or added since they were timed: {', '.join(stale)}."
        yield NextStep(title="Time again", why=why, commands=(f"edgecls bench {run}",))
    elif records.bench.void:
        why = f"Every time is void: {records.bench.void.rstrip('.')}."
        yield NextStep(title="Time again", why=why, commands=(f"edgecls bench {run}",))


def gate_command(records: RunRecords) -> str:
    """Return the command that compares the same again, with a gate."""
    comparison = records.comparison
    words = ["edgecls", "compare", records.path]
    has_labels = True
    if comparison is not None:
        has_labels = comparison.has_classes or not comparison.photo_count
    limits = ["--max-drop", "0.5"] if has_labels else ["--no-labels"]
    return shlex.join([*words, *_data(records), *limits, "--min-agreement", "99"])


def _gate(records: RunRecords) -> Iterator[NextStep]:
    """Say what to do about files that do not hold the gate."""
    comparison = records.comparison
    if comparison is None or comparison.gate is None:
        return
    judged = [(case, case.judgement) for case in comparison.cases if case.judgement is not None]
    failing = [case.artifact for case, judgement in judged if judgement.verdict == "fails"]
    if failing:
        yield _mend(records, failing[0], comparison.gate)
    needed = [j.photos_needed for _, j in judged if j.verdict == "too few photos"]
    known = [photos for photos in needed if photos is not None]
    if needed:
        there = count_text(comparison.photo_count, "photo")
        enough = (
            f"; {count_text(max(known))} would decide if they went as these did" if known else ""
        )
        unseen = comparison.cases[0].labels_without_photos
        missing = f"; there is no photo of {count_text(unseen, 'label')}" if unseen else ""
        why = f"The gate does not decide on {there}{enough}{missing}."
        yield NextStep(title="Compare on more photos", why=why)


def _mend(records: RunRecords, name: str, gate: Gate) -> NextStep:
    path = f"{records.path.rstrip('/')}/exports/{name}"
    comparison = records.comparison
    in_shards = comparison is not None and comparison.split == "shards"  # which it does not read
    data = ["--data", "PHOTOS"] if in_shards else _data(records)
    explain = ["edgecls", "compare", "--explain", path, records.path, *data]
    why = "It names the layers that go wrong and the likely cause."
    if records.split is None:  # without photos of its own there is nothing to choose a recipe on
        return NextStep(title=f"Mend {name}", why=why, commands=(shlex.join(explain),))
    auto = ["edgecls", "export", records.path, "--recipe", "auto", *_limits(gate)]
    why = (
        "The first names the layers that go wrong and the likely cause. The second tries one recipe after the "
        "other and keeps the first file that holds; where photos are too few to tell, the smallest that "
        "nothing speaks against, with exit code 14."
    )
    commands = (shlex.join(explain), shlex.join(auto))
    return NextStep(title=f"Mend {name}", why=why, commands=commands)


def _data(records: RunRecords) -> list[str]:
    """Return the option that names the photos that were compared, where they are not the run's test split."""
    comparison = records.comparison
    if comparison is None or comparison.split == "test":
        return []
    return ["--data", comparison.data]


def _limits(gate: Gate) -> list[str]:
    """Return the gate as ``export`` and ``compare`` take it: points and percent."""
    words = []
    if gate.max_drop is not None:
        words += ["--max-drop", f"{100 * gate.max_drop:.6g}"]
    if gate.min_agreement is not None:
        words += ["--min-agreement", f"{100 * gate.min_agreement:.6g}"]
    return words


def _stale(records: RunRecords, measured: dict[str, str]) -> list[str]:
    return [name for name, sha256 in records.exported.items() if measured.get(name) != sha256]


def _better_model(
    records: RunRecords, recommendation: Recommendation | None, classes: Sequence[ClassResult]
) -> Iterator[NextStep]:
    if not classes or recommendation is None:
        return
    photos = sum(c.photos for c in classes)
    right = sum(c.right for c in classes)
    low, high = wilson_interval(right, photos)
    weak = sorted((c for c in classes if c.photos), key=lambda c: (c.high, c.accuracy or 0.0))[0]
    if weak.right < weak.photos and weak.high < right / photos and len(classes) > 1:
        taken = f", most often taken for {weak.often}" if weak.often else ""
        why = (
            f"It is the weakest class: {percent_text(weak.accuracy)} of {count_text(weak.photos, 'photo')} "
            f"right{taken}. New photos join the run without moving the others between splits."
        )
        yield NextStep(title=f"Collect more photos of {weak.label}", why=why)
    if high - low > _WIDE_INTERVAL and records.split is not None:
        why = (
            f"{count_text(photos, 'test photo')} leave the accuracy open by "
            f"{points_text(high - low)}; a tenth of all new photos joins the test split."
        )
        yield NextStep(title="Add photos to know the accuracy better", why=why)
    if right / photos < _GOOD_ACCURACY:
        yield from _stronger_training(records)


def _stronger_training(records: RunRecords) -> Iterator[NextStep]:
    training, split = records.training, records.split
    if training is None or split is None:
        return
    if training.weights.startswith("none"):
        option = ("--backbone", "efficientnet_lite0")
        title = "Start from a trained backbone"
        why = f"{training.backbone} has seen these photos only, the default one ImageNet's 1.2 million."
    elif not any(epoch.stage == "fine-tune" for epoch in training.history):
        option = ("--fine-tune", "2")
        title = "Try fine-tuning"
        why = "The backbone was frozen; training its last blocks on your photos often helps below 95 %."
    else:
        return
    command = shlex.join(["edgecls", "train", split.root, "--out", records.path, *option])
    yield NextStep(title=title, why=why, commands=(command,))


def _device(records: RunRecords, recommendation: Recommendation | None) -> Iterator[NextStep]:
    names = list(records.exported)
    if recommendation is not None and recommendation.choice.artifact in records.exported:
        name = recommendation.choice.artifact
    elif names:
        name = next((n for n in names if n.endswith(".int8.tflite")), names[0])
    else:
        return
    path = f"{records.path.rstrip('/')}/exports/{name}"
    if records.comparison is not None or records.bench is not None:
        why = "The live loop on a webcam: the label, its score and the frame rate in the terminal."
        command = shlex.join(["edgecls", "run", path, "--source", "0"])
        yield NextStep(title="See it work", why=why, commands=(command,))
    extra = "device" if name.endswith(".tflite") else "device,onnx"
    file = shlex.quote(name)
    why = (
        "Speed on this machine says little about a small one. On the Pi: check that it gives the same scores, "
        "time it, then classify the camera."
    )
    commands = (
        f"scp {shlex.quote(path)} pi@raspberrypi.local:",
        "ssh pi@raspberrypi.local",
        "python3 -m venv --system-site-packages edgecls && . edgecls/bin/activate",
        f"pip install 'edgecls[{extra}]'",
        f"edgecls verify {file}",
        f"edgecls bench {file}",
        f"edgecls run {file} --source 0",
    )
    yield NextStep(title="Put it on a Raspberry Pi", why=why, commands=commands)
