"""docs/benchmarks.md promises figures that stand in the code."""

import re
import shlex
from pathlib import Path

import click
import pytest
from edgecls_bench.conditions import BESIDE_CORES, CROWDED_CORES, LOWEST_CLOCK
from edgecls_bench.measurement import LEAST_FOR_P99
from edgecls_bench.run_comparison import SAME
from edgecls_bench.statistics import RESAMPLES
from edgecls_device.errors import SlowerError, VoidBenchmarkError

from edgecls.cli.main import cli

ROOT = Path(__file__).parents[2]
PAGE = " ".join((ROOT / "docs" / "benchmarks.md").read_text("utf-8").split())


@pytest.mark.parametrize(
    "promise",
    [
        f"at least {LEAST_FOR_P99} samples",
        f"fewer than {LEAST_FOR_P99} samples",
        f"drawn anew {RESAMPLES} times",
        f"more than {CROWDED_CORES:g} cores busy ({BESIDE_CORES:g} where cores were left over)",
        f"a clock {100 * (1 - LOWEST_CLOCK):.0f} % below the one at the start",
        f"lies beyond {100 * SAME:g} %",
        f"an error (exit code {VoidBenchmarkError.exit_code})",
        f"`--fail-if-slower` (exit code {SlowerError.exit_code})",
    ],
)
def test_the_page_for_whoever_distrusts_benchmarks_tells_the_constants_that_ship(promise):
    assert promise in PAGE


def test_so_many_samples_hold_two_beyond_the_99th_percentile_as_good_as_always():
    n = LEAST_FOR_P99
    at_most_one = 0.99**n + n * 0.01 * 0.99 ** (n - 1)
    assert at_most_one < 0.01
    assert 0.99**100 > 1 / 3


def shown_commands():
    lines = (ROOT / "docs" / "benchmarks.md").read_text("utf-8").splitlines()
    return [
        shlex.split(line, comments=True)[1:] for line in lines if line.startswith("    edgecls ")
    ]


def test_the_page_shows_commands():
    assert len(shown_commands()) >= 8


@pytest.mark.parametrize("words", shown_commands())
def test_commands_on_the_page_have_the_options_that_they_show(words):
    group, words = cli, list(words)
    while isinstance(group, click.Group) and words and words[0] in group.list_commands(None):
        group = group.get_command(click.Context(group), words.pop(0))
    assert group is not cli
    group.make_context("edgecls", words, resilient_parsing=False)


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", PAGE))
def test_links_on_the_page_lead_somewhere(link):
    assert (ROOT / "docs" / link).exists()
