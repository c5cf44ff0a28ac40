import hashlib
import resource
import socket

import pytest
from edgecls_device.errors import NetworkError, OptionError, StorageError

from edgecls.data.download import Download, download

CONTENT = hashlib.shake_256(b"content").digest(1_000_000)


def wanted(url, content=CONTENT):
    return Download(
        url=url,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        otherwise="take it along on a stick",
    )


def leftovers(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_whole_and_nothing_else_is_left(site, tmp_path):
    steps = []
    server = site(CONTENT)
    resumed = download(wanted(server.url), tmp_path / "a.zip", on_progress=steps.append)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert resumed == 0
    assert sum(steps) == len(CONTENT)
    assert leftovers(tmp_path) == ["a.zip"]


def test_a_connection_that_breaks_is_continued_where_it_stopped(site, tmp_path):
    server = site(CONTENT, cuts=3, cut_after=300_000)
    steps = []
    download(wanted(server.url), tmp_path / "a.zip", on_progress=steps.append, pause_s=0)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert server.ranges == ["", "bytes=300000-", "bytes=600000-", "bytes=900000-"]
    assert sum(steps) == len(CONTENT)


def interrupted(server, tmp_path, after=300_000):
    """Download the first bytes, then lose the server."""

    class LostError(Exception):
        pass

    def advance(steps=1):
        advance.done += steps
        if advance.done >= after:
            raise LostError

    advance.done = 0
    with pytest.raises(LostError):
        download(wanted(server.url), tmp_path / "a.zip", on_progress=advance)


def test_an_interrupted_download_keeps_its_part_and_the_next_one_goes_on(site, tmp_path):
    server = site(CONTENT)
    interrupted(server, tmp_path)
    assert leftovers(tmp_path) == ["a.zip.part", "a.zip.part.validator"]
    part = (tmp_path / "a.zip.part").stat().st_size
    assert part >= 300_000
    assert download(wanted(server.url), tmp_path / "a.zip") == part
    assert server.ranges == ["", f"bytes={part}-"]
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert leftovers(tmp_path) == ["a.zip"]


def test_a_file_that_changed_meanwhile_is_begun_again(site, tmp_path):
    old = site(bytes(len(CONTENT)))
    interrupted(old, tmp_path)
    new = site(CONTENT, etag='"two"')
    steps = []
    download(wanted(new.url), tmp_path / "a.zip", on_progress=steps.append)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert new.ranges[0].startswith("bytes=")
    assert sum(steps) == len(CONTENT)
    assert min(steps) < 0


def test_a_server_without_ranges_begins_again(site, tmp_path):
    server = site(CONTENT, has_ranges=False)
    interrupted(server, tmp_path)
    download(wanted(server.url), tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_server_without_ranges_that_always_breaks_is_given_up(site, tmp_path):
    server = site(CONTENT, has_ranges=False, cuts=100, cut_after=1000)
    with pytest.raises(NetworkError, match="ended after 1000 of 1000000 bytes") as caught:
        download(wanted(server.url), tmp_path / "a.zip", pause_s=0)
    assert 4 <= len(server.ranges) <= 8
    assert "repeat the command" in caught.value.hint
    assert not (tmp_path / "a.zip").exists()


def test_a_server_that_does_not_say_how_long_the_file_is_still_serves(site, tmp_path):
    download(wanted(site(CONTENT, sends_length=False).url), tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_part_of_unknown_origin_is_not_trusted(site, tmp_path):
    (tmp_path / "a.zip.part").write_bytes(bytes(500))
    server = site(CONTENT)
    assert download(wanted(server.url), tmp_path / "a.zip") == 0
    assert server.ranges == [""]
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_part_that_is_longer_than_the_file_is_begun_again(site, tmp_path):
    (tmp_path / "a.zip.part").write_bytes(bytes(2_000_000))
    (tmp_path / "a.zip.part.validator").write_text('"one"')
    download(wanted(site(CONTENT).url), tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_an_answer_that_is_no_file_is_a_typed_error(site, tmp_path, status):
    with pytest.raises(NetworkError, match=f"answered {status}") as caught:
        download(wanted(site(CONTENT, status=status).url), tmp_path / "a.zip", pause_s=0)
    assert caught.value.hint == "take it along on a stick"
    assert leftovers(tmp_path) == []


def test_a_login_page_is_told_from_the_file(site, tmp_path):
    page = site(b"<html>please log in</html>", kind="text/html")
    with pytest.raises(NetworkError, match="26 bytes of text/html instead of 1000000"):
        download(wanted(page.url), tmp_path / "a.zip")
    assert leftovers(tmp_path) == []


def test_wrong_bytes_are_refused_and_removed(site, tmp_path):
    server = site(CONTENT[:-1] + b"?")
    with pytest.raises(NetworkError, match="Expected SHA-256"):
        download(wanted(server.url), tmp_path / "a.zip")
    assert leftovers(tmp_path) == []


def test_no_server_is_a_typed_error_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(NetworkError, match="refused") as caught:
        download(wanted(f"http://127.0.0.1:{port}/a.zip"), tmp_path / "a.zip", pause_s=60)
    assert caught.value.hint == "take it along on a stick"


def test_a_host_without_a_name_server_entry_is_a_typed_error(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(NetworkError, match="Cannot download"):
        download(wanted("http://photos.invalid/a.zip"), tmp_path / "a.zip", pause_s=60)


@pytest.mark.parametrize("url", ["ftp://host/a.zip", "file:///etc/passwd", "photos.zip"])
def test_only_web_addresses_are_taken(url):
    with pytest.raises(OptionError, match="https://"):
        wanted(url)


def test_a_destination_that_cannot_be_written_is_a_typed_error(site, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError):
        download(wanted(site(CONTENT).url), tmp_path / "file" / "a.zip")


def test_a_disk_that_takes_no_more_is_a_typed_error_and_the_part_stays(site, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, limits[1]))
    try:
        with pytest.raises(StorageError, match="too large"):
            download(wanted(site(CONTENT).url), tmp_path / "a.zip")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert leftovers(tmp_path) == ["a.zip.part", "a.zip.part.validator"]
    download(wanted(site(CONTENT).url), tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
