"""``--config FILE`` of ``edgecls run``: the file's values become the defaults of the options."""

import re
from pathlib import Path
from typing import Any

import click
from edgecls_device.errors import OptionError

from edgecls.cli.sections import SectionCommand

__all__ = ["ConfigurableCommand", "read_defaults"]

_KEY = "edgecls.configuration"
_OPTION = re.compile(r"--([a-z][a-z-]*)")


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
    if path is None:
        return None
    from edgecls_device.service.configuration import OptionKind, read_configuration

    params = {_name(one): one for one in ctx.command.params if one is not param}
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
    ctx.meta[_KEY] = {params[name].name: configuration.place(name) for name in configuration.values}
    defaults = {}
    for name, found in configuration.values.items():
        one, value = params[name], found.value
        if value is True and _is_optional(one):
            value = one.flag_value  # type: ignore[attr-defined]  # an option, as _is_optional says
        if not (value is False and _is_optional(one)):
            defaults[one.name] = value
    ctx.default_map = defaults
    return path


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
    return str(ctx.meta.get(_KEY, {}).get(name, ""))
