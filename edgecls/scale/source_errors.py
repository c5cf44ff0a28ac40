"""What file systems and clients of object stores raise, as typed errors: the one place that tells it apart.

Who asks is not known or not let in, nobody answers, or there is no such file.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgecls_device.errors import CredentialsError, DataError, EdgeclsError, NetworkError
from edgecls_device.files import storage_errors

from edgecls.scale.urls import extra_of, is_url, protocol_of

__all__ = ["source_errors"]

_CREDENTIALS_HINTS = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE with ~/.aws/credentials "
    "(aws configure); for a store that is not Amazon's also AWS_ENDPOINT_URL; "
    "for a public bucket FSSPEC_S3_ANON=true",
    "gcs": "gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS to the key file of "
    "a service account; for a public bucket FSSPEC_GS_TOKEN=anon",
}
_UNKNOWN_CALLER = frozenset(
    {
        "NoCredentialsError",  # botocore
        "PartialCredentialsError",
        "CredentialRetrievalError",
        "NoAuthTokenError",
        "ProfileNotFound",
        "SSOTokenLoadError",
        "TokenRetrievalError",
        "UnauthorizedSSOTokenError",
        "DefaultCredentialsError",  # google.auth
        "RefreshError",
        "GoogleAuthError",
    }
)
_REFUSALS = frozenset({"401", "403"})
_FILE_SYSTEM_PACKAGES = frozenset({"fsspec", "s3fs", "gcsfs", "adlfs"})


@contextmanager
def source_errors(location: str) -> Iterator[None]:
    """Turn what file systems raise in the block into typed errors that name the location."""
    if not is_url(location):
        with storage_errors("read", Path(location)):
            yield
        return
    try:
        yield
    except EdgeclsError:
        raise
    except Exception as error:
        typed = _typed(error, location)
        if typed is None:
            raise
        raise typed from error


def _typed(error: Exception, url: str) -> EdgeclsError | None:
    """Return what a file system's exception means; None for one that is no failure of a file system."""
    causes = _with_causes(error)
    names = {kind.__name__ for cause in causes for kind in type(cause).__mro__}
    if names & _UNKNOWN_CALLER or _is_refused(causes):
        return _credentials_error(error, url)
    if isinstance(error, FileNotFoundError) and "ClientConnectionError" not in names:
        message = f"Expected a file or folder at {url!r}, got nothing."
        return DataError(message, hint="check bucket and path")
    if isinstance(error, OSError) or _is_raised_in_file_system(error):
        cause = (
            causes[-1] if isinstance(error, FileNotFoundError) else error
        )  # it says the URL again
        message = f"Cannot read {url!r}: {_told(cause)}."
        return NetworkError(
            message, hint="check the network and the endpoint, then repeat the command"
        )
    return None


def _is_raised_in_file_system(error: Exception) -> bool:
    """Return whether a package for file systems raised it; some raise ValueError for what a server answers."""
    trace = error.__traceback__
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] in _FILE_SYSTEM_PACKAGES:
            return True
        trace = trace.tb_next
    return False


def _is_refused(causes: list[BaseException]) -> bool:
    return any(
        isinstance(cause, PermissionError)
        or str(cause).startswith("Forbidden")  # gcsfs
        or str(_status(cause)) in _REFUSALS
        for cause in causes
    )


def _status(error: BaseException) -> object:
    """Return what a server answered; aiohttp has ``code`` as well, and warns of it."""
    return error.status if hasattr(error, "status") else getattr(error, "code", "")


def _with_causes(error: BaseException) -> list[BaseException]:
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) and cause not in causes:
        causes.append(cause)
    return causes


def _credentials_error(error: Exception, url: str) -> CredentialsError:
    message = f"Expected credentials that may read {url!r}: {_told(error)}."
    default = f"give the credentials of {protocol_of(url)}:// as fsspec documents them"
    return CredentialsError(message, hint=_CREDENTIALS_HINTS.get(extra_of(url), default))


def _told(error: BaseException) -> str:
    lines = (str(error) or type(error).__name__).strip().splitlines()
    return lines[0][:200].rstrip(".")
