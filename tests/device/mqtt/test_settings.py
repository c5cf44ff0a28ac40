import subprocess
import sys

import pytest
from edgecls_device.errors import OptionError, StorageError
from edgecls_device.sinks.mqtt_settings import MqttSettings, parse_mqtt_url, read_password


def test_a_url_names_the_broker_and_the_topic():
    settings = parse_mqtt_url("mqtts://eve@broker.local:8884/shed/left%20door")
    assert (settings.host, settings.port, settings.topic) == (
        "broker.local",
        8884,
        "shed/left door",
    )
    assert settings.has_tls
    assert settings.user == "eve"
    assert settings.place == "broker.local:8884"


def test_what_a_url_leaves_out_has_defaults():
    settings = parse_mqtt_url("mqtt://[::1]", name="Front Door/+#")
    assert (settings.port, settings.topic) == (1883, "edgecls/Front-Door")
    assert (settings.has_tls, settings.user, settings.protocol) == (False, None, "5")
    assert settings.place == "[::1]:1883"
    assert parse_mqtt_url("mqtts://broker", name="x").port == 8883
    assert parse_mqtt_url("mqtt://broker").topic.startswith("edgecls/")


def test_options_come_before_what_stands_in_the_url():
    settings = parse_mqtt_url("mqtt://eve@broker/a?protocol=3.1.1", topic="b/c", user="bob")
    assert (settings.topic, settings.user, settings.protocol) == ("b/c", "bob", "3.1.1")


@pytest.mark.parametrize(
    "url",
    [
        "http://broker",
        "broker",
        "mqtt://",
        "mqtt://broker:0",
        "mqtt://broker:99999",
        "mqtt://broker:port",
        "mqtt://bro ker",
        "mqtt://-broker",
        "mqtt://" + "a" * 64 + ".example",
        "mqtt://broker/a/+/b",
        "mqtt://broker/a%23",
        "mqtt://broker/a//b",
        "mqtt://broker/$SYS",
        "mqtt://broker/a%00b",
        "mqtt://broker/a?tls=no",
        "mqtt://broker/a?protocol=4",
        "mqtt://broker#a",
        "mqtt://[::1",
    ],
)
def test_a_url_of_another_form_is_refused(url):
    with pytest.raises(OptionError, match="Expected") as caught:
        parse_mqtt_url(url)
    assert caught.value.hint


@pytest.mark.parametrize(
    "url", ["mqtt://eve:s3cret@broker", "mqtt://eve:s3cret@broker:port", "mqtt://e:s3cret@[x"]
)
def test_a_password_in_the_url_is_refused_and_not_repeated(url):
    with pytest.raises(OptionError) as caught:
        parse_mqtt_url(url)
    assert "s3cret" not in caught.value.message + caught.value.hint


def test_a_password_is_never_shown():
    settings = parse_mqtt_url("mqtt://eve@broker", password="s3cret")
    assert settings.password == "s3cret"
    assert "s3cret" not in repr(settings) + str(settings)


def test_a_password_comes_from_a_file_or_the_environment(tmp_path):
    path = tmp_path / "password"
    path.write_text("from file\nmore\n")
    environment = {"EDGECLS_MQTT_PASSWORD": "from variable"}
    assert read_password(path, environment) == "from file"
    assert read_password(None, environment) == "from variable"
    assert read_password(None, {}) is None


def test_a_password_file_that_says_nothing_is_refused(tmp_path):
    path = tmp_path / "password"
    with pytest.raises(StorageError, match="No such file"):
        read_password(path)
    for content in (b"", b"\n", b"\xff\xfe"):
        path.write_bytes(content)
        with pytest.raises(OptionError, match="first line"):
            read_password(path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"ca_file": "ca.pem"},
        {"client_certificate": "c.pem"},
        {"has_tls": True, "client_key": "c.key"},
        {"password": "x"},
    ],
)
def test_settings_that_do_not_fit_together_are_refused(wrong):
    with pytest.raises(OptionError) as caught:
        MqttSettings(host="broker", port=1883, topic="a", **wrong)
    assert caught.value.hint


def test_settings_import_no_client():
    code = (
        "import sys, edgecls_device.sinks.mqtt_settings; sys.exit('paho' in sys.modules"
        " or 'cv2' in sys.modules or 'sqlite3' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
