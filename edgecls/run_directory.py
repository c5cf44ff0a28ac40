"""A run directory: where every stage finds what the one before it wrote.

::

    runs/pets/  model.keras  spec.json  split.json  training.json  exports/pets.float32.tflite ...
                compare.json  compare/  bench.json  bench/  run.toml  pick.json  report.html  bundles/  logs/
"""

from dataclasses import dataclass
from pathlib import Path

from edgecls_device.errors import DataError
from edgecls_device.files import read_bytes
from edgecls_device.records import from_json
from edgecls_device.spec import ModelSpec

__all__ = ["RunDirectory"]

MAX_RECORD_BYTES = 200_000_000


@dataclass(frozen=True)
class RunDirectory:
    """The paths of one run.

    Attributes:
        path: The directory.
    """

    path: Path

    @property
    def name(self) -> str:
        """Short name of the run, the stem of its exported files."""
        return self.path.resolve().name

    @property
    def model(self) -> Path:
        """The Keras model."""
        return self.path / "model.keras"

    @property
    def spec(self) -> Path:
        """The model's spec."""
        return self.path / "spec.json"

    @property
    def split(self) -> Path:
        """Which photo is in which split."""
        return self.path / "split.json"

    @property
    def training(self) -> Path:
        """History and results of training."""
        return self.path / "training.json"

    @property
    def exports(self) -> Path:
        """The directory of exported files."""
        return self.path / "exports"

    @property
    def bundles(self) -> Path:
        """The directory of bundles and of what their releases were."""
        return self.path / "bundles"

    @property
    def compare(self) -> Path:
        """Accuracy of the exported files."""
        return self.path / "compare.json"

    @property
    def comparisons(self) -> Path:
        """The directory of what was said of each photo, where worker processes compared; a folder for each."""
        return self.path / "compare"

    @property
    def bench(self) -> Path:
        """Latency of the exported files: the newest of this machine."""
        return self.path / "bench.json"

    @property
    def benches(self) -> Path:
        """The directory of all benchmarks, of this machine and others; a file each, never changed."""
        return self.path / "bench"

    @property
    def configuration(self) -> Path:
        """What ``edgecls run RUN`` runs, as ``edgecls bench RUN --pick`` wrote it."""
        return self.path / "run.toml"

    @property
    def pick(self) -> Path:
        """Why it runs that: what was measured, and why the others were not chosen."""
        return self.path / "pick.json"

    @property
    def report(self) -> Path:
        """The HTML report."""
        return self.path / "report.html"

    @property
    def checkpoint(self) -> Path:
        """Where a stopped training goes on from."""
        return self.path / "checkpoint.npz"

    @property
    def previous(self) -> Path:
        """What was made of the model that was here before."""
        return self.path / "previous"

    @property
    def logs(self) -> Path:
        """The directory of logs, such as the converters' output."""
        return self.path / "logs"

    def artifacts(self) -> tuple[Path, ...]:
        """Return the exported files, sorted by name."""
        found = (p for p in self.exports.glob("*") if p.suffix in {".tflite", ".onnx"})
        return tuple(sorted(p for p in found if not p.name.startswith(".")))  # being written

    def read_spec(self) -> ModelSpec:
        """Return the spec of the trained model.

        Raises:
            DataError: If nothing was trained here yet, or this is a file.
            SpecError: If the file is damaged.
        """
        if self.path.is_file():
            raise _no_run(self.path)
        if not self.spec.is_file() or not self.model.is_file():
            message = f"Expected a finished run in {str(self.path)!r}, got no model.keras and spec.json there."
            raise DataError(message, hint=f"edgecls train PHOTOS --out {self.path}")
        return from_json(
            ModelSpec, read_bytes(self.spec, max_bytes=MAX_RECORD_BYTES), name=str(self.spec)
        )


def _no_run(path: Path) -> DataError:
    if path.suffix in {".tflite", ".onnx"}:
        message = (
            f"Expected a run directory, got the file {str(path)!r}, which was exported already."
        )
        hint = f"name the run whose model.keras it was made from; to look into it: edgecls inspect {path}"
    elif path.suffix == ".keras":
        message = f"Expected a run directory, got the file {str(path)!r}."
        hint = f"name the directory that holds it: {path.parent}"
    else:
        message = f"Expected a run directory, got the file {str(path)!r}."
        hint = "name the directory that 'edgecls train' wrote"
    return DataError(message, hint=hint)
