"""Which devices, and in which order."""

import pytest
from edgecls_device.errors import OptionError

from edgecls.ssh.hosts import Host, batches, parse_host, parse_share, read_hosts


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("pi@shed.local", Host(address="shed.local", user="pi")),
        ("shed", Host(address="shed")),
        ("pi@10.0.0.7:2222", Host(address="10.0.0.7", user="pi", port=2222)),
        ("pi@[fe80::1]:22", Host(address="fe80::1", user="pi", port=22)),
    ],
)
def test_a_device_is_read_and_written_as_the_user_writes_it(text, host):
    assert parse_host(text) == host
    assert str(host) == text


@pytest.mark.parametrize(
    "text", ["", "pi@", "@shed", "pi@shed:0", "pi@shed:99999", "-oProxyCommand=x", "a b", "pi@a;b"]
)
def test_what_is_no_device_is_refused(text):
    with pytest.raises(OptionError, match="Expected user@address"):
        parse_host(text)


def test_a_file_of_devices_may_have_remarks_and_names_the_line_that_is_wrong(tmp_path):
    file = tmp_path / "boards.txt"
    file.write_text("# sheds\npi@shed-1.local\n\npi@shed-2.local  # behind the house\n")
    assert [str(host) for host in read_hosts(file)] == ["pi@shed-1.local", "pi@shed-2.local"]
    file.write_text("pi@shed-1.local\nno host\n")
    with pytest.raises(OptionError, match="line 2"):
        read_hosts(file)
    file.write_text("# nothing\n")
    with pytest.raises(OptionError, match="at least one"):
        read_hosts(file)


def test_a_device_that_is_named_twice_is_refused(tmp_path):
    file = tmp_path / "boards.txt"
    file.write_text("pi@shed\nroot@SHED:22\n")
    with pytest.raises(OptionError, match="twice"):
        read_hosts(file)


def test_the_first_device_is_done_alone_and_the_rest_a_share_at_a_time():
    hosts = [Host(address=f"h{i}") for i in range(8)]
    at_a_time = parse_share("40%", count=8)
    assert [len(batch) for batch in batches(hosts, at_a_time)] == [1, 3, 3, 1]
    assert [host for batch in batches(hosts, at_a_time) for host in batch] == hosts


@pytest.mark.parametrize(
    ("text", "count", "share"), [("5", 100, 5), ("25%", 100, 25), ("1%", 5, 1)]
)
def test_a_share_is_a_number_or_a_part_and_never_nothing(text, count, share):
    assert parse_share(text, count=count) == share


@pytest.mark.parametrize("text", ["0", "-1", "0%", "101%", "half", "", "2.5"])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(OptionError, match="Expected a number of devices"):
        parse_share(text, count=10)
