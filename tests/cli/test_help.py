"""Every command explains itself, and its examples are command lines that it takes."""

import shlex

import click
import pytest

from edgecls.cli.command_group import CommandGroup
from edgecls.cli.lazy_group import LazyGroup
from edgecls.cli.main import cli


def commands(group=cli, path=("edgecls",)):
    for name in group.table:
        command = group.get_command(click.Context(group), name)
        if isinstance(command, LazyGroup):
            yield from commands(command, (*path, name))
        if isinstance(command, CommandGroup) or not isinstance(command, LazyGroup):
            yield pytest.param((*path, name), command, id=" ".join((*path, name)))


def examples(command):
    lines = (line.strip() for line in command.epilog.splitlines())
    return [shlex.split(line.partition(" > ")[0]) for line in lines if line.startswith("edgecls ")]


COMMANDS = list(commands())


@pytest.mark.parametrize(("path", "command"), COMMANDS)
def test_help_has_examples_that_the_command_takes(path, command):
    assert command.help
    assert examples(command)
    for words in examples(command):
        assert tuple(words[: len(path)]) == path
        context = command.make_context(" ".join(path), words[len(path) :])
        assert context.params or not command.params


@pytest.mark.parametrize(("path", "command"), COMMANDS)
def test_every_option_is_explained(path, command):
    del path
    assert [p.name for p in command.params if isinstance(p, click.Option) and not p.help] == []


def test_the_table_says_what_the_commands_are():
    assert set(cli.table) >= {"train", "export", "compare", "bench", "report", "run", "verify"}
