"""The options of ``edgecls bench`` that say how carefully and what is measured."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import click
from edgecls_bench.settings import QUICK, THOROUGH, BenchSettings

__all__ = ["Care", "care_options", "frame_option"]

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

THROUGHPUT_S, QUICK_THROUGHPUT_S = 3.0, 1.0

_OPTIONS = (
    click.option(
        "--quick",
        is_flag=True,
        help="A first impression in two seconds a case: one process, 30 runs, no 99th percentile.",
    ),
    click.option(
        "--rounds",
        type=click.IntRange(min=1),
        help="Fresh processes that measure each case; 3 by default, 1 with --quick.",
    ),
    click.option(
        "--seconds",
        type=click.FloatRange(min=0, min_open=True, max=86_400),
        help="Measure each case for at least so long; 3 by default, 0.5 with --quick.",
    ),
    click.option(
        "--runs",
        type=click.IntRange(min=1),
        help="Measured runs of each case; by default as many as its figures need.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(min=0),
        help="Of the order of processes, to repeat one; by default a new one each time.",
    ),
    click.option(
        "--throughput",
        is_flag=True,
        help="Also count the frames a second of all cores together.",
    ),
    click.option(
        "--sustained",
        type=click.FloatRange(min=1, max=86_400),
        metavar="SECONDS",
        help="Also run the fastest case so long without a pause: does heat slow it down?",
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Care:
    """These options as they were given.

    Attributes:
        quick: ``--quick``.
        rounds: ``--rounds``; None if it was not given.
        seconds: ``--seconds``.
        runs: ``--runs``.
        seed: ``--seed``.
        throughput: ``--throughput``.
        sustained: ``--sustained``.
    """

    quick: bool
    rounds: int | None
    seconds: float | None
    runs: int | None
    seed: int | None
    throughput: bool
    sustained: float | None

    @property
    def settings(self) -> BenchSettings:
        """What they mean."""
        usual = QUICK if self.quick else THOROUGH
        rounds = self.rounds or min(usual.rounds, self.runs or usual.rounds)
        seconds = self.seconds or usual.least_seconds
        throughput_s = QUICK_THROUGHPUT_S if self.quick else THROUGHPUT_S
        return replace(
            usual,
            rounds=rounds,
            runs=self.runs or 0,
            least_seconds=seconds,
            most_seconds=max(seconds, usual.most_seconds),
            seed=secrets.randbits(32) if self.seed is None else self.seed,
            throughput_seconds=throughput_s if self.throughput else 0.0,
            sustained_seconds=self.sustained or 0.0,
        )

    @property
    def words(self) -> tuple[str, ...]:
        """The options as words of a command line."""
        valued = {
            "--rounds": self.rounds,
            "--seconds": self.seconds,
            "--runs": self.runs,
            "--seed": self.seed,
            "--sustained": self.sustained,
        }
        return (
            *(("--quick",) if self.quick else ()),
            *(("--throughput",) if self.throughput else ()),
            *(
                word
                for name, value in valued.items()
                if value is not None
                for word in (name, str(value))
            ),
        )


def care_options(function: Decorated) -> Decorated:
    """Add these options to a command; it takes them as ``**care`` for :class:`Care`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def _height_and_width(
    context: click.Context, option: click.Parameter, value: str
) -> tuple[int, int]:
    del context
    height, _, width = value.partition("x")
    if not (height.isascii() and height.isdigit() and width.isascii() and width.isdigit()):
        message = f"Expected HEIGHTxWIDTH in pixels, such as 480x640, got {value!r}."
        raise click.BadParameter(message, param=option)
    return int(height), int(width)


frame_option = click.option(
    "--frame",
    metavar="HEIGHTxWIDTH",
    default="480x640",
    show_default=True,
    callback=_height_and_width,
    help="Size of the camera frame that is classified.",
)
