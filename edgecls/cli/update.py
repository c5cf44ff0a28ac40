"""``edgecls update``: a newer bundle onto this device, kept only if it proves itself."""

from pathlib import Path

import click
from edgecls_device.errors import UpdateError

from edgecls.cli.output import json_option, print_record

__all__ = ["command", "root_option"]

EPILOG = """\b
Exit code 0 if the bundle runs, or runs already; 17 if it is refused as damaged, not trusted or not for
this device; 18 if it is older, failed before, or did not pass its trial: then the version before runs.

\b
As root, on a device with an installed bundle:
  edgecls update pets-000003-bookworm64.edgecls
  edgecls update pets-000003-bookworm64.edgecls --again
"""

root_option = click.option(
    "--root",
    type=click.Path(path_type=Path),
    help="Directory of the installation; by default $EDGECLS_ROOT, or the only one in /opt/edgecls.",
)


@click.command(epilog=EPILOG)
@click.argument("bundle", type=click.Path(path_type=Path))
@root_option
@click.option(
    "--again",
    is_flag=True,
    help="Try a version that failed here before, even if the service gets no frames now.",
)
@json_option
def command(bundle: Path, root: Path | None, again: bool, as_json: bool) -> None:
    """Install BUNDLE beside the version that runs, and switch to it.

    The service tries it: it must give its golden scores, and results for live frames, within 60 seconds.
    Otherwise the version before goes on, by itself.
    """
    from edgecls_device.bundles.finding import find_installation
    from edgecls_device.bundles.telling import sentence
    from edgecls_device.bundles.updating import update

    outcome = update(bundle, find_installation(root), say=_say, again=again)
    if as_json:
        print_record(outcome)
    else:
        click.echo(sentence(outcome))
    if outcome.result == "reverted":
        message = f"Expected release {outcome.release} to pass its trial, got: {outcome.reason}"
        hint = f"{outcome.current_version} runs on; mend the cause, then try it again with --again"
        raise UpdateError(message, hint=hint)


def _say(line: str) -> None:
    click.echo(line, err=True)
