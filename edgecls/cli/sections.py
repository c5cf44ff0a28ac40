"""Options in sections, so that the help of a command with many options can be read."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

__all__ = ["SectionCommand", "SectionOption", "add_options", "option"]

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class SectionOption(click.Option):
    """An option that belongs to a section of the help."""

    def __init__(self, *args: Any, section: str = "Options", **options: Any) -> None:
        super().__init__(*args, **options)
        self.section = section


class SectionCommand(click.Command):
    """A command whose help lists its options by section, in the order in which they are declared."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each section; options without one are general."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                section = param.section if isinstance(param, SectionOption) else "General"
                sections.setdefault(section, []).append(record)
        for section, records in sections.items():
            with formatter.section(section):
                formatter.write_dl(records)


def option(section: str, *names: str, **settings: Any) -> Callable[[Decorated], Decorated]:
    """Return a decorator that adds an option to a section; ``settings`` as for ``click.option``."""
    return click.option(*names, cls=SectionOption, section=section, **settings)


def add_options(
    decorators: Sequence[Callable[[Decorated], Decorated]],
) -> Callable[[Decorated], Decorated]:
    """Return a decorator that adds many options, in their order."""

    def add(function: Decorated) -> Decorated:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return add
