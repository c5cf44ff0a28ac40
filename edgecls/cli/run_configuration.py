"""``--config FILE`` and ``RUN/run.toml`` of ``edgecls run``: a file's values become defaults of the options.

The command line wins over ``--config``, and that over the ``run.toml`` of a run that stands for a model file.
"""

import re
from pathlib import Path
from typing import Any, NamedTuple

import click
from edgecls_device.errors import OptionError

from edgecls.cli.sections import SectionCommand

__all__ = ["ConfigurableCommand", "read_defaults", "read_run"]

_KEY = "edgecls.configuration"
_OPTION = re.compile(r"--([a-z][a-z-]*)")


class _Default(NamedTuple):
    """A value of a file, and where it stands there."""

    value: Any
    place: str


class ConfigurableCommand(SectionCommand):
    """A command that may take its options from a file; where a value of it is refused, its line is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options; what the command line says wins over the file."""
        try:
            return super().parse_args(ctx, args)
        except click.BadParameter as error:
            place = _place(ctx, error.param.name if error.param is not None else None)
            if not place:
                raise
            message = f"{error.message.rstrip('.')}, in {place}."
            raise OptionError(message, hint="see: edgecls run --help") from error

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; an error about an option that stands in the file says where."""
        try:
            return super().invoke(ctx)
        except OptionError as error:
            names = (name.replace("-", "_") for name in _OPTION.findall(error.message))
            place = next(filter(None, (_place(ctx, name) for name in names)), "")
            if not place:
                raise
            message = f"{error.message} It stands in {place}."
            raise OptionError(message, hint=error.hint) from error


def read_defaults(ctx: click.Context, param: click.Parameter, path: Path | None) -> Path | None:
    """Take the file's values as defaults: the callback of ``--config``, which is eager.

    Raises:
        OptionError: If the file names what is no option, or a value of another kind; with the line.
        StorageError: If it cannot be read.
    """
    if path is not None:
        _set_defaults(ctx, _read(ctx, path))
    return path


def read_run(ctx: click.Context, param: click.Parameter, path: Path | None) -> Path | None:
    """Let a run stand for the model file that its ``run.toml`` names: that argument's callback, which is eager.

    Options are read before arguments, so ``--config`` has set its defaults by now, and they win.

    Raises:
        DataError: If nothing was picked for the run yet, or the file that was picked is gone.
        OptionError: If its ``run.toml`` names what is no option, or a value of another kind; with the line.
        StorageError: If it cannot be read.
    """
    if path is None or not path.is_dir():
        return path
    from edgecls.picked_artifact import nothing_picked, picked_artifact
    from edgecls.run_directory import RunDirectory

    run = RunDirectory(path)
    if not run.configuration.exists():
        if run.artifacts():
            raise nothing_picked(run)
        return path  # no run; opening it says so
    found = _read(ctx, run.configuration)
    _set_defaults(ctx, found | _defaults(ctx))
    named = found.get(str(param.name))
    return picked_artifact(run, None if named is None else Path(named.value))


def _read(ctx: click.Context, path: Path) -> dict[str, _Default]:
    """Read a file that holds any options of the command but ``--config``."""
    from edgecls_device.service.configuration import OptionKind, read_configuration

    params = {_name(one): one for one in ctx.command.params if one.callback is not read_defaults}
    kinds = [
        OptionKind(
            name=name,
            is_flag=isinstance(one, click.Option) and one.is_flag,
            is_multiple=one.multiple,
            is_path=isinstance(one.type, click.Path),
            is_source=name == "source",
            may_be_bare=_is_optional(one),
        )
        for name, one in params.items()
    ]
    configuration = read_configuration(path, kinds)
    defaults = {}
    for name, found in configuration.values.items():
        one = params[name]
        value: Any = found.value
        if isinstance(value, bool) and _is_optional(one):
            value = one.flag_value if value else None  # type: ignore[attr-defined]  # an option
        defaults[str(one.name)] = _Default(value, configuration.place(name))
    return defaults


def _defaults(ctx: click.Context) -> dict[str, _Default]:
    """Return what other files said before."""
    return dict(ctx.meta.get(_KEY, {}))


def _set_defaults(ctx: click.Context, defaults: dict[str, _Default]) -> None:
    ctx.meta[_KEY] = defaults
    ctx.default_map = {name: one.value for name, one in defaults.items()}


def _name(param: click.Parameter) -> str:
    """Return the name in a file: the option without its dashes."""
    return param.opts[0].lstrip("-")


def _is_optional(param: click.Parameter) -> bool:
    """Whether an option may stand without its value."""
    is_option = isinstance(param, click.Option) and not param.is_flag
    return is_option and isinstance(param.flag_value, str)  # type: ignore[attr-defined]


def _place(ctx: click.Context, name: str | None) -> str:
    """Return where in the file an option's value stands; empty if it is the command line's."""
    if name is None or ctx.get_parameter_source(name) != click.core.ParameterSource.DEFAULT_MAP:
        return ""
    found = _defaults(ctx).get(name)
    return "" if found is None else found.place
