"""``edgecls update``: a newer bundle onto this device, kept only if it proves itself."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from edgecls_device.errors import UpdateError

from edgecls.cli.output import json_option, print_record

if TYPE_CHECKING:
    from edgecls_device.bundles.outcome import Outcome

__all__ = ["command", "root_option"]

EPILOG = """\b
Exit code 0 if the bundle runs, or runs already; 17 if it is refused as damaged, not trusted or not for
this device; 18 if it is older, failed before, or did not pass its trial: then the version before runs.

\b
On a device with an installed bundle:
  sudo edgecls update pets-000003-bookworm64.edgecls
  sudo edgecls update pets-000003-bookworm64.edgecls --again
"""

root_option = click.option(
    "--root",
    type=click.Path(path_type=Path),
    help="Directory of the installation; by default $EDGECLS_ROOT, or the only one in /opt/edgecls.",
)


@click.command(epilog=EPILOG)
@click.argument("bundle", type=click.Path(path_type=Path))
@root_option
@click.option("--again", is_flag=True, help="Try a version that failed here before.")
@json_option
def command(bundle: Path, root: Path | None, again: bool, as_json: bool) -> None:
    """Install BUNDLE beside the version that runs, and switch to it.

    The service tries it: it must give its golden scores, and results for live frames, within 60 seconds.
    Otherwise the version before goes on, by itself.
    """
    from edgecls_device.bundles.finding import find_installation
    from edgecls_device.bundles.updating import update

    outcome = update(bundle, find_installation(root), say=_say, again=again)
    if as_json:
        print_record(outcome)
    else:
        click.echo(_sentence(outcome))
    if outcome.result == "reverted":
        message = f"Expected release {outcome.release} to pass its trial, got: {outcome.reason}"
        hint = f"{outcome.current_version} runs on; mend the cause, then try it again with --again"
        raise UpdateError(message, hint=hint)


def _say(line: str) -> None:
    click.echo(line, err=True)


def _sentence(outcome: "Outcome") -> str:
    model = f"{Path(outcome.artifact).name} on {outcome.backend}, threads: {outcome.threads}"
    time = f", {outcome.p50_ms:.1f} ms a frame" if outcome.p50_ms else ""
    sentences = {
        "confirmed": f"Updated: release {outcome.release} passed its trial and runs now: {model}{time}.",
        "same": f"Nothing to do: release {outcome.release} runs already.",
        "pending": f"Release {outcome.release} is installed, its trial is not over: {outcome.reason}",
        "reverted": f"Release {outcome.release} did not pass its trial; the version before runs on.",
    }
    return sentences.get(outcome.result, outcome.reason)
