"""A command with subcommands: its first word decides."""

import click
import pytest
from click.testing import CliRunner

from edgecls.cli.command_group import CommandGroup

TABLE = {"compare": ("tests.cli.test_command_group:compare", "Compare two.")}


@click.command("compare")
@click.argument("files", nargs=2)
def compare(files):
    """Compare two files."""
    click.echo(f"compared {files[0]} {files[1]}")


@click.group("measure", cls=CommandGroup, table=TABLE)
@click.argument("targets", nargs=-1, required=True)
@click.option("--quick", is_flag=True)
def measure(targets, quick):
    """Measure."""
    click.echo(f"measured {' '.join(targets)} {quick}")


@click.group()
def root():
    """Stand above, as edgecls does."""


root.add_command(measure)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("runs/pets", "measured runs/pets False"),
        ("--quick a b", "measured a b True"),
        ("a --quick b", "measured a b True"),
        ("./compare", "measured ./compare False"),
        ("compare a b", "compared a b"),
    ],
)
def test_the_first_word_decides(words, said):
    result = CliRunner().invoke(root, ["measure", *words.split()])
    assert result.output.strip() == said
    assert result.exit_code == 0


def test_help_shows_both():
    output = CliRunner().invoke(root, ["measure", "--help"]).output
    assert "measure [OPTIONS] TARGETS..." in output
    assert "--quick" in output
    assert "Compare two." in output


def test_help_of_a_subcommand_is_its_own():
    output = CliRunner().invoke(root, ["measure", "compare", "--help"]).output
    assert "measure compare [OPTIONS] FILES..." in output
    assert "--quick" not in output


@pytest.mark.parametrize("words", [["--slow", "a"], [], ["compare", "a"], ["compare", "--quick"]])
def test_wrong_words_are_refused(words):
    assert CliRunner().invoke(root, ["measure", *words]).exit_code == 2
