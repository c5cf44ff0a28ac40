"""Shards in an object store: a real client and a server on loopback, and every way of not getting in."""

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from edgecls_device.errors import CredentialsError, DataError, MissingDependencyError, NetworkError

from edgecls.scale.filesystems import open_stream
from edgecls.scale.reading import read_piece
from edgecls.scale.sources import find_pieces, fingerprint
from tests.scale.tars import JPEG, write_tar

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "a",
    "AWS_SECRET_ACCESS_KEY": "b",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def read(location):
    return [photo for piece in find_pieces(location) for photo in read_piece(piece)]


@pytest.fixture(scope="module")
def server():
    """An S3 server on loopback."""
    moto = pytest.importorskip("moto.server")
    import logging

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    threaded = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    threaded.start()
    host, port = threaded.get_host_and_port()
    yield f"http://{host}:{port}"
    threaded.stop()


@pytest.fixture(autouse=True)
def nobody(monkeypatch, tmp_path):
    """Take away what this machine may know of object stores."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("no_proxy", "*")
    yield
    fsspec = pytest.importorskip("fsspec")
    for name in ("s3", "gs"):
        if name in fsspec.registry:
            fsspec.get_filesystem_class(name).clear_instance_cache()


@pytest.fixture
def s3(server, monkeypatch):
    """A client that may do everything; what is below reads with the same environment."""
    s3fs = pytest.importorskip("s3fs")
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    client = s3fs.S3FileSystem()
    if not client.exists("photos"):
        client.mkdir("photos")
    return client


def test_tars_in_a_bucket_are_read_as_those_here(s3, tmp_path):
    for i in range(3):
        path = write_tar(
            tmp_path / f"{i}.tar", [(f"cats/{i}{j}.jpg", bytes([i, j])) for j in range(4)]
        )
        s3.pipe(f"photos/set/{i}.tar", path.read_bytes())
    pieces = find_pieces("s3://photos/set")
    assert [piece.location for piece in pieces] == [f"s3://photos/set/{i}.tar" for i in range(3)]
    assert all(piece.size_bytes == 10_240 and piece.version for piece in pieces)
    assert read("s3://photos/set/") == read(tmp_path)
    assert read("s3://photos/set/1.tar") == read(tmp_path / "1.tar")


def test_a_tar_larger_than_a_request_is_read_whole(s3, tmp_path, monkeypatch):
    monkeypatch.setattr("edgecls.scale.filesystems.READ_BYTES", 1 << 16)
    path = write_tar(
        tmp_path / "0.tar", [(f"cats/{i}.jpg", bytes([i]) * 50_000) for i in range(20)]
    )
    s3.pipe("photos/large/0.tar", path.read_bytes())
    assert read("s3://photos/large") == read(path)


def test_parquet_and_class_folders_in_a_bucket(s3, tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pa.table({"bytes": [JPEG] * 3, "label": ["cats"] * 3})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    s3.pipe("photos/tables/a.parquet", (tmp_path / "a.parquet").read_bytes())
    assert read("s3://photos/tables") == read(tmp_path / "a.parquet")
    for name in ("cats/1.jpg", "dogs/2.jpg"):
        s3.pipe(f"photos/folders/{name}", name.encode())
    photos = [(photo.key, photo.label, photo.data) for photo in read("s3://photos/folders")]
    assert photos == [("cats/1.jpg", "cats", b"cats/1.jpg"), ("dogs/2.jpg", "dogs", b"dogs/2.jpg")]


def test_a_replaced_shard_is_noticed(s3, tmp_path):
    one = write_tar(tmp_path / "1.tar", [("cats/1.jpg", b"1")]).read_bytes()
    two = write_tar(tmp_path / "2.tar", [("cats/1.jpg", b"2")]).read_bytes()
    s3.pipe("photos/replaced/0.tar", one)
    pieces = find_pieces("s3://photos/replaced")
    s3.pipe("photos/replaced/0.tar", two)
    assert fingerprint(find_pieces("s3://photos/replaced")) != fingerprint(pieces)
    with pytest.raises(DataError, match="changed since"):
        list(read_piece(pieces[0]))
    s3.pipe("photos/replaced/0.tar", one)
    assert fingerprint(find_pieces("s3://photos/replaced")) == fingerprint(pieces)


def test_a_photo_that_went_away_is_one_failed_photo(s3):
    for name in ("cats/1.jpg", "dogs/1.jpg"):
        s3.pipe(f"photos/gone/{name}", JPEG)
    (piece,) = find_pieces("s3://photos/gone")
    s3.rm("photos/gone/cats/1.jpg")
    s3.invalidate_cache()
    assert [bool(photo.error) for photo in read_piece(piece)] == [True, False]


@pytest.mark.parametrize(
    "url", ["s3://photos/nothing", "s3://no-such-bucket/set", "s3://photos/no.tar"]
)
def test_nothing_there_is_a_typed_error(s3, url):
    with pytest.raises(DataError, match="got nothing"):
        find_pieces(url)


def test_without_credentials_it_says_where_they_may_be(server, monkeypatch):
    pytest.importorskip("s3fs")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    with pytest.raises(CredentialsError, match="s3://photos/set") as caught:
        find_pieces("s3://photos/set")
    assert "AWS_ACCESS_KEY_ID" in caught.value.hint


def test_an_unknown_profile_is_a_matter_of_credentials(server, monkeypatch):
    pytest.importorskip("s3fs")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(CredentialsError, match="nobody"):
        find_pieces("s3://photos/set")


@pytest.mark.parametrize(
    "answer", [PermissionError("Access Denied"), OSError("Forbidden: photos/0.tar")]
)
def test_a_refusal_is_a_matter_of_credentials(monkeypatch, answer):
    fsspec = pytest.importorskip("fsspec")

    def refuse(*arguments, **options):
        raise answer

    monkeypatch.setattr(fsspec.get_filesystem_class("memory"), "_open", refuse)
    with pytest.raises(CredentialsError, match="memory://set"), open_stream("memory://set/0.tar"):
        pass


def test_google_without_credentials_says_where_they_may_be():
    pytest.importorskip("gcsfs")
    with pytest.raises(CredentialsError, match="gs://photos/set") as caught:
        find_pieces("gs://photos/set")
    assert "gcloud auth application-default login" in caught.value.hint


def test_a_server_that_does_not_answer_is_a_matter_of_the_network(monkeypatch):
    s3fs = pytest.importorskip("s3fs")
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    with pytest.raises(NetworkError, match="s3://photos/set"):
        find_pieces("s3://photos/set")


def test_shards_on_a_web_server(tmp_path):
    pytest.importorskip("fsspec")
    pytest.importorskip("aiohttp")
    write_tar(tmp_path / "set" / "0.tar", [("cats/1.jpg", JPEG), ("dogs/2.jpg", JPEG)])

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            del arguments

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=tmp_path)) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/set"
        (piece,) = find_pieces(f"{url}/")
        assert (piece.location, piece.size_bytes) == (f"{url}/0.tar", 10_240)
        assert read(f"{url}/0.tar") == read(tmp_path / "set")
        with pytest.raises(DataError, match="got nothing"):
            find_pieces(f"{url}/1.tar")
        server.shutdown()
    with pytest.raises(NetworkError, match=r"0\.tar"):
        find_pieces(f"{url}/0.tar")


def test_a_missing_package_is_named(monkeypatch):
    fsspec = pytest.importorskip("fsspec")

    def missing(*arguments, **options):
        message = "Install s3fs to access S3"
        raise ImportError(message)

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    with pytest.raises(MissingDependencyError) as caught:
        find_pieces("s3://photos/set")
    assert caught.value.hint == "pip install 'edgecls[s3]'"


def test_an_error_of_ours_is_no_error_of_the_network():
    pytest.importorskip("fsspec")
    import fsspec

    fsspec.filesystem("memory").pipe("/set/0.tar", b"")
    with pytest.raises(KeyError), open_stream("memory://set/0.tar"):
        raise KeyError
