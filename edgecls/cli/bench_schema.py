"""``edgecls bench schema``: what a benchmark's JSON consists of."""

import json

import click
from edgecls_bench.schema import bench_schema

__all__ = ["command"]

EPILOG = """\b
Examples:
  edgecls bench schema
  edgecls bench schema > bench.schema.json
"""


@click.command("schema", epilog=EPILOG)
def command() -> None:
    """Print the JSON schema (draft 2020-12) of what edgecls bench writes.

    Every field is described in it, with its unit. docs/bench.schema.json is the same file.
    """
    click.echo(json.dumps(bench_schema(), indent=2, ensure_ascii=False))
