"""``RUN/run.toml``: what ``edgecls run RUN`` runs, with comments that say why.

The upper part is written by ``--pick`` and written again by the next one. What a user adds below the line that
says so is kept: a source, or where results go.
"""

import json
import re
import textwrap

from edgecls_bench.pick import Pick
from edgecls_device.errors import DataError, OptionError
from edgecls_device.files import read_bytes
from edgecls_device.service.toml_lines import read_toml

from edgecls.run_directory import RunDirectory

__all__ = ["configuration_text", "own_options"]

OWN_OPTIONS = '# Your own options go below this line, such as source = "0"; --pick keeps them.\n'
MOST_BYTES = 65_536
_PICKED = {"artifact", "backend", "threads"}
_COLUMNS = 100
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


def configuration_text(pick: Pick, run: RunDirectory, *, own: str = "") -> str:
    """Return the file for a pick.

    Args:
        pick: What was chosen, and why.
        run: The run it was chosen for.
        own: The user's part of the file that is there; see :func:`own_options`.
    """
    asked = f" ({pick.budget})" if pick.budget else ""
    lines = [
        "What 'edgecls run' takes for this run. What its command line says wins.",
        f"Chosen by edgecls bench --pick{asked} on {_when(pick.created)},",
        f"from {pick.record}, measured {_when(pick.measured)} on {pick.machine}.",
        "",
        f"sha256 of {pick.artifact}: {pick.sha256}",
        "",
        "Why:",
        *(f"- {reason}" for reason in pick.reasons),
    ]
    if pick.rejected:
        lines += ["", "Not chosen:"]
    lines += [
        f"- {one.artifact} on {one.backend}, threads {one.threads}: {one.reason}"
        for one in pick.rejected
    ]
    artifact = (run.exports / pick.artifact).relative_to(run.path)
    values = (
        f"artifact = {_quoted(artifact.as_posix())}\n"
        f"backend = {_quoted(pick.backend)}\n"
        f"threads = {pick.threads}\n"
    )
    return f"{''.join(map(_comment, lines))}\n{values}\n{OWN_OPTIONS}{own}"


def own_options(run: RunDirectory) -> str:
    """Return what a user wrote below the line; empty where there is no file yet.

    Raises:
        DataError: If the part above the line was changed so that writing it again would lose options.
        StorageError: If the file cannot be read.
    """
    if not run.configuration.exists():
        return ""
    data = read_bytes(run.configuration, max_bytes=MOST_BYTES)
    name = str(run.configuration)
    try:
        read_toml(data, name=name)
        picked, _, own = data.decode().partition(OWN_OPTIONS)
        keys = {".".join(value.path) for value in read_toml(picked.encode(), name=name)}
    except OptionError as error:
        hint = f"correct it, or move {name} away so that it is written anew"
        raise DataError(error.message, hint=hint) from error
    lost = sorted(keys - _PICKED)
    if lost:
        message = (
            f"Expected {name} as --pick wrote it, got other options in its upper part: "
            f"{', '.join(lost)}."
        )
        hint = f"move them below the line '{OWN_OPTIONS.strip()}', or the file away"
        raise DataError(message, hint=hint)
    return own


def _comment(line: str) -> str:
    """Return comment lines: no control characters, whatever an error message brought along."""
    clean = _CONTROL.sub(" ", line).strip()
    indent = "  " if clean.startswith("- ") else ""
    wrapped = textwrap.wrap(
        clean, _COLUMNS, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return "".join(f"# {one}\n" for one in wrapped) or "#\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _when(created: str) -> str:
    return f"{created[:10]} {created[11:16]} UTC"
