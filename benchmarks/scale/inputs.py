"""What all of these scripts need, made by the commands a user has: a small model, and shards of photos."""

import json
import os
import shutil
import sys
import tarfile
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from edgecls_device.errors import DataError, EdgeclsError
from edgecls_device.files import write_atomically
from figure import arguments, edgecls, run
from processes import Ran

__all__ = [
    "BARE",
    "PER_SHARD",
    "SIZE",
    "Kept",
    "Shards",
    "Sizes",
    "attempts_of",
    "compare_command",
    "is_real",
    "kept_of",
    "model_for",
    "packed",
    "photo_sets",
    "rounds_of",
    "run_script",
    "scale_arguments",
    "small_file",
    "small_model",
    "synthetic",
    "synthetic_photos",
]

SIZE = 64
SEED = 0
MODEL_PHOTOS = 1500
MODEL_EPOCHS = 20
ROUNDS, ATTEMPTS = 5, 3
REAL = "real"
PER_REAL_SHARD = 50
BARE = Path(__file__).with_name("bare_loop.py")
PER_SHARD = 500
"""Photos of a synthetic shard: 1000 photos are two shards, so two workers are both at work."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shards:
    """A folder of shards.

    Attributes:
        path: Where they are.
        photos: How many photos they hold.
    """

    path: Path
    photos: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """The same kind of photos, few and many."""

    few: Shards
    many: Shards


class Kept:
    """Measurements that are done, kept in a file, so that a script that was stopped goes on where it was."""

    def __init__(self, path: Path, *, again: bool) -> None:
        """Read those that are there; none with ``again``."""
        self._path = path
        self._done: dict[str, dict] = {}
        if path.exists() and not again:
            self._done = json.loads(path.read_text(encoding="utf-8"))

    def ran(self, key: str, measure: Callable[[], Ran]) -> Ran:
        """Return the measurement of this name: the one that was kept, or a new one, which is kept."""
        if key not in self._done:
            sys.stderr.write(f"{key}: ")
            self._done[key] = asdict(measure())
            write_atomically(self._path, json.dumps(self._done, indent=1))
        return Ran(**self._done[key])


def scale_arguments(description: str) -> ArgumentParser:
    """Return a parser with the options that all scripts here have."""
    parser = arguments(description)
    parser.add_argument("--quick", action="store_true", help="few photos: a first look")
    parser.add_argument("--rounds", type=int, help="how often each is measured, in turn  [5]")
    parser.add_argument("--attempts", type=int, help="of a command that others disturb  [3]")
    parser.add_argument("--workers", type=int, help="at once  [one for each core]")
    parser.add_argument("--photos", type=Path, help="real photos, a folder for each class")
    parser.add_argument("--model", type=Path, help="an int8 .tflite file for them  [small_cnn]")
    parser.add_argument(
        "--again", action="store_true", help="measure anew what --work keeps of a run before"
    )
    return parser


def run_script(script: Callable[[], None]) -> None:
    """Run a script; an error is told in two lines, as the commands do."""
    try:
        script()
    except EdgeclsError as error:
        sys.stderr.write(f"error: {error.message}\nhint: {error.hint}\n")
        sys.exit(error.exit_code)


def rounds_of(options: Namespace) -> int:
    """Return how often each command is measured."""
    return int(options.rounds or (1 if options.quick else ROUNDS))


def attempts_of(options: Namespace) -> int:
    """Return how often a command is tried that other programs disturb."""
    return int(options.attempts or (1 if options.quick else ATTEMPTS))


def photo_sets(options: Namespace, work: Path) -> dict[str, Sizes]:
    """Return name -> few and many photos: synthetic ones, and real ones if they were named.

    Few are so many that no worker has done them before the others have started.
    """
    few, many = (4000, 16_000) if options.quick else (10_000, 100_000)
    found = {
        f"synthetic, {SIZE} pixels": Sizes(few=synthetic(work, few), many=synthetic(work, many))
    }
    if options.photos is not None:
        photos = options.photos.absolute()
        few, many = (16, 64) if options.quick else (40, 400)
        found[f"{REAL}, {photos.name}"] = Sizes(
            few=packed(photos, work, per_shard=PER_REAL_SHARD, shards=few),
            many=packed(photos, work, per_shard=PER_REAL_SHARD, shards=many),
        )
    return found


def is_real(what: str) -> bool:
    """Return whether a set is one of real photos, whose labels a small model does not know."""
    return what.startswith(REAL)


def model_for(what: str, options: Namespace, work: Path) -> Path:
    """Return the int8 file to look at photos with."""
    if is_real(what) and options.model is not None:
        return Path(options.model).absolute()
    return small_file(work, "int8")


def small_file(work: Path, recipe: str) -> Path:
    """Return an exported file of the small model."""
    return next((small_model(work) / "exports").glob(f"*.{recipe}.tflite"))


def kept_of(options: Namespace, work: Path, name: str) -> Kept:
    """Return what was measured under this name before; first looks are kept apart."""
    look = "quick" if options.quick else "measured"
    return Kept(work / f"{name}.{look}.json", again=options.again)


def small_model(work: Path) -> Path:
    """Return a run with a small network, trained on synthetic photos, as float32 and int8 TFLite files."""
    directory = work / "small-model" / "shapes"
    if not list((directory / "exports").glob("*.int8.tflite")):
        shutil.rmtree(directory, ignore_errors=True)
        train = ("--backbone", "small_cnn", "--size", str(SIZE), "--epochs", str(MODEL_EPOCHS))
        run(edgecls("train", synthetic_photos(work), "--out", directory, *train))
        recipes = ("--format", "tflite", "--recipe", "float32,int8", "--no-stability")
        run(edgecls("export", directory, *recipes))
    return directory


def synthetic_photos(work: Path, photos: int = MODEL_PHOTOS) -> Path:
    """Return a folder of class folders with synthetic photos, which training takes.

    They are drawn from another seed than those that models are evaluated on.
    """
    folder = work / f"photos-{photos}"
    if folder.exists():
        return folder
    shards = synthetic(work, photos, seed=SEED + 1)
    making = work / f"photos-{photos}.part"
    shutil.rmtree(making, ignore_errors=True)
    for shard in sorted(shards.path.glob("*.tar")):
        for key, label, data in _members(shard):
            (making / label).mkdir(parents=True, exist_ok=True)
            (making / label / f"{key}.jpg").write_bytes(data)
    making.rename(folder)
    return folder


def synthetic(work: Path, photos: int, *, seed: int = SEED) -> Shards:
    """Return so many synthetic photos in shards; what is there of them is not drawn again."""
    path = work / f"synthetic-{seed}-{photos}"
    size = ("--size", str(SIZE), "--photos-per-shard", str(PER_SHARD), "--seed", str(seed))
    done = path.with_suffix(".done")
    if not done.exists():
        run(edgecls("data", "synthesize", path, "--photos", str(photos), *size))
        done.touch()
    return Shards(path=path, photos=photos)


def packed(photos: Path, work: Path, *, per_shard: int, shards: int) -> Shards:
    """Return real photos in exactly so many shards of equal size: the first, again and again if they are few.

    The shards are links, so a photo that comes twice takes no room twice.

    Raises:
        DataError: If there are fewer photos than one shard holds.
    """
    whole = work / f"packed-{photos.name}-{per_shard}"
    done = whole.with_suffix(".done")
    if not done.exists():
        run(edgecls("data", "shards", photos, "--out", whole, "--photos-per-shard", str(per_shard)))
        done.touch()
    full = [shard for shard in sorted(whole.glob("*.tar")) if _photos_in(shard) == per_shard]
    if not full:
        message = f"Expected {per_shard} photos or more in {str(photos)!r}, got fewer."
        raise DataError(message, hint="name a folder with more photos")
    path = work / f"{whole.name}-of-{shards}"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    for i in range(shards):
        os.link(full[i % len(full)], path / f"{i:05d}.tar")
    return Shards(path=path, photos=shards * per_shard)


def compare_command(
    model: Path,
    shards: Path,
    *,
    executor: str,
    results: Path,
    workers: int | None = None,
    address: str = "",
    has_labels: bool = True,
) -> list[str | Path]:
    """Return the command that evaluates one file on shards; with None it takes all cores there are."""
    words = ["--data", shards, "--executor", executor, "--results", results]
    words += [] if workers is None else ["--workers", str(workers)]
    words += ["--address", address] if address else []
    return edgecls("compare", model, *words, *([] if has_labels else ["--no-labels"]))


def _members(shard: Path) -> Iterator[tuple[str, str, bytes]]:
    """Yield key, label and data of each photo in a WebDataset shard."""
    found: dict[str, dict[str, bytes]] = {}
    with tarfile.open(shard) as archive:
        for member in archive:
            key, _, suffix = member.name.partition(".")
            file = archive.extractfile(member)
            if file is not None:
                found.setdefault(key, {})[suffix] = file.read()
    for key, parts in found.items():
        name = Path(key)
        label = parts["cls"].decode().strip() if "cls" in parts else name.parent.name
        yield name.name, label, parts["jpg"]


def _photos_in(shard: Path) -> int:
    with tarfile.open(shard) as archive:
        return sum(
            Path(name).suffix.lower() in {".jpg", ".jpeg", ".png"} for name in archive.getnames()
        )
