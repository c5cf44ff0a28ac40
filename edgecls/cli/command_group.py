"""A command that also has subcommands: ``edgecls bench RUN`` and ``edgecls bench compare A.json B.json``."""

from typing import Any

import click

from edgecls.cli.lazy_group import LazyGroup

__all__ = ["CommandGroup"]

_CALLED = "edgecls.cli.command_group.called"


class CommandGroup(LazyGroup):
    """A command with arguments and options of its own, whose first word may name a subcommand instead.

    What is called like a subcommand, such as a directory, is given as ``./compare``.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, no_args_is_help=False, **options)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Leave everything to the subcommand if there is one; else parse as a command does."""
        if args and args[0] in self.table:
            ctx.meta[_CALLED] = self
            ctx.args = args
            return args
        ctx.allow_interspersed_args = True
        return click.Command.parse_args(self, ctx, args)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the command's own parameters; they are not shown before a subcommand's name."""
        return [] if ctx.meta.get(_CALLED) is self else super().get_params(ctx)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand, or the command itself."""
        if ctx.meta.get(_CALLED) is not self:
            return click.Command.invoke(self, ctx)
        name, command, rest = self.resolve_command(ctx, ctx.args)
        if command is None:
            ctx.fail(f"No such command {ctx.args[0]!r}.")
        with ctx, command.make_context(name, rest, parent=ctx) as inner:
            return command.invoke(inner)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return what stands behind the name in the first line of help."""
        return click.Command.collect_usage_pieces(self, ctx)
