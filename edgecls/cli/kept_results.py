"""Where a command keeps what it found in each photo: where it was told to, or nowhere after its end."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from edgecls_device.errors import EdgeclsError, InterruptedRunError

from edgecls.scale.work import KEPT

__all__ = ["kept_results"]

_NOTHING_KEPT = "nothing was kept; with --results DIR the same command would go on"


@contextmanager
def kept_results(folder: Path | None) -> Iterator[Path]:
    """Give the folder for the results of a job.

    Args:
        folder: Where they are kept; None for a temporary folder. An error that promises that they are kept
            says then that they are not.
    """
    if folder is not None:
        yield folder
        return
    with TemporaryDirectory(prefix="edgecls-results-") as temporary:
        try:
            yield Path(temporary)
        except InterruptedRunError as error:
            error.hint = _NOTHING_KEPT
            raise
        except KeyboardInterrupt:  # after the job: what was found is counted or compared
            message = "stopped by Ctrl-C"
            raise InterruptedRunError(message, hint=_NOTHING_KEPT) from None
        except EdgeclsError as error:
            error.hint = error.hint.replace(KEPT, _NOTHING_KEPT)
            raise
