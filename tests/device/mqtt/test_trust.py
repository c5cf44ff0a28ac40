"""Certificates and passwords: what is wrong is refused and named, and nothing is sent in the clear."""

import shutil
import subprocess

import pytest
from edgecls_device.errors import OptionError, StorageError

from tests.device.mqtt.conftest import check_balance, event_of, listening, settings_for, wait_for

# paho leaves the socket of a failed handshake to the garbage collector
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning",
    "ignore:unclosed <ssl.SSLSocket:ResourceWarning",
)


def openssl(*arguments, directory):
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)


def make_authority(directory, name):
    openssl(
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2", "-subj", f"/CN={name}",
        directory=directory,
    )  # fmt: skip


def make_certificate(directory, authority, name, *, host="127.0.0.1", days="2"):
    kind = "IP" if host[0].isdigit() else "DNS"
    (directory / f"{name}.ext").write_text(f"subjectAltName={kind}:{host}\n")
    openssl(
        "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}",
        directory=directory,
    )  # fmt: skip
    openssl(
        "x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey",
        f"{authority}.key", "-CAcreateserial", "-out", f"{name}.pem", "-days", days,
        "-extfile", f"{name}.ext", directory=directory,
    )  # fmt: skip


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Authorities ``ours`` and ``other``; certificates of a server and of a client."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the program openssl to make certificates")
    directory = tmp_path_factory.mktemp("certificates")
    for authority in ("ours", "other"):
        make_authority(directory, authority)
    make_certificate(directory, "ours", "server")
    make_certificate(directory, "other", "swapped")
    make_certificate(directory, "ours", "elsewhere", host="elsewhere.example")
    make_certificate(directory, "ours", "expired", days="-1")
    make_certificate(directory, "ours", "client")
    return directory


@pytest.fixture
def make_tls_broker(make_broker, certificates):
    def make(certificate="server", *lines):
        return make_broker(
            "allow_anonymous true",
            f"certfile {certificates / certificate}.pem",
            f"keyfile {certificates / certificate}.key",
            f"cafile {certificates}/ours.pem",
            *lines,
        )

    return make


def trouble_of(sink):
    wait_for(lambda: sink.counts.is_failing)
    return sink.counts.last_error


def test_a_broker_with_a_certificate_of_the_authority_is_trusted(
    make_tls_broker, make_sink, certificates
):
    broker = make_tls_broker().start()
    ca_file = certificates / "ours.pem"
    sink = make_sink(settings_for(broker, has_tls=True, ca_file=ca_file))
    sink.notify(event_of(1), None)
    wait_for(lambda: sink.counts.written == 1)
    with listening(broker.port, prepare=lambda client: client.tls_set(str(ca_file))) as listener:
        listener.wait("availability", b"online")
    sink.finish(None)


@pytest.mark.parametrize(
    ("certificate", "ca", "remedy"),
    [
        ("swapped", "ours", "belongs to this broker"),
        ("server", None, "--mqtt-ca FILE"),
        ("elsewhere", "ours", "Write the name that stands in the certificate"),
        ("expired", "ours", "Check the clock"),
    ],
)
def test_a_bad_certificate_is_refused_with_its_remedy_and_nothing_is_sent(
    make_tls_broker, make_sink, certificates, certificate, ca, remedy
):
    broker = make_tls_broker(certificate).start()
    ca_file = ca and certificates / f"{ca}.pem"
    sink = make_sink(settings_for(broker, has_tls=True, ca_file=ca_file))
    sink.notify(event_of(1), None)
    trouble = trouble_of(sink)
    assert "is refused" in trouble
    assert remedy in trouble
    assert sink._connection.session == 0
    counts = sink.counts
    assert (counts.waiting, counts.written) == (1, 0)
    assert "edgecls-" not in (broker.directory / "broker.log").read_text()


def test_a_certificate_that_is_swapped_while_it_runs_is_refused_until_it_is_put_back(
    make_tls_broker, make_broker, make_sink, certificates
):
    broker = make_tls_broker().start()
    settings = settings_for(broker, has_tls=True, ca_file=certificates / "ours.pem")
    sink = make_sink(settings)
    wait_for(lambda: sink._connection.is_connected)
    good = broker.lines
    broker.lines = tuple(line.replace("server.", "swapped.") for line in good)
    broker.restart()
    sink.notify(event_of(1), None)
    wait_for(lambda: "is refused" in sink.counts.last_error)
    assert sink.counts.waiting == 1
    broker.lines = good
    broker.restart()
    wait_for(lambda: sink.counts.written == 1)
    assert not sink.counts.is_failing
    check_balance(sink.counts)


def test_a_client_certificate_is_shown_if_the_broker_wants_one(
    make_tls_broker, make_sink, certificates
):
    broker = make_tls_broker("server", "require_certificate true").start()
    settings = {"has_tls": True, "ca_file": certificates / "ours.pem"}
    sink = make_sink(settings_for(broker, **settings))
    assert "--mqtt-certificate" in trouble_of(sink)
    sink.close()
    shown = make_sink(
        settings_for(
            broker,
            **settings,
            client_certificate=certificates / "client.pem",
            client_key=certificates / "client.key",
        )
    )
    wait_for(lambda: shown._connection.is_connected)


def test_tls_against_a_plain_port_is_told_and_never_becomes_plain(broker, make_sink, certificates):
    sink = make_sink(settings_for(broker, has_tls=True, ca_file=certificates / "ours.pem"))
    assert "mqtt://" in trouble_of(sink)
    assert "edgecls-" not in (broker.directory / "broker.log").read_text()


def test_a_plain_connection_to_a_tls_port_is_told(make_tls_broker, make_sink):
    sink = make_sink(settings_for(make_tls_broker().start()))
    assert "with TLS" in trouble_of(sink)


@pytest.mark.parametrize("name", ["ca_file", "client_certificate"])
def test_a_file_that_is_no_certificate_is_refused_at_once(tmp_path, make_sink, name):
    path = tmp_path / "file.pem"
    with pytest.raises(StorageError, match="No such file"):
        make_sink(settings_for(1, has_tls=True, **{name: path}))
    path.write_text("no certificate")
    with pytest.raises(OptionError, match="Expected PEM"):
        make_sink(settings_for(1, has_tls=True, **{name: path}))


@pytest.fixture
def locked_broker(make_broker, tmp_path):
    """A broker that knows only eve with the password ``right``."""
    if shutil.which("mosquitto_passwd") is None:
        pytest.skip("needs mosquitto_passwd (Debian: apt install mosquitto)")
    users = tmp_path / "users"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(users), "eve", "right"], check=True)
    return make_broker("allow_anonymous false", f"password_file {users}").start()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_wrong_password_is_told_without_showing_it(locked_broker, make_sink, protocol):
    sink = make_sink(settings_for(locked_broker, user="eve", password="wr0ng", protocol=protocol))
    trouble = trouble_of(sink)
    assert "refuses the user 'eve'" in trouble
    assert "--mqtt-password-file" in trouble
    assert "wr0ng" not in trouble + repr(sink._settings)
    nobody = make_sink(settings_for(locked_broker, topic="edgecls/other", protocol=protocol))
    assert "--mqtt-user" in trouble_of(nobody)


def test_the_right_password_opens(locked_broker, make_sink):
    sink = make_sink(settings_for(locked_broker, user="eve", password="right"))
    wait_for(lambda: sink._connection.is_connected)
    assert sink.counts.last_error == ""
