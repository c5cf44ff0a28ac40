"""Options that take several values with commas, such as ``--threads 1,2``."""

import click

__all__ = ["split_names", "split_numbers"]


def split_names(
    context: click.Context, option: click.Parameter, value: str | None
) -> list[str] | None:
    """Return the names in ``a,b``, each once; None if the option was not given."""
    del context
    if value is None:
        return None
    names = list(dict.fromkeys(name.strip() for name in value.split(",") if name.strip()))
    if not names:
        message = f"Expected names with commas between them, got {value!r}."
        raise click.BadParameter(message, param=option)
    return names


def split_numbers(
    context: click.Context, option: click.Parameter, value: str | None
) -> list[int] | None:
    """Return the whole numbers in ``1,2``, each once; None if the option was not given."""
    names = split_names(context, option, value)
    if names is None:
        return None
    if not all(name.isascii() and name.isdigit() for name in names):
        message = f"Expected whole numbers with commas between them, got {value!r}."
        raise click.BadParameter(message, param=option)
    return list(dict.fromkeys(map(int, names)))
