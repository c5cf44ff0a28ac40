"""What every backend says when its runtime does not take a model."""

from edgecls_device.errors import ArtifactError

__all__ = ["check_ends", "first_line", "not_computed", "not_loaded", "was_closed"]


def check_ends(inputs: int, outputs: int) -> None:
    """Check that a model has one input and one output.

    Raises:
        ArtifactError: If it has not.
    """
    if inputs != 1 or outputs != 1:
        message = (
            f"Expected a classifier with one input and one output, got {inputs} and {outputs}."
        )
        raise ArtifactError(
            message, hint="give an image classifier; detectors have several outputs"
        )


def first_line(error: BaseException) -> str:
    """Return what a runtime says, in one line; its kind where it says nothing, as for a few damaged files."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def not_loaded(backend: str, reason: str) -> ArtifactError:
    """Return the error for a model that the runtime refuses."""
    message = f"Expected a model that {backend} can run, got: {reason}."
    return ArtifactError(message, hint="copy the file again, or export it again")


def not_computed(backend: str, reason: str) -> ArtifactError:
    """Return the error for a model that loads and does not run."""
    message = f"Expected {backend} to compute the model, got: {reason}."
    return ArtifactError(message, hint="check the file with: edgecls verify ARTIFACT")


def was_closed() -> ArtifactError:
    """Return the error for a backend that is used after closing."""
    message = "Expected an open backend, got a closed one."
    return ArtifactError(message, hint="open the model again")
