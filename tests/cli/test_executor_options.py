import click
import pytest
from click.testing import CliRunner
from edgecls_device.errors import OptionError

from edgecls.cli.executor_options import Spread, executor_options


@click.command()
@executor_options
def command(**spread):
    chosen = Spread(**spread)
    click.echo(f"{chosen.executor} {chosen.address} {chosen.workers} {chosen.is_asked}")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "None None None False"),
        (["--workers", "3"], "None None 3 True"),
        (["--executor", "ray", "--address", "127.0.0.1:6379"], "ray 127.0.0.1:6379 None True"),
    ],
)
def test_the_options_become_a_record_that_knows_whether_any_was_given(arguments, says):
    assert CliRunner().invoke(command, arguments).output.strip() == says


@pytest.mark.parametrize("arguments", [["--executor", "dask"], ["--workers", "0"]])
def test_what_cannot_be_is_refused(arguments):
    assert CliRunner().invoke(command, arguments).exit_code == 2


def test_an_address_wants_ray():
    with pytest.raises(OptionError, match="--executor ray"):
        Spread(executor=None, address="127.0.0.1:6379", workers=None).open()
