"""Configuration files: every mistake is an error with its line, and a value is never more than a value."""

import random
import time

import pytest
from edgecls_device.errors import EdgeclsError, OptionError, StorageError
from edgecls_device.service.configuration import OptionKind, read_configuration

KINDS = [
    OptionKind(name="artifact", is_path=True),
    OptionKind(name="source", is_source=True),
    OptionKind(name="camera-size"),
    OptionKind(name="json", is_flag=True),
    OptionKind(name="json-file", is_path=True),
    OptionKind(name="limit"),
    OptionKind(name="motion", may_be_bare=True),
    OptionKind(name="mqtt"),
    OptionKind(name="mqtt-topic"),
    OptionKind(name="web", may_be_bare=True),
    OptionKind(name="web-host", is_multiple=True),
]

WHOLE = """\
# The camera in the shed.
artifact = "models/pets.int8.tflite"
source = "0"
camera-size = "640x480"

[json]
lines = true
file = "/var/log/cats.jsonl"

[mqtt]
url = "mqtt://broker.local"
topic = "shed/cats"

[web]
address = "127.0.0.1:8080"
host = [
  "shed.local",  # as the browser calls it
  "shed",
]
"""


def read(tmp_path, text):
    path = tmp_path / "pets.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_configuration(path, KINDS)


def values(tmp_path, text):
    return {name: found.value for name, found in read(tmp_path, text).values.items()}


def refused(tmp_path, text):
    with pytest.raises(OptionError) as caught:
        read(tmp_path, text)
    return caught.value


def test_a_whole_file_gives_the_values_of_a_command_line_and_their_lines(tmp_path):
    found = read(tmp_path, WHOLE)
    assert {name: one.value for name, one in found.values.items()} == {
        "artifact": str(tmp_path / "models/pets.int8.tflite"),
        "source": "0",
        "camera-size": "640x480",
        "json": True,
        "json-file": "/var/log/cats.jsonl",
        "mqtt": "mqtt://broker.local",
        "mqtt-topic": "shed/cats",
        "web": "127.0.0.1:8080",
        "web-host": ("shed.local", "shed"),
    }
    assert [one.line for one in found.values.values()] == [2, 3, 4, 7, 8, 11, 12, 15, 16]
    assert found.place("mqtt-topic") == f"{tmp_path}/pets.toml, line 12"
    assert found.place("limit") == ""


@pytest.mark.parametrize(
    "text",
    [
        'mqtt = "a"\nmqtt-topic = "b"',
        '[mqtt]\nurl = "a"\ntopic = "b"',
        'mqtt.url = "a"\nmqtt.topic = "b"',
        'mqtt = {url = "a", topic = "b"}',
        '"mqtt" = "a"\n"mqtt-topic" = "b"',
    ],
)
def test_tables_dots_and_dashes_say_the_same(tmp_path, text):
    assert values(tmp_path, text) == {"mqtt": "a", "mqtt-topic": "b"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("limit = 100", "100"),
        ("limit = 0.5", "0.5"),
        ("web = true", True),
        ("web = false", False),
        ('web-host = "one"', ("one",)),
        ("web-host = []", ()),
    ],
)
def test_numbers_bare_options_and_single_members_are_taken(tmp_path, text, wanted):
    assert list(values(tmp_path, text).values()) == [wanted]


def test_paths_are_relative_to_the_file_and_sources_only_where_there_is_a_file(tmp_path):
    (tmp_path / "clip.avi").touch()
    (tmp_path / "0").touch()
    assert values(tmp_path, 'source = "clip.avi"')["source"] == str(tmp_path / "clip.avi")
    for other in ("0", "rtsp://camera/stream", "test:bars", "no-such.avi", "/dev/video0"):
        assert values(tmp_path, f'source = "{other}"')["source"] == other


def test_an_unknown_option_is_refused_with_its_line_and_the_nearest_name(tmp_path):
    error = refused(tmp_path, 'source = "0"\n\ncamera-sice = "1x1"\n')
    assert f"{tmp_path}/pets.toml, line 3, got 'camera-sice'" in error.message
    assert "did you mean 'camera-size'?" in error.hint
    error = refused(tmp_path, '[mqtt]\n# a remark\ntopik = "x"\n')
    assert "line 3, got 'mqtt-topik'" in error.message
    assert "'mqtt-topic'" in error.hint
    assert "line 2, got 'mqqt'" in refused(tmp_path, "json = true\n[mqqt]\n").message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('json = "yes"', "true or false for 'json' in"),
        ("json = 1", "line 1, got 1."),
        ("limit = true", "text or a number for 'limit'"),
        ("limit = [1, 2]", "got a list"),
        ("limit = 1979-05-27", "line 1, got datetime.date"),
        ("limit = nan", "a number up to"),
        ("limit = -inf", "a number up to"),
        (f"limit = 0x{'f' * 5000}", "got a larger one"),
        (f"limit = [0x{'f' * 5000}]", "got a list"),
        ("web-host = [true]", "or a list of them"),
        ("[[web-host]]\nx = 1", "got a table"),
        ('source = "a\\u0000b"', "without control characters"),
        ("mqtt = {}\n[mqtt-topic]\n[limit]\nx=1", "got 'limit-x'"),
    ],
)
def test_a_value_of_another_kind_is_refused_with_its_line(tmp_path, text, words):
    error = refused(tmp_path, text)
    assert words in error.message
    assert ", line " in error.message
    assert error.hint


def test_an_option_given_in_two_ways_is_refused_with_both_lines(tmp_path):
    error = refused(tmp_path, 'mqtt-topic = "a"\n\n[mqtt]\ntopic = "b"')
    assert "one value for 'mqtt-topic'" in error.message
    assert "lines 1 and 4" in error.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("limit = ", "line 1"),
        ("limit = 1\nlimit = 2", "line 2"),
        ('source = "0', "line 1"),
        ('source = "0"\nweb-host = [\n"a",\n', "line 2"),
        (b"limit = 1\nsource = '\xff'", "UTF-8"),
        ("limit = " + "[" * 20_000, ""),
        (f"limit = {'9' * 5000}", ""),
    ],
)
def test_what_is_no_toml_is_refused(tmp_path, text, words):
    assert words in refused(tmp_path, text).message


def test_the_line_of_a_value_after_longer_ones_is_right(tmp_path):
    text = 'web-host = [\n  "a",\n\n  "b",\n]\nsource = """\\\n  0"""\n\nlimit = true'
    assert "line 9" in refused(tmp_path, text).message


def test_a_file_that_is_not_there_or_too_large_is_named(tmp_path):
    with pytest.raises(StorageError, match=r"no-such\.toml"):
        read_configuration(tmp_path / "no-such.toml", KINDS)
    with pytest.raises(StorageError, match="at most 65536 bytes"):
        read(tmp_path, "#" * 70_000)


def test_nothing_in_a_file_is_expanded_or_executed(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET", "s3cret")
    for text in (
        "$(touch pwned)",
        "`id`",
        "${SECRET}",
        "%(here)s",
        "{0.__class__}",
        "!!python",
        "~",
    ):
        assert values(tmp_path, f"mqtt-topic = '{text}'") == {"mqtt-topic": text}
    assert [path.name for path in tmp_path.iterdir()] == ["pets.toml"]


PIECES = [
    *(
        "[",
        "]",
        "[[",
        "]]",
        "=",
        " = ",
        "\n",
        "\r\n",
        ".",
        ",",
        "#",
        '"',
        "'",
        '"""',
        "'''",
        "{",
        "}",
    ),
    *(
        "mqtt",
        "url",
        "topic",
        "web-host",
        "json",
        "limit",
        "lines",
        "true",
        "1e999",
        "-0",
        "0x1F",
        "nan",
    ),
    *("\\u0000", "\\", "ü", "\ufeff", "\0", "1979-05-27T07:32:00Z", "$(id)", "a" * 300, "[" * 200),
]


def mutated(rng):
    """Return a document with a few bytes changed, or a soup of pieces of TOML."""
    if rng.random() < 0.5:
        data = bytearray(WHOLE.encode())
        for _ in range(rng.randint(1, 6)):
            place = rng.randrange(len(data))
            data[place : place + rng.randrange(3)] = rng.choice(PIECES).encode()
        return bytes(data)
    return "".join(rng.choices(PIECES, k=rng.randint(1, 40))).encode()


def test_any_bytes_give_a_configuration_or_a_typed_error(tmp_path):
    rng, path, refusals = random.Random(7), tmp_path / "fuzz.toml", 0
    for _ in range(3000):
        path.write_bytes(mutated(rng))
        try:
            found = read_configuration(path, KINDS)
        except EdgeclsError:
            refusals += 1
        else:
            count = path.read_bytes().count(b"\n") + 1
            assert all(1 <= one.line <= count for one in found.values.values())
    assert 300 < refusals < 3000
    assert [one.name for one in tmp_path.iterdir()] == ["fuzz.toml"]


def test_a_file_made_to_be_slow_is_read_in_seconds(tmp_path):
    begin = time.monotonic()
    values(tmp_path, 'mqtt-topic = """' + "\\\n" * 32_000 + '"""')
    values(tmp_path, "web-host = [\n" + "'a',\n" * 10_000 + "]")
    assert time.monotonic() - begin < 10
