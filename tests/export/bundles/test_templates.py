"""The options that a new installation begins with, as ``edgecls run`` reads them."""

import re

import pytest
from edgecls_device.errors import OptionError

from edgecls.cli.run import command
from tests.device.bundles.installable import TEMPLATES

CONFIG = (TEMPLATES / "config.toml").read_text()


def options(path, text):
    path.write_text(text)
    return command.make_context("run", ["model.tflite", "--config", str(path)]).params


def test_the_first_options_are_those_of_a_camera_that_may_come_later(tmp_path):
    found = options(tmp_path / "config.toml", CONFIG)
    assert (found["source"], found["wait_for_source"]) == ("0", True)
    assert found["web"] == "127.0.0.1:8080"
    assert found["web_token_file"] == tmp_path / "data/web.token"
    assert (found["backend"], found["threads"], found["mqtt"]) == (None, None, None)


def test_every_line_that_a_user_may_switch_on_is_an_option(tmp_path):
    one_source = re.sub(r"(?m)^# source = .*\n", "", CONFIG)
    switched_on = re.sub(r"(?m)^# (?=[a-z-]+ = |\[)", "", one_source)
    assert switched_on.count("\n# ") < one_source.count("\n# ") - 10
    found = options(tmp_path / "config.toml", switched_on)
    assert found["mqtt"] == "mqtt://broker.local"
    assert found["snapshots"] == tmp_path / "data/snapshots"
    assert found["keep_uncertain"] == tmp_path / "data/uncertain"
    assert found["roi"] == "0.25,0.25,0.5,0.5"


def test_what_the_service_writes_is_where_it_may(tmp_path):
    for value in re.findall(r'(?:file|directory|outbox|uncertain) = "(.*?)"', CONFIG):
        assert value.startswith("data/") or value == "mqtt.password"


def test_a_slip_in_it_is_told_with_its_line(tmp_path):
    with pytest.raises(OptionError, match="line"):
        options(tmp_path / "config.toml", CONFIG.replace("wait-for-source", "wait-for-sauce"))
