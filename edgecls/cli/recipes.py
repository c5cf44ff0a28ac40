"""``edgecls recipes``: which kinds of files an export can make, and what each is good for."""

import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import click
from edgecls_export.table import EXPORTERS, choose_exporters

from edgecls.cli.lists import split_names
from edgecls.cli.output import json_option, print_record

__all__ = ["Recipe", "Recipes", "command"]

NAME_COLUMNS = 18
WIDEST = 110
EPILOG = """\b
Examples:
  edgecls recipes
  edgecls recipes --format tflite
  edgecls recipes --json
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """One way to make a file.

    Attributes:
        format: ``tflite`` or ``onnx``.
        recipe: Its name, for ``edgecls export --recipe``.
        summary: What it does.
        fast: Where it is fast.
        slow: Where it is not, or what it costs.
        is_default: Whether it is exported where no recipe is named.
        needs_calibration: Whether it measures value ranges on photos.
        training_photos: Photos it is tuned on; 0 if it is not tuned.
        extra: The extra of edgecls that brings its packages.
        is_installed: Whether they are installed here.
    """

    format: str
    recipe: str
    summary: str
    fast: str
    slow: str
    is_default: bool
    needs_calibration: bool
    training_photos: int
    extra: str
    is_installed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipes:
    """All recipes, in the order of the table.

    Attributes:
        recipes: One for each format and recipe.
    """

    kind: ClassVar[str] = "edgecls.recipes"
    version: ClassVar[int] = 1

    recipes: tuple[Recipe, ...]


@click.command("recipes", epilog=EPILOG)
@click.option(
    "--format",
    "formats",
    metavar="NAMES",
    callback=split_names,
    help="tflite, onnx, with commas between them; by default both.",
)
@json_option
def command(formats: list[str] | None, as_json: bool) -> None:
    """List the recipes of `edgecls export`: what each does, and where it is fast and where not.

    Those marked `default` are exported where no recipe is named. Figures are of all backbones, one thread,
    x86-64: docs/recipes.md, docs/backbones.md.
    """
    found = Recipes(recipes=tuple(_recipes(formats or ())))
    if as_json:
        print_record(found)
        return
    width = min(shutil.get_terminal_size((80, 24)).columns, WIDEST)
    for line in _lines(found, width):
        click.echo(line)


def _recipes(formats: "list[str] | tuple[str, ...]") -> Iterator[Recipe]:
    choose_exporters(formats)  # an unknown format is refused there
    for (file_format, recipe), entry in EXPORTERS.items():
        if formats and file_format not in formats:
            continue
        yield Recipe(
            format=file_format,
            recipe=recipe,
            summary=entry.summary,
            fast=entry.fast,
            slow=entry.slow,
            is_default=entry.is_default,
            needs_calibration=entry.needs_calibration,
            training_photos=entry.training_photos,
            extra=entry.extra,
            is_installed=entry.is_installed,
        )


def _lines(found: Recipes, width: int) -> Iterator[str]:
    file_format = ""
    for recipe in found.recipes:
        if recipe.format != file_format:
            yield from ([""] if file_format else [])
            file_format = recipe.format
            yield file_format
        yield from _paragraph(f"  {recipe.recipe}", recipe.summary, width)
        yield from _paragraph(
            "    default" if recipe.is_default else "", f"fast: {recipe.fast}", width
        )
        yield from _paragraph("", f"slow: {recipe.slow}", width)
        if not recipe.is_installed:
            missing = f"not installed: pip install 'edgecls[{recipe.extra}]'"
            yield from _paragraph("", missing, width)
    yield ""
    yield "next: edgecls export RUN --recipe NAME"


def _paragraph(name: str, text: str, width: int) -> list[str]:
    """Return text in a column beside its name, wrapped."""
    indent = " " * NAME_COLUMNS
    filled = textwrap.wrap(
        text, width, initial_indent=f"{name:<{NAME_COLUMNS}}", subsequent_indent=indent,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    return [line.rstrip() for line in filled]
