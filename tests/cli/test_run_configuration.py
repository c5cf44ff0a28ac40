"""``edgecls run --config FILE``: the options of the command line in a file, and errors that name the line."""

from pathlib import Path

import click
import pytest
from edgecls_device.errors import OptionError

from edgecls.cli.run import command
from edgecls.cli.run_configuration import read_defaults
from edgecls.cli.run_settings import run_settings


@pytest.fixture
def parsed(tmp_path):
    """Return what a configuration file and a command line give together."""

    def parse(text, *arguments):
        path = tmp_path / "run.toml"
        path.write_text(text)
        context = command.make_context("run", ["--config", str(path), *arguments])
        return context.params

    return parse


def test_a_file_gives_artifact_source_and_options(parsed, tmp_path):
    (tmp_path / "clip.avi").write_bytes(b"")
    options = parsed(
        'artifact = "pets.int8.tflite"\nsource = "clip.avi"\nevery = 3\njson = true\n'
        'web-host = ["shed.local", "cats.example"]\n[mqtt]\nurl = "mqtt://broker"\ntopic = "a/b"\n'
    )
    assert options["artifact"] == tmp_path / "pets.int8.tflite"
    assert options["source"] == str(tmp_path / "clip.avi")
    assert (options["every"], options["as_json"]) == (3, True)
    assert options["web_host"] == ("shed.local", "cats.example")
    assert (options["mqtt"], options["mqtt_topic"]) == ("mqtt://broker", "a/b")


def test_the_command_line_wins(parsed):
    options = parsed('source = "0"\nevery = 3\n', "--every", "7")
    assert (options["source"], options["every"]) == ("0", 7)


@pytest.mark.parametrize(("text", "value"), [("true", "127.0.0.1:8080"), ('":80"', ":80")])
def test_an_option_that_may_stand_bare_is_true_in_a_file(parsed, text, value):
    assert parsed(f"web = {text}\n")["web"] == value
    assert parsed("web = false\n")["web"] is None


def test_a_value_that_is_refused_names_its_line(parsed):
    with pytest.raises(OptionError, match=r"run\.toml, line 2"):
        parsed('source = "0"\nevery = 0\n')
    with pytest.raises(OptionError, match=r"run\.toml, line 1.*"):
        parsed('evry = 2\nsource = "0"\n')


def test_a_value_that_is_refused_later_names_its_line_too(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text('artifact = "x.tflite"\nsource = "0"\n\nroi = "1,2,3"\n')
    context = command.make_context("run", ["--config", str(path)])
    with pytest.raises(OptionError, match=r"--roi.*run\.toml, line 4"):
        command.invoke(context)


def test_a_wrong_value_on_the_command_line_does_not_blame_the_file(parsed):
    with pytest.raises(click.BadParameter):
        parsed("every = 2\n", "--every", "none")


def test_every_option_of_the_command_may_stand_in_a_file(parsed):
    texts = {
        param.opts[0].lstrip("-"): _example(param)
        for param in command.params
        if param.callback is not read_defaults
    }
    options = parsed("".join(f"{name} = {text}\n" for name, text in texts.items()))
    assert len(texts) > 50
    assert not [name for name, value in options.items() if value in {None, False}]


def _example(param):
    if isinstance(param, click.Option) and param.is_flag:
        return "true"
    if isinstance(param.type, click.Choice):
        return f'"{param.type.choices[0]}"'
    if isinstance(param.type, click.types.FloatRange | click.types.IntRange):
        return "1"
    return "1" if param.type is click.INT else '"text"'


def options_of(*arguments):
    return command.make_context("run", ["model.tflite", "--source", "0", *arguments]).params


def settings_of(*arguments):
    return run_settings(Path("pets.int8.tflite"), options_of(*arguments))


def test_what_is_not_said_about_decisions_is_left_to_the_source():
    assert settings_of().decisions is None
    assert settings_of("--motion").decisions.motion_share == pytest.approx(0.005)
    assert settings_of("--motion", "0.02").decisions.motion_share == pytest.approx(0.02)
    assert settings_of("--roi", "0,0,64,64").decisions.roi.width == 64


def test_a_camera_size_is_width_by_height_as_everybody_writes_it():
    assert settings_of("--camera-size", "1280x720").source_options.camera_size == (720, 1280)


def test_topics_are_named_for_the_model():
    assert settings_of("--mqtt", "mqtt://broker").mqtt.topic == "edgecls/pets"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--mqtt-topic", "x"], "--mqtt "),
        (["--web-host", "x"], "--web "),
        (["--collect", "photos"], "--web "),
        (["--second", "b.tflite"], "--keep-uncertain"),
        (["--webhook-secret-file", "key"], "--webhook "),
        (["--webhook-ca", "ca.pem"], "--webhook "),
        (["--save-quota", "much"], "--save-quota"),
        (["--json-rotate", "much"], "--json-rotate"),
        (["--camera-size", "large"], "--camera-size"),
        (["--motion", "much"], "--motion"),
        (["--web", "nowhere:x"], "address"),
    ],
)
def test_options_that_mean_nothing_are_refused(arguments, named):
    with pytest.raises(OptionError, match=named):
        settings_of(*arguments)
