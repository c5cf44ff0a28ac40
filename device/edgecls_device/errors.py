"""Every error of edgecls, in one tree.

::

    EdgeclsError                        exit code
    ├── OptionError          (ValueError)      2  an option or argument cannot be honoured
    ├── DataError            (ValueError)      3  the photos, their folders or their labels
    │   └── ImageError                         3  one photo cannot be decoded
    ├── SpecError            (ValueError)      4  a spec or record is wrong or from a newer version
    ├── ArtifactError        (ValueError)      5  a model file cannot be used as a classifier
    ├── SourceError          (OSError)         6  a camera, file or stream gives no frames
    │   └── FrameError       (ValueError)      6  one frame is not an image
    ├── MissingDependencyError (ImportError)   7  a package that an extra brings is missing
    ├── StorageError         (OSError)         8  reading or writing a file failed
    ├── NetworkError         (OSError)         9  a download failed
    ├── ExportError          (RuntimeError)   10  an exported model does not do what Keras does
    ├── BenchmarkError       (RuntimeError)   11  a benchmark case did not finish
    ├── TrainingError        (RuntimeError)   12  training cannot go on
    ├── GateError            (RuntimeError)   13  an artifact keeps less of its reference than was asked
    ├── TooFewPhotosError    (RuntimeError)   14  the photos do not decide whether it keeps enough
    ├── StalledError         (RuntimeError)   15  a run hangs, in the model, a driver or a disk
    ├── SupervisionError     (RuntimeError)   16  a supervised run died again and again
    ├── BundleError          (ValueError)     17  a bundle is damaged, not trusted, or not for this device
    ├── UpdateError          (RuntimeError)   18  a new version did not hold; the previous one runs
    ├── DeploymentError      (OSError)        19  a device cannot be reached, or its installation failed
    ├── VoidBenchmarkError   (RuntimeError)   20  a benchmark was disturbed, where --strict was asked
    ├── SlowerError          (RuntimeError)   21  one benchmark is slower than another, where that was asked
    ├── BudgetError          (RuntimeError)   22  nothing measured is as fast or as accurate as was asked
    ├── DistributedError     (RuntimeError)   23  the processes of a training lack, lost or contradict one
    ├── ExecutorError        (RuntimeError)   24  the engine that spreads work cannot be reached, or gave up
    ├── CredentialsError     (OSError)        25  an object store was not told who asks, or refused
    └── InterruptedRunError  (RuntimeError)  130  Ctrl-C; what was done is kept

Each leaf is also the built-in it is, so that callers who know nothing of edgecls can catch it. Only
the command line prints errors; it shows ``error: <message>``, ``hint: <hint>`` and exits with
``exit_code``.
"""

from typing import ClassVar

__all__ = [
    "ArtifactError",
    "BenchmarkError",
    "BudgetError",
    "BundleError",
    "CredentialsError",
    "DataError",
    "DeploymentError",
    "DistributedError",
    "EdgeclsError",
    "ExecutorError",
    "ExportError",
    "FrameError",
    "GateError",
    "ImageError",
    "InterruptedRunError",
    "MissingDependencyError",
    "NetworkError",
    "OptionError",
    "SlowerError",
    "SourceError",
    "SpecError",
    "StalledError",
    "StorageError",
    "SupervisionError",
    "TooFewPhotosError",
    "TrainingError",
    "UpdateError",
    "VoidBenchmarkError",
]


class EdgeclsError(Exception):
    """Anything that went wrong for a reason the user can act on.

    Attributes:
        hint: The next action, as a command where there is one; empty if there is none.
        exit_code: What the command line exits with.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class OptionError(EdgeclsError, ValueError):
    """An option or argument cannot be honoured."""

    exit_code = 2


class DataError(EdgeclsError, ValueError):
    """The photos, their folders or their labels are not usable."""

    exit_code = 3


class ImageError(DataError):
    """One photo cannot be decoded."""


class SpecError(EdgeclsError, ValueError):
    """A spec or record is wrong, or was written by a newer version."""

    exit_code = 4


class ArtifactError(EdgeclsError, ValueError):
    """A model file cannot be used as a classifier."""

    exit_code = 5


class SourceError(EdgeclsError, OSError):
    """A camera, file or stream gives no frames."""

    exit_code = 6


class FrameError(SourceError, ValueError):
    """One frame is not an image."""


class MissingDependencyError(EdgeclsError, ImportError):
    """A package that an extra brings is not installed."""

    exit_code = 7


class StorageError(EdgeclsError, OSError):
    """A file could not be read or written."""

    exit_code = 8


class NetworkError(EdgeclsError, OSError):
    """A download failed."""

    exit_code = 9


class ExportError(EdgeclsError, RuntimeError):
    """An exported model does not do what the Keras model does, or cannot be made."""

    exit_code = 10


class BenchmarkError(EdgeclsError, RuntimeError):
    """A benchmark case did not finish."""

    exit_code = 11


class TrainingError(EdgeclsError, RuntimeError):
    """Training cannot go on."""

    exit_code = 12


class GateError(EdgeclsError, RuntimeError):
    """An artifact keeps less of its reference than was asked: proven at 95 %."""

    exit_code = 13


class TooFewPhotosError(EdgeclsError, RuntimeError):
    """The photos do not decide whether an artifact keeps as much of its reference as was asked."""

    exit_code = 14


class StalledError(EdgeclsError, RuntimeError):
    """A run hangs: in the model, a driver or a disk. Whoever catches it must leave the process at once."""

    exit_code = 15


class SupervisionError(EdgeclsError, RuntimeError):
    """A supervised run died again and again."""

    exit_code = 16


class BundleError(EdgeclsError, ValueError):
    """A bundle is damaged, not signed by a trusted key, or not for this device."""

    exit_code = 17


class UpdateError(EdgeclsError, RuntimeError):
    """A new version did not pass its trial, or cannot be tried; the previous one runs."""

    exit_code = 18


class DeploymentError(EdgeclsError, OSError):
    """A device cannot be reached, or what was to be done there failed."""

    exit_code = 19


class VoidBenchmarkError(EdgeclsError, RuntimeError):
    """A benchmark was disturbed by other programs, heat or the supply, so that its figures say little."""

    exit_code = 20


class SlowerError(EdgeclsError, RuntimeError):
    """One benchmark is certainly slower than another."""

    exit_code = 21


class BudgetError(EdgeclsError, RuntimeError):
    """Nothing that was measured is as fast, or as accurate, as was asked."""

    exit_code = 22


class DistributedError(EdgeclsError, RuntimeError):
    """The processes of one training do not find each other, differ, or lost one of them."""

    exit_code = 23


class ExecutorError(EdgeclsError, RuntimeError):
    """The engine that spreads work over processes or machines cannot be reached, or gave up."""

    exit_code = 24


class CredentialsError(EdgeclsError, OSError):
    """An object store wants to know who asks, and was not told, or refused."""

    exit_code = 25


class InterruptedRunError(EdgeclsError, RuntimeError):
    """The user stopped the work; what was done is kept."""

    exit_code = 130
